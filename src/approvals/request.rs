//! An agent asks the person for more than it may.

use super::Approvals;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest text of a request, in characters.
const MAX_TEXT: usize = 2000;

/// Ask the person for more than you may.
///
/// Where the profile of this agent refuses what the task needs: the user, who owns the machine, reads it and answers.
///
/// A yes says that something was changed, or will be: terminal_info tells what is allowed then.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the question shows what was sent")]
pub(crate) struct RequestPermission {
    /// What was refused. What you want to do.
    #[schemars(with = "String")]
    what: InWords,
    /// What for.
    #[schemars(with = "String")]
    why: InWords,
}

/// The person's answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PermissionAnswer {
    /// Always `yes`: a no is a refusal, with the person's reason.
    answer: &'static str,
    /// What to do now.
    message: &'static str,
}

impl Capability for RequestPermission {
    const NAME: &'static str = "permissions_request";
    const ACCESS: Access = Access::Read;
    const ASKS: Option<&'static str> = Some("The agent asks for more than it may; a yes changes nothing by itself");
    const EXAMPLE: &'static str = r#"{"what": "…", "why": "…"}"#;
    type Service = Approvals;
    type Output = PermissionAnswer;

    async fn run(self, _: &Approvals, context: &Context) -> Result<PermissionAnswer> {
        if context.caller.as_agent().is_none() {
            return Err(Error::Unusable("Only agents ask the person".to_owned()));
        }
        let message = "The person said yes. What was changed by that, if anything was, terminal_info tells: otherwise wait, or ask in words";
        Ok(PermissionAnswer { answer: "yes", message })
    }
}

/// A text that says something.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct InWords;

impl TryFrom<String> for InWords {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let is_said = text.chars().any(char::is_alphanumeric);
        let is_bounded = text.chars().count() <= MAX_TEXT;
        let how = || format!("Say it in words, in {MAX_TEXT} characters at most");
        (is_said && is_bounded).then_some(Self).ok_or_else(how)
    }
}
