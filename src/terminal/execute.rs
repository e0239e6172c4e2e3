//! Runs a command and waits for its end.

use super::{
    Terminal,
    following::{End, Following},
    form::Form,
    processes::{Origin, Status},
    remarks::{self, Blocked, Ended, Remarks},
    spawn::{Asked, Spawner, Streams},
};
use crate::{
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    error::{Error, PartialOutput, Result},
    excerpt::Parts,
    permissions::{Needs, Subjects},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout_at;

/// Run a shell command and wait for its end.
///
/// For what ends soon: builds, tests, git. Nothing that it started outlives the reply; for servers and what takes long,
/// terminal_start.
///
/// By bash, else sh. One that fails is an answer too. One out of time is ended; its error has the output.
#[derive(Deserialize, JsonSchema)]
pub struct ExecuteCommand {
    /// The command line.
    command: String,
    /// In seconds. At most MAX_COMMAND_TIMEOUT.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u64", range(min = 1), extend("default" = 10))]
    timeout: Option<u64>,
    /// Whether a shell runs it. Else it is split as a shell would and run directly.
    #[serde(default = "yes")]
    shell: bool,
    /// Which shell runs it: one that terminal_info names. Without it, the one that MCP_SHELL says: bash where there is one,
    /// else sh.
    shell_program: Option<String>,
    /// The folder to run in. The server's directory without it.
    cwd: Option<String>,
    /// Environment variables to add. They are set on top of the server's.
    env: Option<BTreeMap<String, String>>,
    /// `background` lets it go on as a process. When its time is over: `kill` ends it.
    #[serde(default)]
    on_timeout: OnTimeout,
    /// Whether output is returned as a person reads it: without colours, and of what is drawn over the last. Default: false,
    /// and true over MCP.
    plain: Option<bool>,
    /// How much of each stream to return, in bytes: of longer output the start and the end. MAX_OUTPUT_BYTES at most.
    #[schemars(range(min = 1))]
    max_bytes: Option<usize>,
    /// How many of max_bytes are the last ones; half of them without it. Alone: only the last bytes are returned.
    tail_bytes: Option<usize>,
}

/// What becomes of a command whose time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OnTimeout {
    /// It is ended with all that it started.
    #[default]
    Kill,
    /// It goes on as a process.
    Background,
}

fn yes() -> bool {
    true
}

/// A number that was given; `null` is none.
fn given<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<u64>, D::Error> {
    u64::deserialize(value).map(Some)
}

/// What came of a command.
#[derive(Serialize, JsonSchema)]
pub struct ExecuteOutput {
    /// What was run.
    command: String,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// Its exit code; negative when a signal ended it, null when it goes on in the background.
    exit_code: Option<i32>,
    /// How long it ran, in seconds with three decimals.
    execution_time: f64,
    /// Present when it wrote more to a stream than MAX_OUTPUT_BYTES, max_bytes or tail_bytes: the start and the end are
    /// there, and between them how much is left out. One that writes a hundred times MAX_OUTPUT_BYTES is ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Present when a process of it was ended for the memory that it took with the others: more than
    /// MAX_COMMAND_MEMORY_MIB. The last line of stderr says so, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    memory_exceeded: bool,
    #[serde(flatten)]
    background: Option<Background>,
    /// What the confinement kept from it, where that can be told: by what it said, or by what its line names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocked: Vec<Blocked>,
    /// What to do instead, where something is otherwise here than in a person's terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// A command that goes on in the background.
#[derive(Serialize, JsonSchema)]
struct Background {
    /// Present when the command goes on: its name for terminal_poll, terminal_wait_for and terminal_stop.
    id: String,
    /// The cursor of what it writes from now on.
    cursor: u64,
    /// Where it is in its life.
    status: Status,
    /// What became of it, in a sentence.
    message: String,
}

impl Capability for ExecuteCommand {
    const NAME: &'static str = "terminal_execute";
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const STREAMS_OUTPUT: bool = true;
    const OUTPUT: &'static [&'static str] = &["stdout", "stderr"];
    const EXAMPLE: &'static str = r#"{"command": "echo hello"}"#;
    const SUCCESS: &'static str = "Whether it ended with exit code 0.";
    type Service = Terminal;
    type Output = ExecuteOutput;

    fn aside(_: &ExecuteOutput) -> &'static [&'static str] {
        &["command", "execution_time", "cursor"]
    }

    fn succeeded(output: &ExecuteOutput) -> bool {
        output.exit_code == Some(0)
    }

    fn subjects(&self, terminal: &Terminal, needs: Needs) -> Subjects {
        terminal.spawner.about(&self.asked(false), needs)
    }

    async fn run(self, terminal: &Terminal, context: &Context) -> Result<ExecuteOutput> {
        let timeout = self.timeout.unwrap_or(terminal.default_timeout);
        if timeout > terminal.max_timeout {
            let error = Error::Unusable(format!("Timeout too high. Max allowed: {}s", terminal.max_timeout));
            return Err(error.with_hint(|| Some(format!("Raise MAX_COMMAND_TIMEOUT, {FOR_LONGER}"))));
        }
        let plain = self.plain.unwrap_or(context.prefers_plain());
        let form = Form::new(self.max_bytes, self.tail_bytes, plain);
        let permitted = terminal.spawner.permit(self.asked(context.is_approved())).await?;
        let cwd = permitted.directory().to_owned();
        let turn = terminal.turns.take().await?;
        let started = Instant::now();
        let run = Run { command: self.command, cwd, timeout, form, started };
        let deadline = started + Duration::from_secs(timeout);
        // A program that starts too late ends at once: nobody takes it.
        let start = terminal.spawner.start(permitted, Streams::Captured);
        let Ok(tree) = timeout_at(deadline.into(), start).await else {
            return Err(terminal.timed_out(timeout, PartialOutput::default()));
        };
        let mut following = Following::new(tree?, terminal.max_output, context);
        if let Ok(exit_code) = timeout_at(deadline.into(), following.until_end()).await {
            return run.answer(following.finish(exit_code?).await, &terminal.spawner).await;
        }
        if self.on_timeout == OnTimeout::Background {
            drop(turn);
            return run.go_on(terminal, following, context).await;
        }
        Err(terminal.timed_out(timeout, run.partial(following.cut_off().await).await?))
    }
}

impl ExecuteCommand {
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

/// What to do for a command that takes longer than a call may, beside raising the bound.
const FOR_LONGER: &str = "let the command go on with on_timeout \"background\", or start it with POST /terminal/start and \
                          read it with POST /terminal/poll";

/// A command that runs for a call.
struct Run {
    command: String,
    cwd: PathBuf,
    /// In seconds.
    timeout: u64,
    form: Form,
    started: Instant,
}

impl Run {
    /// Made where nobody waits for it: the output may be long.
    async fn answer(self, end: End, spawner: &Arc<Spawner>) -> Result<ExecuteOutput> {
        let spawner = spawner.clone();
        blocking(move || self.answer_now(end, &spawner)).await
    }

    fn answer_now(self, end: End, spawner: &Spawner) -> ExecuteOutput {
        let end = formed(self.form, end);
        let (truncated, left_behind) = (end.is_cut(), end.left_behind);
        let (stdout, stderr) = (end.stdout.join(), end.stderr.join());
        let ended =
            |exit_code| Ended { command: &self.command, stdout: &stdout, stderr: &stderr, exit_code, left_behind };
        let said = end.exit_code.map(|code| remarks::of(&ended(code), &self.cwd, spawner));
        let Remarks { blocked, hint } = said.unwrap_or_default();
        ExecuteOutput {
            truncated,
            command: self.command,
            stdout,
            stderr,
            exit_code: end.exit_code,
            execution_time: (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            memory_exceeded: end.memory_exceeded,
            background: None,
            blocked,
            hint,
        }
    }

    /// What a command that was ended for its time had done.
    async fn partial(&self, end: End) -> Result<PartialOutput> {
        let form = self.form;
        let end = blocking(move || formed(form, end)).await?;
        Ok(PartialOutput { running: end.running, ..PartialOutput::of(end.stdout, end.stderr) })
    }

    /// Hands the command over to the processes.
    async fn go_on(self, terminal: &Terminal, following: Following<'_>, context: &Context) -> Result<ExecuteOutput> {
        let slot = match terminal.processes.slot() {
            Ok(slot) => slot,
            Err(full) => {
                let hint = format!("It could not go on in the background: {full}");
                let (message, partial) = (late(self.timeout), Box::new(self.partial(following.cut_off().await).await?));
                return Err(Error::ProgramTimedOut { message, hint, partial });
            }
        };
        let adopted = following.hand_over();
        let text = |written: &[u8]| Parts { head: String::from_utf8_lossy(written).into_owned(), ..Parts::default() };
        let (stdout, stderr) = (text(&adopted.stdout.written), text(&adopted.stderr.written));
        let cursor = (adopted.stdout.written.len() + adopted.stderr.written.len()) as u64;
        let caller = context.caller.name().to_owned();
        let origin = Origin {
            command: self.command.clone(),
            cwd: self.cwd.clone(),
            size: None,
            caller,
            is_approved: context.is_approved(),
        };
        let process = terminal.processes.adopt(slot, origin, adopted).await?;
        let id = process.record.id();
        let message =
            format!("Its time is over, and it goes on in the background: read it with terminal_poll, id {id:?}");
        let end = End {
            exit_code: None,
            stdout,
            stderr,
            is_flood: false,
            memory_exceeded: false,
            left_behind: false,
            running: vec![],
        };
        let background = Some(Background { id, cursor, status: process.state().status(), message });
        Ok(ExecuteOutput { background, ..self.answer(end, &terminal.spawner).await? })
    }
}

/// Output as the caller wants it.
fn formed(form: Form, end: End) -> End {
    End { stdout: form.of(end.stdout, None), stderr: form.of(end.stderr, None), ..end }
}

fn late(seconds: u64) -> String {
    format!("Command timed out after {seconds}s")
}

impl Terminal {
    /// What a command that ran out of its time is answered.
    fn timed_out(&self, seconds: u64, partial: PartialOutput) -> Error {
        Error::ProgramTimedOut {
            message: late(seconds),
            hint: remarks::waiting(&partial.running).unwrap_or_default()
                + &format!(
                    "For what takes longer raise timeout (at most {}, MAX_COMMAND_TIMEOUT), {FOR_LONGER}",
                    self.max_timeout
                ),
            partial: Box::new(partial),
        }
    }
}
