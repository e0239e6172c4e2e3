//! `mcp-server approve` and `deny`: the person's answers to what agents are not to do unasked.

use super::{control::with_bridge, permissions, person::Person, print, question};
use crate::{
    approvals::Scope,
    control::{
        AnswerItem, Answers, Approve, Deny, ListAnswers, ListQuestions, QuestionItem, RevokeAnswer, ShowQuestion,
    },
    env_file,
};
use anyhow::Result;
use clap::{Args, Subcommand};

/// What an answer holds for is shown up to so many characters.
const MAX_CALLS: usize = 120;

/// What can be done with answers that hold for calls to come.
#[derive(Debug, Subcommand)]
pub enum AnswersAction {
    /// Take an answer back: you are asked about the next such call
    #[command(group(clap::ArgGroup::new("revoked").required(true)))]
    Revoke {
        /// The answer, as `answers` names it
        #[arg(group = "revoked")]
        id: Option<String>,
        /// All answers about this agent, instead of one
        #[arg(long, value_name = "AGENT", group = "revoked")]
        all: Option<String>,
    },
}

/// Which questions are answered; none: all are shown.
#[derive(Args, Clone, Debug)]
pub struct ChosenQuestion {
    /// The question, as `approve` without it names it
    #[arg(group = "which")]
    id: Option<String>,
    /// All that wait of this agent, instead of one
    #[arg(long, value_name = "AGENT", group = "which")]
    all: Option<String>,
    /// Those of the same agent and the same kind, too, that wait now
    #[arg(long, requires = "id")]
    alike: bool,
}

/// For which calls a yes holds.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false, requires = "which")]
pub struct ScopeGiven {
    /// For those of the same kind in the agent's session, too
    #[arg(long)]
    session: bool,
    /// For those of the same kind within an hour, too
    #[arg(long)]
    hour: bool,
    /// For those of the same kind from now on: writes a rule into permissions.toml, and prints it
    #[arg(long)]
    always: bool,
}

impl ScopeGiven {
    fn scope(self) -> Scope {
        match self {
            Self { session: true, .. } => Scope::Session,
            Self { hour: true, .. } => Scope::Hour,
            Self { always: true, .. } => Scope::Always,
            _ => Scope::Once,
        }
    }
}

impl ChosenQuestion {
    fn is_none(&self) -> bool {
        self.id.is_none() && self.all.is_none()
    }
}

/// Says yes to what is chosen, or shows what waits.
///
/// # Errors
/// When no bridge runs, nothing of that name waits, or what is to hold always cannot be written.
pub(crate) async fn approve(
    person: &Person<'_>,
    chosen: &ChosenQuestion,
    scope: ScopeGiven,
    program: &str,
) -> Result<()> {
    if chosen.is_none() {
        return list(person, program).await;
    }
    person.ask_if_set().await?;
    if scope.always {
        show_past(person, chosen).await?;
    }
    let ChosenQuestion { id, all: all_of, alike } = chosen.clone();
    let request = Approve { id, all_of, alike, scope: scope.scope() };
    tell(&with_bridge(person, request).await?, program)
}

/// Says no to what is chosen, or shows what waits.
///
/// # Errors
/// When no bridge runs, or nothing of that name waits.
pub(crate) async fn deny(
    person: &Person<'_>,
    chosen: &ChosenQuestion,
    reason: Option<String>,
    program: &str,
) -> Result<()> {
    if chosen.is_none() {
        return list(person, program).await;
    }
    let ChosenQuestion { id, all: all_of, alike } = chosen.clone();
    tell(&with_bridge(person, Deny { id, all_of, alike, reason }).await?, program)
}

async fn list(person: &Person<'_>, program: &str) -> Result<()> {
    let asked = with_bridge(person, ListQuestions::default()).await?;
    if asked.questions.is_empty() {
        return Ok(print::line("Nothing waits for your answer.")?);
    }
    for item in &asked.questions {
        let lines = question::lines(item).into_iter().chain(question::unseen(item, program));
        lines.into_iter().try_for_each(|line| print::line(&line))?;
    }
    let can_be_kept = asked.questions.iter().any(|item| item.not_always.is_none());
    let scopes = if can_be_kept { "--session, --hour or --always" } else { "--session or --hour" };
    print::line(&format!("`{program} approve ID` says yes, for more than once with {scopes};"))?;
    Ok(print::line(&format!("`{program} deny ID --reason TEXT` says no."))?)
}

fn tell(answers: &Answers, program: &str) -> Result<()> {
    let lines = answers.answered.iter().flat_map(|answered| question::told(answered, program));
    lines.into_iter().try_for_each(|line| Ok(print::line(&line)?))
}

/// Shows all of one question: what looks like a secret, too, and nothing cut; and what a rule of it had changed.
///
/// # Errors
/// When no bridge runs, or nothing of that name waits.
pub(crate) async fn show(person: &Person<'_>, id: &str) -> Result<()> {
    let asked = with_bridge(person, ShowQuestion { id: id.to_owned() }).await?;
    let past = question::past(&permissions::tried(&asked, &env_file::load(person.directory)?, person.directory));
    question::lines(&asked).iter().chain(&past).try_for_each(|line| Ok(print::line(line)?))
}

/// Shows what the rules that are going to be written had made of the calls of the last days.
async fn show_past(person: &Person<'_>, chosen: &ChosenQuestion) -> Result<()> {
    let settings = env_file::load(person.directory)?;
    let asked = with_bridge(person, ListQuestions::default()).await?.questions;
    let is_chosen =
        |item: &&QuestionItem| chosen.id.as_ref() == Some(&item.id) || chosen.all.as_ref() == Some(&item.agent);
    for item in asked.iter().filter(is_chosen) {
        // What is listed may be masked, and would be another rule.
        let whole = with_bridge(person, ShowQuestion { id: item.id.clone() }).await?;
        let past = question::past(&permissions::tried(&whole, &settings, person.directory));
        let id = (!past.is_empty()).then(|| item.id.clone());
        id.into_iter().chain(past).try_for_each(|line| print::line(&line))?;
    }
    Ok(())
}

/// Shows the answers that hold for calls to come, or takes some back.
///
/// # Errors
/// When no bridge runs, or no answer of that name holds.
pub(crate) async fn answers(person: &Person<'_>, action: Option<&AnswersAction>, program: &str) -> Result<()> {
    let Some(AnswersAction::Revoke { id, all: all_of }) = action else {
        let standing = with_bridge(person, ListAnswers::default()).await?;
        if standing.answers.is_empty() {
            return Ok(print::line("No answer holds for calls to come.")?);
        }
        standing.answers.iter().map(in_a_line).try_for_each(|line| print::line(&line))?;
        return Ok(print::line(&format!("`{program} answers revoke ID` takes one back."))?);
    };
    let request = RevokeAnswer { id: id.clone(), all_of: all_of.clone() };
    let revoked = with_bridge(person, request).await?;
    for answer in &revoked.answers {
        let line = format!("{} holds no longer: you are asked about the next such call of {}", answer.id, answer.agent);
        print::line(&line)?;
    }
    if revoked.answers.is_empty() { Ok(print::line("No answer was there to take back.")?) } else { Ok(()) }
}

fn in_a_line(answer: &AnswerItem) -> String {
    let AnswerItem { id, agent, tool, calls, answer, until, .. } = answer;
    let until = until.as_deref().map_or_else(|| "the session".to_owned(), print::moment);
    format!("{id}  {agent:<20} {answer:<24} until {until:<19}  {tool}: {}", print::plain(calls, MAX_CALLS))
}
