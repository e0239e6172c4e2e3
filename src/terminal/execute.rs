//! Runs a command and waits for its end.

use super::{
    Terminal,
    output::Output,
    spawn::{Streams, Tree},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::{io::AsyncRead, time::timeout_at};

/// How long the answer to a command that ran out of time waits for the end of all that it started. On a machine that has
/// not come to it by then, the rest ends behind the answer.
const ENDING: Duration = Duration::from_secs(5);

/// Run a shell command and wait for its end.
///
/// For commands that end by themselves within seconds. Its output, its errors and its exit code come back; a command
/// that fails is an answer too. Nothing that it started goes on after the reply.
#[derive(Deserialize, JsonSchema)]
pub struct ExecuteCommand {
    /// The command line.
    command: String,
    /// How long it may run, in seconds; at most MAX_COMMAND_TIMEOUT.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u64", range(min = 1), extend("default" = 10))]
    timeout: Option<u64>,
    /// Whether a shell runs it; else it is split as a shell would and run directly.
    #[serde(default = "yes")]
    shell: bool,
    /// The folder to run in; the server's directory without it.
    cwd: Option<String>,
    /// Environment variables to set on top of the server's.
    env: Option<BTreeMap<String, String>>,
}

fn yes() -> bool {
    true
}

/// A number that was given; `null` is none.
fn given<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<u64>, D::Error> {
    u64::deserialize(value).map(Some)
}

/// How a command ended.
#[derive(Serialize, JsonSchema)]
pub struct ExecuteOutput {
    /// Whether it ended with exit code 0.
    success: bool,
    /// What was run.
    command: String,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// Its exit code; negative when a signal ended it.
    exit_code: i32,
    /// How long it ran, in seconds with three decimals.
    execution_time: f64,
    /// Present when it wrote more than MAX_OUTPUT_BYTES to a stream: it was ended there, and the rest is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Present when a process of it was ended for the memory that it took with the others: more than
    /// MAX_COMMAND_MEMORY_MIB. The last line of stderr says so, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    memory_exceeded: bool,
    /// When it ended.
    timestamp: String,
}

impl Capability for ExecuteCommand {
    const NAME: &'static str = "terminal_execute";
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const TELLS_OUTPUT: bool = true;
    const EXAMPLE: &'static str = r#"{"command": "echo hello"}"#;
    type Service = Terminal;
    type Output = ExecuteOutput;

    async fn run(self, terminal: &Terminal, context: &Context) -> Result<ExecuteOutput> {
        let timeout = self.timeout.unwrap_or(terminal.default_timeout);
        if timeout > terminal.max_timeout {
            return Err(Error::Unusable(format!("Timeout too high. Max allowed: {}s", terminal.max_timeout)));
        }
        let environment = self.env.unwrap_or_default();
        let command = terminal.spawner.permit(&self.command, self.shell, self.cwd.as_deref(), environment)?;
        let _turn = terminal.turns.take().await?;
        let started = Instant::now();
        let deadline = started + Duration::from_secs(timeout);
        let late = || Error::TimedOut(format!("Command timed out after {timeout}s"));
        // A program that starts too late ends at once: nobody takes it.
        let start = terminal.spawner.start(command, Streams::Captured);
        let tree = timeout_at(deadline.into(), start).await.map_err(|_| late())??;
        let Ok(end) = timeout_at(deadline.into(), follow(&tree, terminal.max_output, context)).await else {
            end_in_time(tree).await?;
            return Err(late());
        };
        let end = end?;
        Ok(ExecuteOutput {
            success: end.exit_code == 0,
            command: self.command,
            stdout: end.stdout,
            stderr: end.stderr,
            exit_code: end.exit_code,
            execution_time: (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            truncated: end.truncated,
            memory_exceeded: end.memory_exceeded,
            timestamp: clock::timestamp(),
        })
    }
}

/// Ends a command. What has not ended after [`ENDING`] goes on ending when the answer is on its way.
async fn end_in_time(tree: Tree) -> Result<()> {
    if let Ok(ended) = tokio::time::timeout(ENDING, tree.kill()).await {
        return ended.map(drop);
    }
    tracing::warn!("a command that ran out of time has not ended {} s after it was killed", ENDING.as_secs());
    tokio::spawn(async move { tree.wait().await });
    Ok(())
}

/// The end of a command.
pub(super) struct End {
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
    pub truncated: bool,
    pub memory_exceeded: bool,
}

/// Takes in what a captured command writes, until it ends or writes more than `limit` bytes to a stream.
pub(super) async fn follow(tree: &Tree, limit: usize, context: &Context) -> Result<End> {
    let (stdout, stderr) = tree.take_output().expect("a captured command has its output taken once");
    context.begun();
    let mut stdout = Output::new("stdout", stdout, limit, context);
    let mut stderr = Output::new("stderr", stderr, limit, context);
    let exit_code = read_until_end(tree, &mut stdout, &mut stderr).await?;
    stdout.finish().await;
    stderr.finish().await;
    let truncated = stdout.exceeded() || stderr.exceeded();
    let (stdout, mut stderr) = (stdout.into_text(), stderr.into_text());
    let exceeded = tree.exceeded_memory();
    if let Some(most) = exceeded {
        let separator = if stderr.is_empty() || stderr.ends_with('\n') { "" } else { "\n" };
        stderr.push_str(&format!(
            "{separator}The bridge's bound on memory was reached: a command may take {most} MiB with all its processes \
             (MAX_COMMAND_MEMORY_MIB)\n"
        ));
    }
    Ok(End { exit_code, truncated, stdout, stderr, memory_exceeded: exceeded.is_some() })
}

async fn read_until_end(
    tree: &Tree,
    stdout: &mut Output<'_, impl AsyncRead + Unpin>,
    stderr: &mut Output<'_, impl AsyncRead + Unpin>,
) -> Result<i32> {
    let (mut stdout_open, mut stderr_open) = (true, true);
    loop {
        tokio::select! {
            read = stdout.read(), if stdout_open => {
                read?;
                stdout_open = false;
            }
            read = stderr.read(), if stderr_open => {
                read?;
                stderr_open = false;
            }
            code = tree.wait() => return code,
        }
        if stdout.exceeded() || stderr.exceeded() {
            return tree.kill().await;
        }
    }
}
