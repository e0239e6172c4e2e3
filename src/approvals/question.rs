//! What the person is asked.

use crate::{
    arguments::{Digest, SEE_ALL, Whole, clean},
    capability::Context,
    excerpt::{Bound, Parts, gap},
};
use serde_json::Value;
use std::{fmt, path::PathBuf, sync::Arc};

/// How much of a question is listed, in bytes: of its arguments with what its command does, and of its diff. What is left out
/// is marked, and shown when the person asks for all of the question. The answer holds for the whole call: its digest is of
/// that.
const MAX_SHOWN: usize = 64 * 1024;

/// One call that the person is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The agent's name.
    pub agent: String,
    /// What its client calls itself.
    pub client: Option<String>,
    /// Its session of MCP; none over REST.
    pub session: Option<String>,
    /// The capability.
    pub tool: &'static str,
    /// The arguments as they were sent, without secrets, for showing.
    pub arguments: Value,
    /// Whether something in them is not shown since it may be a secret.
    pub is_masked: bool,
    /// How many bytes of all this are left out where it is listed.
    pub left_out: u64,
    /// What is not shown there.
    pub exact: Exact,
    /// Why the person is asked.
    pub why: String,
    /// The line of the permissions that asks.
    pub rule: Option<String>,
    /// Of a command: what it removes, writes and runs, as the guard reads it.
    pub reading: Option<Value>,
    /// Of a change of a file: what changes.
    pub diff: Option<String>,
    /// Of everything that an answer is bound to: it holds for this only.
    pub digest: Digest,
    /// For which other calls an answer may hold; none where it can hold for this one alone.
    pub kind: Option<Kind>,
}

/// All that is in a question, which the person sees on demand and nobody keeps any longer than the question.
#[derive(Clone, Default)]
pub(crate) struct Exact {
    /// The arguments with what may be a secret, as JSON.
    pub arguments: Arc<str>,
    /// What a command does, where that was cut.
    pub reading: Option<Value>,
    /// What changes in a file, where that was cut.
    pub diff: Option<String>,
    /// Why the person is asked, where that has what may be a secret.
    pub why: Option<String>,
}

impl fmt::Debug for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Exact({} bytes)", self.arguments.len())
    }
}

/// A kind of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// What a call of it is, in entries as the permission file would have them, sorted.
    pub rules: Vec<String>,
    /// The folder that a command of it runs in: elsewhere the same words mean other files.
    pub folder: Option<PathBuf>,
    /// The profile and what in it asks: an answer to one rule is none to another.
    pub asked_by: String,
    /// The list of a profile in which they would stand: `commands.allow`, `network.fetch.allow`, …
    pub list: &'static str,
    /// Whether they may stand there for good: not where anything could hide behind them.
    pub can_be_kept: bool,
    /// What it is, for the person.
    pub in_words: String,
}

impl Kind {
    /// Whether whoever may do all of this kind may do what another one says.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let has = |rule| self.rules.contains(rule);
        self.list == other.list
            && self.folder == other.folder
            && self.asked_by == other.asked_by
            && !other.rules.is_empty()
            && other.rules.iter().all(has)
    }
}

impl Question {
    /// About a call of this tool that is to be shown with these arguments.
    pub(crate) fn of(context: &Context, tool: &'static str, whole: Whole, why: String, digest: Digest) -> Self {
        let Whole { shown, exact, is_masked, left_out } = whole;
        Self {
            agent: context.caller.name().to_owned(),
            client: context.caller.as_agent().and_then(|agent| agent.client()),
            session: context.session().map(str::to_owned),
            tool,
            arguments: shown,
            is_masked,
            left_out,
            exact: Exact { arguments: exact.into(), ..Exact::default() },
            why,
            rule: None,
            reading: None,
            diff: None,
            digest,
            kind: None,
        }
    }

    /// Whether it is the same agent's and of the same kind.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.agent == other.agent && self.kind.is_some() && self.kind == other.kind
    }

    /// Why it cannot be approved for good; none where it can.
    pub(crate) fn why_not_always(&self) -> Option<&'static str> {
        match &self.kind {
            None => Some("no other call is known to be like it"),
            Some(kind) if kind.can_be_kept => None,
            Some(kind) if kind.folder.is_some() => Some("a line of `ask` says to ask about it each time"),
            Some(_) => Some("that is for commands"),
        }
    }

    /// The same, of a size that a person reads and of which two hundred may be listed again and again. All that was cut stays
    /// for [`Self::exactly`].
    pub(super) fn bounded(mut self) -> Self {
        let mut budget = Budget { left: MAX_SHOWN, left_out: 0 };
        self.arguments = budget.cut_value(self.arguments);
        let (reading, diff, why) = (self.reading.clone(), self.diff.clone(), self.why.clone());
        self.reading = self.reading.map(|reading| budget.cut_value(reading));
        self.diff = self.diff.map(|diff| budget.cut(diff, MAX_SHOWN));
        self.mask();
        self.exact.reading = reading.filter(|reading| self.reading.as_ref() != Some(reading));
        self.exact.diff = diff.filter(|diff| self.diff.as_ref() != Some(diff));
        self.exact.why = Some(why).filter(|why| *why != self.why);
        self.left_out += budget.left_out;
        self
    }

    /// Takes out what may be a secret, of all that is said beside the arguments, too.
    fn mask(&mut self) {
        let mut is_masked = false;
        let mut masked = |text: &mut String| {
            let cleaned = clean(text, &[]);
            is_masked |= cleaned != *text;
            *text = cleaned;
        };
        masked(&mut self.why);
        self.diff.iter_mut().for_each(&mut masked);
        self.reading.iter_mut().for_each(|reading| each_text(reading, &mut masked));
        self.is_masked |= is_masked;
    }

    /// The same with all that is in it, secrets and what was cut included: for the person's eyes alone.
    pub(crate) fn exactly(&self) -> Self {
        let mut whole = self.clone();
        whole.arguments = serde_json::from_str(&self.exact.arguments).unwrap_or_default();
        whole.reading = whole.exact.reading.take().or(whole.reading);
        whole.diff = whole.exact.diff.take().or(whole.diff);
        whole.why = whole.exact.why.take().unwrap_or(whole.why);
        (whole.is_masked, whole.left_out) = (false, 0);
        whole
    }

    /// How many bytes of it are kept, beside what is shown.
    pub(super) fn size(&self) -> usize {
        let Exact { arguments, reading, diff, .. } = &self.exact;
        let reading = reading.as_ref().map_or(0, |reading| reading.to_string().len());
        arguments.len() + reading + diff.as_ref().map_or(0, String::len)
    }
}

/// Each text of a value.
fn each_text(value: &mut Value, with: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_text(value, with)),
        Value::Object(fields) => fields.values_mut().for_each(|value| each_text(value, with)),
        _ => {}
    }
}

/// How much may be shown, and how much was left out, in bytes.
struct Budget {
    left: usize,
    left_out: u64,
}

impl Budget {
    /// Cuts the texts in a value where they are longer than what is left.
    fn cut_value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => {
                let text = self.cut(text, self.left);
                self.left = self.left.saturating_sub(text.len());
                text.into()
            }
            Value::Array(items) => self.cut_list(items).into(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    self.left = self.left.saturating_sub(name.len());
                    (name, self.cut_value(value))
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other,
        }
    }

    fn cut_list(&mut self, items: Vec<Value>) -> Vec<Value> {
        let (all, mut kept) = (items.len(), Vec::new());
        for item in items {
            if self.left > 0 {
                self.left = self.left.saturating_sub(1);
                kept.push(self.cut_value(item));
            } else {
                self.left_out += item.to_string().len() as u64;
            }
        }
        let more = all - kept.len();
        if more > 0 {
            kept.push(format!("[... {more} more left out{SEE_ALL} ...]").into());
        }
        kept
    }

    fn cut(&mut self, text: String, max: usize) -> String {
        let Parts { head, omitted, tail } = Parts { head: text, ..Parts::default() }.bounded(Bound::halves(max));
        self.left_out += omitted;
        if omitted == 0 { head } else { format!("{head}{}{tail}", gap(omitted, SEE_ALL)) }
    }
}
