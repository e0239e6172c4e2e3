//! The person's answers.

use super::Control;
use crate::{
    approvals::{Answered, Chosen, Scope},
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Approve a call that waits for your answer.
///
/// Whoever waits goes on. Where nobody waits any more, the same call passes once within 10 minutes. Needs the passphrase,
/// where there is one.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Approve {
    /// The question, as control_questions names it.
    pub(crate) id: Option<String>,
    /// Instead of one: all that wait of this agent.
    pub(crate) all_of: Option<String>,
    /// With `id`: also those of the same agent and the same kind.
    #[serde(default)]
    pub(crate) alike: bool,
    /// For which calls the yes holds.
    #[serde(default)]
    pub(crate) scope: Scope,
}

/// Refuse a call that waits for your answer.
///
/// The agent is told so, with your reason.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Deny {
    /// The question, as control_questions names it.
    pub(crate) id: Option<String>,
    /// Instead of one: all that wait of this agent.
    pub(crate) all_of: Option<String>,
    /// With `id`: also those of the same agent and the same kind.
    #[serde(default)]
    pub(crate) alike: bool,
    /// Why not, for the agent; 500 characters at most.
    pub(crate) reason: Option<String>,
}

/// What was answered.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Answers {
    /// The questions.
    pub(crate) answered: Vec<Answered>,
}

impl Capability for Approve {
    const NAME: &'static str = "control_approve";
    const ROUTE: Option<&'static str> = Some("/control/approve");
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = r#"{"id": "apr_0", "scope": "once"}"#;
    type Service = Control;
    type Output = Answers;

    async fn run(self, control: &Control, context: &Context) -> Result<Answers> {
        let (chosen, approvals) = (chosen(self.id, self.all_of, self.alike)?, control.approvals.clone());
        control.of_agents.confirm(context).await?;
        // It goes on when the person's connection breaks: what is written is also said to who waits.
        let answered = blocking(move || approvals.approve(&chosen, self.scope)).await??;
        Ok(told(answered, context))
    }
}

impl Capability for Deny {
    const NAME: &'static str = "control_deny";
    const ROUTE: Option<&'static str> = Some("/control/deny");
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = r#"{"id": "apr_0", "reason": "Not on a Friday"}"#;
    type Service = Control;
    type Output = Answers;

    async fn run(self, control: &Control, context: &Context) -> Result<Answers> {
        let chosen = chosen(self.id, self.all_of, self.alike)?;
        Ok(told(control.approvals.deny(&chosen, self.reason.as_deref())?, context))
    }
}

fn chosen(id: Option<String>, all_of: Option<String>, alike: bool) -> Result<Chosen> {
    match (id, all_of) {
        (Some(id), None) if alike => Ok(Chosen::Alike(id)),
        (Some(id), None) => Ok(Chosen::One(id)),
        (None, Some(agent)) => Ok(Chosen::AllOf(agent)),
        _ => Err(Error::invalid("id", "Input should be the id of one question, or all_of an agent in its place")),
    }
}

/// The history names whose call it was, and what it was.
fn told(answered: Vec<Answered>, context: &Context) -> Answers {
    context.record_as(json!({"answered": answered}));
    Answers { answered }
}
