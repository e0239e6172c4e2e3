//! Starts a process and leaves it running.

use super::{
    Processes, Status,
    running::StartRequest,
    wait_for::{Condition, Outcome, Wanted},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    permissions::{Needs, Subjects},
    terminal::spawn::Asked,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The terminal whose sequences [`super::keys`] sends, and which the clients of a terminal understand.
const TERM: &str = "xterm-256color";

/// Columns and rows of a terminal when nobody says.
const SIZE: (u16, u16) = (80, 24);

/// Start a process in the background.
///
/// For servers, long builds, REPLs, editors: it goes on after the reply. Read it with terminal_poll, type with
/// terminal_input, end it with terminal_stop.
///
/// wait_for answers once it is up. pty gives it a terminal.
#[derive(Deserialize, JsonSchema)]
pub struct StartProcess {
    /// The command line.
    command: String,
    /// The folder to run in. The server's directory without it.
    cwd: Option<String>,
    /// Environment variables to add. They are set on top of the server's.
    env: Option<BTreeMap<String, String>>,
    /// Whether a shell runs it. Else it is split as a shell would and run directly.
    #[serde(default = "yes")]
    shell: bool,
    /// Which shell runs it: one that terminal_info names. Without it, the one that MCP_SHELL says: bash where there is one,
    /// else sh.
    shell_program: Option<String>,
    /// Whether it gets a terminal. For REPLs, editors, pagers and whatever draws on the screen.
    #[serde(default)]
    pty: bool,
    /// The terminal's width. In characters, 80 without it.
    #[schemars(range(min = 1, max = 1000))]
    cols: Option<u16>,
    /// The terminal's height. In lines, 24 without it.
    #[schemars(range(min = 1, max = 1000))]
    rows: Option<u16>,
    /// Answer only once this is so. A pattern in the output, or an open port.
    wait_for: Option<Wanted>,
}

fn yes() -> bool {
    true
}

/// The process that was started.
#[derive(Serialize, JsonSchema)]
pub struct StartedProcess {
    /// Its name in the other calls.
    id: String,
    /// The system's process id; absent where commands are confined, since none of them could use it. Signals go by
    /// terminal_signal, the end by terminal_stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// What was run.
    command: String,
    /// Whether it has a terminal.
    pty: bool,
    /// The cursor of its first output.
    cursor: u64,
    /// Where it is in its life.
    status: Status,
    /// Its exit code, if it is over already; negative when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// What came of wait_for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<Outcome>,
}

impl Capability for StartProcess {
    const NAME: &'static str = "terminal_start";
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"command": "echo ready; cat", "wait_for": {"pattern": "ready"}}"#;
    const SUCCESS: &'static str = "Whether it runs and, with wait_for, whether what was waited for came.";
    type Service = Processes;
    type Output = StartedProcess;

    fn aside(_: &StartedProcess) -> &'static [&'static str] {
        &["command", "pid", "cursor"]
    }

    fn succeeded(output: &StartedProcess) -> bool {
        output.waited.as_ref().is_none_or(Outcome::is_met)
    }

    fn subjects(&self, processes: &Processes, needs: Needs) -> Subjects {
        processes.spawner().about(&self.asked(false), needs)
    }

    async fn run(mut self, processes: &Processes, context: &Context) -> Result<StartedProcess> {
        let wanted = self.wait_for.take();
        let condition = wanted.map(|wanted| Condition::new(wanted, "wait_for.")).transpose()?;
        let mut asked = self.asked(context.is_approved());
        if self.pty {
            asked.environment.entry("TERM".into()).or_insert_with(|| TERM.into());
        }
        let command = processes.spawner().permit(asked).await?;
        let size = (self.cols.unwrap_or(SIZE.0), self.rows.unwrap_or(SIZE.1));
        let order = StartRequest { command, size: self.pty.then_some(size) };
        let process = processes.start(order, self.command, context.caller.name()).await?;
        let waited = match condition {
            Some(mut condition) => Some(condition.wait(&process, 0, context).await?),
            None => None,
        };
        let state = process.state();
        Ok(StartedProcess {
            id: process.record.id(),
            pid: processes.shown_pid(&process),
            command: process.record.command.clone(),
            pty: process.record.pty,
            cursor: 0,
            status: state.status(),
            exit_code: state.exit_code(),
            waited,
        })
    }
}

impl StartProcess {
    fn asked(&self, is_approved: bool) -> Asked<'_> {
        Asked {
            command: &self.command,
            shell: self.shell,
            program: self.shell_program.as_deref(),
            cwd: self.cwd.as_deref(),
            environment: self.env.clone().unwrap_or_default(),
            is_approved,
        }
    }
}
