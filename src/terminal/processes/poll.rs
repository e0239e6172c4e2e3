//! Reads what a process wrote since a cursor.

use super::{
    Processes, Status,
    log::{Piece, Stream},
    plain,
    process::Process,
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Read what a process wrote since the last poll.
///
/// Give back the cursor of the last reply to get only what is new. wait holds the reply until there is something or the
/// process ends. Output stays readable for a day after the end.
#[derive(Deserialize, JsonSchema)]
pub struct PollProcess {
    /// The process.
    id: String,
    /// Where to begin: the cursor of the last reply. Without it, at the oldest output that is kept; negative, that many
    /// bytes before the end.
    cursor: Option<i64>,
    /// How long to wait for something new, in seconds, at most 60.
    #[serde(default)]
    #[schemars(range(min = 0, max = 60))]
    wait: f64,
    /// How much output to return at the most, in bytes.
    #[serde(default = "default_max")]
    #[schemars(range(min = 4, max = 16_777_216))]
    max_bytes: usize,
    /// Whether colours and other escape sequences are left out.
    #[serde(default)]
    plain: bool,
}

fn default_max() -> usize {
    65_536
}

/// Output of a process.
#[derive(Serialize, JsonSchema)]
pub struct PolledProcess {
    /// Always true: a process that failed says so in its exit code.
    success: bool,
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
    /// Where to go on.
    cursor: u64,
    /// Whether more output is there already.
    more: bool,
    /// How many bytes between the asked cursor, or without one the begin, and this output are no longer kept; absent when
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
    /// When this was read.
    timestamp: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Capability for PollProcess {
    const NAME: &'static str = "terminal_poll";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "cursor": 0, "wait": 10}"#;
    type Service = Processes;
    type Output = PolledProcess;

    async fn run(self, processes: &Processes, _: &Context) -> Result<PolledProcess> {
        let process = processes.get(&self.id)?;
        let cursor = process.cursor(self.cursor)?;
        let wait = Duration::from_secs_f64(self.wait.clamp(0.0, 60.0));
        process.reaches(wait, |state| state.end > cursor || state.ending.is_some()).await;
        // The state is taken first: a process that it calls over has written all that is read below.
        let state = process.state();
        let piece = process.read(cursor, self.max_bytes).await?;
        let text = |stream| plain::text(piece.of(stream), self.plain);
        let split = |stream| (!process.record.pty).then(|| text(stream));
        Ok(PolledProcess {
            success: true,
            id: process.record.id(),
            output: process.record.pty.then(|| text(Stream::Terminal)),
            stdout: split(Stream::Stdout),
            stderr: split(Stream::Stderr),
            cursor: piece.next,
            more: more(&process, &piece),
            // Without a cursor the reading begins at the oldest that is kept.
            missed: if self.cursor.is_some() { piece.missed } else { piece.start },
            status: state.status(),
            exit_code: state.exit_code(),
            memory_exceeded: state.has_exceeded_memory(),
            timestamp: clock::timestamp(),
        })
    }
}

fn more(process: &Process, piece: &Piece) -> bool {
    process.log.span().1 > piece.next
}
