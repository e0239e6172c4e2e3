//! What the person is asked about a call.

use super::{
    deletions::WINDOW,
    operation::{Operation, SentArguments},
};
use crate::{
    approvals::{Kind, Question},
    arguments::Digest,
    capability::Context,
    permissions::{Decision, Profile, Subjects},
};
use command_guard::Reading;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The question about a call that is about this.
pub(super) fn question(
    context: &Context,
    operation: Operation,
    sent: &SentArguments,
    profile: &Profile,
    about: &Subjects,
    decision: &Decision<'_>,
) -> Question {
    let deleted = || (about.deletes > 0).then(|| json!({"deletes": deleted(about, profile.needs().deletes)}));
    Question {
        rule: decision.rule.map(ToString::to_string),
        reading: about.command.as_ref().map(read).or_else(deleted),
        diff: about.diff.clone(),
        kind: kind(operation, profile, about, decision).filter(|_| operation.asks.is_none()),
        ..Question::of(
            context,
            operation.tool,
            sent.whole.clone(),
            decision.why.clone(),
            digest(operation, sent, about),
        )
    }
}

/// Of everything that an answer is bound to.
pub(super) fn digest(operation: Operation, sent: &SentArguments, about: &Subjects) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(operation.tool);
    hasher.update(sent.digest);
    for word in &about.bound {
        hasher.update((word.len() as u64).to_le_bytes());
        hasher.update(word);
    }
    hasher.finalize().into()
}

/// What a command would do, as the guard reads it.
fn read(reading: &Reading) -> Value {
    let runs: Vec<String> = reading.executions.iter().map(ToString::to_string).collect();
    let dangers: Vec<String> = reading.refusals.iter().map(|refusal| refusal.reason.clone()).collect();
    json!({"runs": runs, "dangers": dangers, "is_complete": reading.is_complete})
}

/// What is deleted, in words: no more is counted than one more than the profile allows.
fn deleted(about: &Subjects, counted: Option<u64>) -> String {
    let files = |number: u64| if number == 1 { "1 file".to_owned() } else { format!("{number} files") };
    let now = match counted {
        Some(most) if about.deletes > most => format!("more than {}", files(most)),
        _ => files(about.deletes),
    };
    match about.deleted_before {
        0 => now,
        before => format!("{now}, after {} within {} minutes", files(before), WINDOW.as_secs() / 60),
    }
}

/// For which calls the answer may hold beside this one.
fn kind(operation: Operation, profile: &Profile, about: &Subjects, decision: &Decision<'_>) -> Option<Kind> {
    let rule = decision.rule.map(|rule| rule.text.as_str()).unwrap_or_default();
    let asked_by = format!("{}: {rule}", profile.name());
    if let Some(line) = &about.command {
        let folder = about.folder.clone()?;
        let asked = profile.asked_calls(line)?;
        let in_words = format!("the command {}", asked.patterns.join(" and "));
        return Some(Kind {
            rules: asked.patterns,
            folder: Some(folder),
            asked_by,
            list: "commands.allow",
            can_be_kept: asked.can_be_allowed,
            in_words,
        });
    }
    let mut places: Vec<String> = about.paths.iter().map(|(path, _)| path.display().to_string()).collect();
    places.extend(about.host.clone());
    places.sort();
    let what = if places.is_empty() {
        operation.tool.to_owned()
    } else {
        format!("{} on {}", operation.tool, places.join(" and "))
    };
    Some(Kind { rules: vec![what.clone()], folder: None, asked_by, list: "calls", can_be_kept: false, in_words: what })
}
