//! What waits for the person's answer.

use super::Control;
use crate::{
    approvals::{Kind, Waiting},
    arguments::clean,
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The longest that a list is waited for, in seconds.
const MAX_WAIT: u64 = 20;

/// List what waits for your answer.
///
/// In the order in which it was asked. With `after` the answer comes when another list is there, or when the wait is over.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ListQuestions {
    /// Only those of this agent.
    pub(crate) agent: Option<String>,
    /// The `version` of the list that you have.
    pub(crate) after: Option<u64>,
    /// How long to wait for another list than that, in seconds; 20 at most. Default: not at all.
    #[serde(default)]
    pub(crate) wait_seconds: u64,
}

/// A call that waits for your answer.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct QuestionItem {
    /// Its name, for control_approve and control_deny.
    pub(crate) id: String,
    /// Whose call it is.
    pub(crate) agent: String,
    /// What the agent's client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    /// The capability.
    pub(crate) tool: String,
    /// The arguments as they were sent, without what looks like a secret; of long ones a part is left out and marked.
    pub(crate) arguments: Value,
    /// Whether something in them is not shown since it looks like a secret: control_question shows it.
    #[serde(default)]
    pub(crate) is_masked: bool,
    /// How many bytes are left out: control_question shows them.
    #[serde(default)]
    pub(crate) left_out: u64,
    /// Why you are asked.
    pub(crate) why: String,
    /// The line of the permissions that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// Of a command: what it removes, writes and runs, as the guard reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reading: Option<Value>,
    /// Of a change of a file: what changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) diff: Option<String>,
    /// For which other calls a yes can hold; without it, for this one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<KindItem>,
    /// Why it cannot be approved for good; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_always: Option<String>,
    /// When it was asked.
    pub(crate) asked: String,
    /// How many calls wait for the answer. Where none does, it is for the next one that is the same, within 10 minutes.
    pub(crate) waiting: usize,
    /// Until when it can be answered; absent as long as a call waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<String>,
}

/// A kind of calls.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct KindItem {
    /// What it is, in words.
    pub(crate) in_words: String,
    /// What it is, as permissions.toml says it.
    pub(crate) rules: Vec<String>,
    /// In which list of a profile.
    pub(crate) list: String,
    /// Whether it can be approved for good.
    pub(crate) can_be_kept: bool,
}

/// What waits.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Questions {
    /// Which list this is, for `after`.
    pub(crate) version: u64,
    /// The questions.
    pub(crate) questions: Vec<QuestionItem>,
}

impl Capability for ListQuestions {
    const NAME: &'static str = "control_questions";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = Questions;

    async fn run(self, control: &Control, _: &Context) -> Result<Questions> {
        if let Some(version) = self.after {
            control.approvals.changed(version, Duration::from_secs(self.wait_seconds.min(MAX_WAIT))).await;
        }
        let (version, waiting) = control.approvals.waiting();
        let chosen = waiting.iter().filter(|it| self.agent.as_ref().is_none_or(|agent| *agent == it.question.agent));
        Ok(Questions { version, questions: chosen.map(QuestionItem::of).collect() })
    }
}

/// Show all of what waits for your answer.
///
/// With what looks like a secret, and with what is left out of the list. It is for your eyes: nothing of it is kept.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShowQuestion {
    /// The question, as control_questions names it.
    pub(crate) id: String,
}

impl Capability for ShowQuestion {
    const NAME: &'static str = "control_question";
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = r#"{"id": "apr_0"}"#;
    type Service = Control;
    type Output = QuestionItem;

    async fn run(self, control: &Control, _: &Context) -> Result<QuestionItem> {
        control.approvals.exactly(&self.id).map(|waiting| QuestionItem::of(&waiting))
    }
}

impl QuestionItem {
    fn of(waiting: &Waiting) -> Self {
        let asked = &*waiting.question;
        Self {
            id: waiting.id.clone(),
            agent: asked.agent.clone(),
            client: asked.client.clone(),
            tool: asked.tool.to_owned(),
            arguments: asked.arguments.clone(),
            is_masked: asked.is_masked,
            left_out: asked.left_out,
            why: asked.why.clone(),
            rule: asked.rule.clone(),
            reading: asked.reading.clone(),
            diff: asked.diff.clone(),
            kind: asked.kind.as_ref().map(|kind| KindItem::of(kind, asked.is_masked)),
            not_always: asked.why_not_always().map(str::to_owned),
            asked: clock::timestamp_of(waiting.asked),
            waiting: waiting.calls,
            expires_at: waiting.until.map(clock::timestamp_of),
        }
    }
}

impl KindItem {
    /// Without what may be a secret, where the question is shown without.
    fn of(kind: &Kind, is_masked: bool) -> Self {
        let Kind { mut rules, list, can_be_kept, mut in_words, .. } = kind.clone();
        if is_masked {
            rules.iter_mut().chain([&mut in_words]).for_each(|text| *text = clean(text, &[]));
        }
        Self { in_words, rules, list: list.to_owned(), can_be_kept }
    }
}
