//! The answers that hold for calls to come.

use super::Control;
use crate::{
    approvals::StandingAnswer,
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// List your answers that hold for calls to come.
///
/// Those for an hour and for a session, and those to a call whose caller did not wait. What holds always stands in
/// permissions.toml.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ListAnswers {
    /// Only those about this agent.
    pub(crate) agent: Option<String>,
}

/// Take an answer back.
///
/// You are asked anew about the calls that it would let pass.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct RevokeAnswer {
    /// The answer, as control_answers names it.
    pub(crate) id: Option<String>,
    /// Instead of one: all about this agent.
    pub(crate) all_of: Option<String>,
}

/// An answer that holds.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct AnswerItem {
    /// Its name, for control_answers_revoke.
    pub(crate) id: String,
    /// Whose calls it holds for.
    pub(crate) agent: String,
    /// The capability that was asked about.
    pub(crate) tool: String,
    /// Which calls it holds for, without secrets.
    pub(crate) calls: String,
    /// What it was: `approved for an hour`, …
    pub(crate) answer: String,
    /// When it was given.
    pub(crate) given: String,
    /// Until when it holds; absent where it holds as long as the session does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
}

/// Answers.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct StandingAnswers {
    /// The answers, oldest first.
    pub(crate) answers: Vec<AnswerItem>,
}

impl StandingAnswers {
    fn of(answers: impl IntoIterator<Item = StandingAnswer>) -> Self {
        Self { answers: answers.into_iter().map(AnswerItem::of).collect() }
    }
}

impl AnswerItem {
    fn of(answer: StandingAnswer) -> Self {
        let StandingAnswer { id, agent, tool, calls, answer, given, until } = answer;
        let (given, until) = (clock::timestamp_of(given), until.map(clock::timestamp_of));
        Self { id, agent, tool: tool.to_owned(), calls, answer, given, until }
    }
}

impl Capability for ListAnswers {
    const NAME: &'static str = "control_answers";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = StandingAnswers;

    async fn run(self, control: &Control, _: &Context) -> Result<StandingAnswers> {
        let all = control.approvals.answers().into_iter();
        Ok(StandingAnswers::of(all.filter(|it| self.agent.as_ref().is_none_or(|agent| *agent == it.agent))))
    }
}

impl Capability for RevokeAnswer {
    const NAME: &'static str = "control_answers_revoke";
    const ROUTE: Option<&'static str> = Some("/control/answers/revoke");
    const ACCESS: Access = Access::Admin;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "ans_0"}"#;
    type Service = Control;
    type Output = StandingAnswers;

    async fn run(self, control: &Control, context: &Context) -> Result<StandingAnswers> {
        let revoked = match (self.id, self.all_of) {
            (Some(id), None) => control.approvals.revoke(&id)?,
            (None, Some(agent)) => control.approvals.revoke_all(&agent)?,
            _ => {
                return Err(Error::invalid(
                    "id",
                    "Input should be the id of one answer, or all_of an agent in its place",
                ));
            }
        };
        let revoked = StandingAnswers::of(revoked);
        context.record_as(json!({"revoked": revoked.answers}));
        Ok(revoked)
    }
}
