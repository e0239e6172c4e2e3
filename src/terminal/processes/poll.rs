//! Reads what a process wrote since a cursor.

use super::{
    Processes, State, Status,
    log::{Piece, Stream},
    process::Process,
    screen::Shown,
};
use crate::{
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    excerpt::Parts,
    terminal::{
        form::Form,
        plain,
        remarks::{self, Blocked, Ended},
        spawn::Spawner,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc, time::Duration};

/// Read what a process wrote since the last poll.
///
/// Give the cursor of the last reply to get only what is new.
///
/// timeout holds the reply until there is something or the process ends. Output stays readable for a day after the end.
#[derive(Deserialize, JsonSchema)]
pub struct PollProcess {
    /// The process.
    id: String,
    /// Where to begin. The cursor of the last reply; without it, at the oldest output that is kept; negative, that many
    /// bytes before the end.
    cursor: Option<i64>,
    /// Seconds to wait for something new. At most 60.
    #[serde(default)]
    #[schemars(range(min = 0, max = 60))]
    timeout: f64,
    /// How much output to return at most, in bytes.
    #[serde(default = "default_max")]
    #[schemars(range(min = 4, max = 16_777_216))]
    max_bytes: usize,
    /// How many of max_bytes are the last ones: of longer output the start and the end are returned, and the cursor goes to
    /// the end. Without it, output is returned from the cursor on.
    tail_bytes: Option<usize>,
    /// Whether output is returned as a person reads it: without colours, and of what is drawn over the last. Default: false,
    /// and true over MCP.
    plain: Option<bool>,
    /// `screen` shows a terminal as a person sees it. With the cursor: for editors, pagers, installers; `output` returns
    /// what was written.
    #[serde(default, rename = "as")]
    form: View,
}

/// What a poll returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum View {
    /// What was written.
    #[default]
    Output,
    /// The screen.
    Screen,
}

fn default_max() -> usize {
    65_536
}

/// Output of a process.
#[derive(Serialize, JsonSchema)]
pub struct PolledProcess {
    /// The process.
    id: String,
    /// What came over its terminal, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// What came over its standard output, if it has no terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    /// What came over its standard error, if it has no terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    /// What is on its terminal's screen, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    screen: Option<Shown>,
    /// How many bytes between the start and the end are left out; absent when none.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
    /// Where to go on.
    cursor: u64,
    /// Whether more output is there already.
    more: bool,
    /// How many bytes between the asked cursor, or without one the start, and this output are no longer kept; absent when
    /// none.
    #[serde(skip_serializing_if = "is_zero")]
    missed: u64,
    /// Where the process is in its life.
    status: Status,
    /// Its exit code once it is over; negative when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Present when it was ended for taking more memory, with all its processes, than MAX_COMMAND_MEMORY_MIB.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    memory_exceeded: bool,
    /// With the last of its output: what the confinement kept from it, where that can be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocked: Vec<Blocked>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Capability for PollProcess {
    const NAME: &'static str = "terminal_poll";
    const ACCESS: Access = Access::Read;
    const OUTPUT: &'static [&'static str] = &["output", "stdout", "stderr"];
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "cursor": 0, "timeout": 10}"#;
    const SUCCESS: &'static str = "Always true: a process that failed says so in its exit code.";
    type Service = Processes;
    type Output = PolledProcess;

    fn aside(_: &PolledProcess) -> &'static [&'static str] {
        &["id", "cursor"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<PolledProcess> {
        let process = processes.get(&context.caller, &self.id)?;
        let cursor = process.cursor(self.cursor)?;
        let timeout = Duration::from_secs_f64(self.timeout.clamp(0.0, 60.0));
        process.reaches(timeout, |state| state.end > cursor || state.ending.is_some()).await;
        // The state is taken first: a process that it calls over has written all that is read below.
        let state = process.state();
        if self.form == View::Screen {
            return Ok(screen(&process, &state, process.shown()?));
        }
        let (piece, tail) = self.pieces(&process, cursor).await?;
        let plain = self.plain.unwrap_or(context.prefers_plain());
        let omitted = tail.as_ref().map_or(0, |tail| tail.start - piece.next);
        let next = tail.as_ref().map_or(piece.next, |tail| tail.next);
        let missed = if self.cursor.is_some() { piece.missed } else { piece.start };
        let size = state.size;
        let read = move || Stream::ALL.map(|stream| text(&piece, tail.as_ref(), omitted, stream, plain, size));
        let [stdout, stderr, output] = blocking(read).await?;
        let split = |text: String| (!process.record.pty).then_some(text);
        let more = process.log.span().1 > next;
        let is_all = state.ending.is_some() && !more;
        let blocked = if is_all { blocked(&process, processes.spawner()).await? } else { Vec::new() };
        Ok(PolledProcess {
            id: process.record.id(),
            output: process.record.pty.then_some(output),
            stdout: split(stdout),
            stderr: split(stderr),
            screen: None,
            omitted,
            cursor: next,
            more,
            // Without a cursor the reading begins at the oldest that is kept.
            missed,
            status: state.status(),
            exit_code: state.exit_code(),
            memory_exceeded: state.has_exceeded_memory(),
            blocked,
        })
    }
}

impl PollProcess {
    /// What is new from `cursor` on: all, or what fits; with `tail_bytes` the start and the end of what does not fit.
    async fn pieces(&self, process: &Process, cursor: u64) -> Result<(Piece, Option<Piece>)> {
        let end = process.log.span().1;
        let Some(tail) = self.tail_bytes.filter(|_| end - cursor > self.max_bytes as u64) else {
            return Ok((process.read(cursor, self.max_bytes).await?, None));
        };
        let tail = tail.min(self.max_bytes);
        let head = process.read(cursor, self.max_bytes - tail).await?;
        let from = (end - tail as u64).max(head.next);
        let last = process.read(from, tail).await?;
        Ok((head, Some(last)))
    }
}

/// What one stream brought.
fn text(
    head: &Piece,
    tail: Option<&Piece>,
    omitted: u64,
    stream: Stream,
    plain: bool,
    size: Option<(u16, u16)>,
) -> String {
    let text = |piece: &Piece| plain::text(piece.of(stream));
    let tail = tail.map(text).unwrap_or_default();
    // The gap is told where there is something behind it: how much of it each stream brought is not known.
    let omitted = if tail.is_empty() { 0 } else { omitted };
    Form::new(None, None, plain).of(Parts { head: text(head), omitted, tail }, size).join()
}

/// The answer that shows the screen.
fn screen(process: &Process, state: &State, shown: Shown) -> PolledProcess {
    PolledProcess {
        id: process.record.id(),
        output: None,
        stdout: None,
        stderr: None,
        screen: Some(shown),
        omitted: 0,
        cursor: state.end,
        more: false,
        missed: 0,
        status: state.status(),
        exit_code: state.exit_code(),
        memory_exceeded: state.has_exceeded_memory(),
        blocked: Vec::new(),
    }
}

/// What the confinement kept from a process that is over, by the end of its output.
async fn blocked(process: &Process, spawner: &Arc<Spawner>) -> Result<Vec<Blocked>> {
    let end = process.log.span().1;
    let last = process.read(end.saturating_sub(remarks::READ as u64), remarks::READ).await?;
    let (command, cwd) = (process.record.command.clone(), process.record.cwd.clone());
    let (exit_code, spawner) = (process.state().exit_code().unwrap_or_default(), spawner.clone());
    let read = move || {
        let text = |stream| plain::without_escapes(&last.of(stream));
        let (stdout, stderr) = (text(Stream::Stdout), text(Stream::Stderr) + &text(Stream::Terminal));
        let ended = Ended { command: &command, stdout: &stdout, stderr: &stderr, exit_code, left_behind: false };
        remarks::of(&ended, Path::new(&cwd), &spawner).blocked
    };
    blocking(read).await
}
