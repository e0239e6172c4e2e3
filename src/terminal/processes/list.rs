//! Lists processes.

use super::{Process, Processes, Status};
use crate::{
    caller::{Access, since_agents},
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// List the processes that run or ran within the last day.
///
/// Your own, newest first, also those from before a restart of the bridge, each with its status and exit code.
#[derive(Deserialize, JsonSchema)]
pub struct ListProcesses {
    /// Only those that are running, exited, stopped or lost.
    status: Option<Status>,
    /// How many to return at most.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// Where to go on: next_cursor of the last reply.
    cursor: Option<String>,
}

fn default_limit() -> usize {
    100
}

/// One process.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProcessItem {
    /// Its name in the other calls.
    id: String,
    /// What was run.
    command: String,
    /// Where.
    cwd: String,
    /// Where it is in its life.
    status: Status,
    /// Its exit code once it is over and where it is known; negative when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The system's process id; absent where commands are confined, since none of them could use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// Whether it has a terminal.
    pty: bool,
    /// The terminal's width in characters, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    cols: Option<u16>,
    /// The terminal's height in lines, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u16>,
    /// How many bytes it wrote: the cursor of what comes next.
    cursor: u64,
    /// The agent that started it.
    caller: String,
    /// When it was started.
    started: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
}

/// The processes.
#[derive(Serialize, JsonSchema)]
pub struct ProcessList {
    /// How many are in this reply.
    count: usize,
    /// How many run.
    running: usize,
    /// Whether there are more.
    truncated: bool,
    /// The processes, newest first.
    items: Vec<ProcessItem>,
    /// Give it as cursor to get those that come after; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Capability for ListProcesses {
    const NAME: &'static str = "terminal_processes";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = r#"{"status": "running"}"#;
    type Service = Processes;
    type Output = ProcessList;

    fn aside(_: &ProcessList) -> &'static [&'static str] {
        &["items.cursor", "items.cols", "items.rows", "items.cwd", "items.pid"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<ProcessList> {
        // One that is gone meanwhile does no harm: numbers only count up.
        let below = match &self.cursor {
            Some(cursor) => number(cursor)?,
            None => u64::MAX,
        };
        let mut all = processes.newest_first();
        all.retain(|process| context.caller.sees(&process.record.caller));
        let running = all.iter().filter(|process| process.state().ending.is_none()).count();
        let wanted = |process: &&std::sync::Arc<Process>| {
            process.record.number < below && self.status.is_none_or(|status| process.state().status() == status)
        };
        let mut found = all.iter().filter(wanted);
        let shown = found.by_ref().take(self.limit).map(|process| item(processes, process));
        let items: Vec<ProcessItem> = shown.collect();
        let next_cursor = found.next().and(items.last()).map(|last| last.id.clone());
        Ok(ProcessList { count: items.len(), running, truncated: next_cursor.is_some(), items, next_cursor })
    }
}

fn number(cursor: &str) -> Result<u64> {
    let number = cursor.strip_prefix("proc_").and_then(|number| number.parse().ok());
    number.ok_or_else(|| crate::Error::invalid("cursor", "Give next_cursor of the last reply, or leave it out"))
}

fn item(all: &Processes, process: &Process) -> ProcessItem {
    let (record, state) = (&process.record, process.state());
    let size = state.size.filter(|_| state.ending.is_none());
    ProcessItem {
        id: record.id(),
        command: record.command.clone(),
        cwd: record.cwd.clone(),
        status: state.status(),
        exit_code: state.exit_code(),
        pid: all.shown_pid(process),
        pty: record.pty,
        cols: size.map(|(columns, _)| columns),
        rows: size.map(|(_, rows)| rows),
        cursor: state.end,
        caller: since_agents(&record.caller).to_owned(),
        started: record.started.clone(),
        ended: state.ending.map(|ending| ending.ended),
    }
}
