//! Runs a command or a program in a fresh container.

use super::Sandbox;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest a run may take, in seconds.
const MAX_TIMEOUT: u64 = 60;

/// Run code or a command in an isolated container.
///
/// No network, 256 MB of memory, half a processor; the container is removed afterwards. Needs Docker.
#[derive(Deserialize, JsonSchema)]
pub struct RunCode {
    /// A shell command. Needed when there is no `code`.
    command: Option<String>,
    /// How long it may run, in seconds, at most 60.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1))]
    timeout: u64,
    /// What `code` is written in: `python`, `bash`, `node` or `javascript`.
    #[serde(default = "default_language")]
    language: Option<String>,
    /// A program, handed to the language's interpreter verbatim. Wins over `command`.
    code: Option<String>,
}

fn default_timeout() -> u64 {
    30
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn default_language() -> Option<String> {
    Some("python".to_owned())
}

/// What a run gave.
#[derive(Serialize, JsonSchema)]
pub struct RunOutput {
    /// Whether it ended with exit code 0.
    success: bool,
    /// What was run.
    command: String,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// Its exit code; negative when a signal ended it.
    exit_code: i64,
    /// The image it ran in.
    sandbox_image: String,
    /// When it ended.
    timestamp: String,
}

impl Capability for RunCode {
    const NAME: &'static str = "sandbox_run";
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"code": "print(2 + 2)"}"#;
    type Service = Sandbox;
    type Output = RunOutput;

    async fn run(self, sandbox: &Sandbox, _: &Context) -> Result<RunOutput> {
        if self.timeout > MAX_TIMEOUT {
            return Err(Error::Unusable(format!("Timeout too high. Max: {MAX_TIMEOUT}s")));
        }
        let given = self.code.filter(|code| !code.is_empty()).or(self.command);
        if given.is_none_or(|text| text.is_empty()) || self.language.is_none() {
            return Err(Error::invalid("command", "Give a command to run, or code and its language"));
        }
        Err(sandbox.missing_engine())
    }
}
