//! Says what the guard would do with a command.

use super::Terminal;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    policy::Line,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ask whether a command would be allowed, without running it.
///
/// The guard against dangerous commands judges the line as it would for execute, and names the rule that refuses.
/// Nothing is started and nothing on disk is looked at.
#[derive(Deserialize, JsonSchema)]
pub struct CheckCommand {
    /// The command line, as a shell would run it.
    command: String,
    /// The folder to judge it in, which need not exist; the server's directory without it. It counts as the workspace
    /// when MCP_ALLOWED_DIRS is not set.
    cwd: Option<String>,
    /// The shell to read it for: as for execute.
    shell_program: Option<String>,
}

/// What the guard says.
#[derive(Serialize, JsonSchema)]
pub struct CheckOutput {
    /// What was judged.
    command: String,
    /// Whether it may run.
    allowed: bool,
    /// The rule that refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What it would do, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Capability for CheckCommand {
    const NAME: &'static str = "terminal_check";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"command": "rm -rf build"}"#;
    const IS_STAMPED: bool = false;
    type Service = Terminal;
    type Output = CheckOutput;

    fn aside(_: &CheckOutput) -> &'static [&'static str] {
        &["command"]
    }

    async fn run(self, terminal: &Terminal, _: &Context) -> Result<CheckOutput> {
        let spawner = &terminal.spawner;
        let directory = spawner.place_of(self.cwd.as_deref().unwrap_or_default());
        let shell = spawner.shells().named(self.shell_program.as_deref())?;
        let line = Line::Shell { shell, text: self.command.clone() };
        let refusal = spawner.judge(line, directory).await?.err();
        Ok(CheckOutput {
            command: self.command,
            allowed: refusal.is_none(),
            rule: refusal.as_ref().map(|refusal| refusal.rule.to_owned()),
            reason: refusal.map(|refusal| refusal.reason),
        })
    }
}
