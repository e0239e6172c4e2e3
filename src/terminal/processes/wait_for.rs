//! Waits until a process is ready: a pattern in its output, or a port that it opens.

use super::{
    Processes, Stream,
    process::{Process, Status},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    patterns::Query,
    terminal::plain,
};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How much of an unfinished line is searched again when more of it comes, in bytes.
const LINE: usize = 64 * 1024;

/// How much output is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// How often a port is tried.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// How much of the end of the output an unmet wait gives, in bytes: enough to see why.
const TAIL: u16 = 2000;

/// What to wait for.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Wanted {
    /// A regular expression for a line of output. Colours are left out.
    pattern: Option<String>,
    /// A TCP port that the process opens.
    #[schemars(range(min = 1))]
    port: Option<u16>,
    /// In seconds. How long to wait, at most 600.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 0, max = 600))]
    timeout: f64,
}

fn default_timeout() -> f64 {
    30.0
}

/// Wait until a process is ready.
///
/// Answers as soon as a line of its output matches a pattern or it listens on a port; with success false, and the end of
/// the output, when it ends or the time is over before.
#[derive(Deserialize, JsonSchema)]
pub struct WaitFor {
    /// The process.
    id: String,
    /// A regular expression that a line of the output matches, colours left out. Needed when there is no port.
    pattern: Option<String>,
    /// A TCP port that the process opens. Needed when there is no pattern; with both, the first of them counts.
    #[schemars(range(min = 1))]
    port: Option<u16>,
    /// In seconds. How long to wait, at most 600.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 0, max = 600))]
    timeout: f64,
    /// Where in the output to begin: a cursor of an earlier reply. Without it, at the oldest output that is kept.
    cursor: Option<i64>,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reason {
    /// A line matched.
    Pattern,
    /// The port is open.
    Port,
    /// The process ended before.
    Ended,
    /// The time is over.
    Timeout,
}

/// What came of waiting.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Outcome {
    /// Why the wait is over: pattern, port, ended or timeout.
    reason: Reason,
    /// The line that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    /// The parts of the line that the pattern's groups took.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Option<String>>,
    /// The end of the output, when it was in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// How long it took, in seconds.
    waited_seconds: f64,
}

impl Outcome {
    /// Whether what was waited for came.
    pub(crate) fn is_met(&self) -> bool {
        matches!(self.reason, Reason::Pattern | Reason::Port)
    }
}

/// The reply to a wait.
#[derive(Serialize, JsonSchema)]
pub struct Waited {
    /// The process.
    id: String,
    #[serde(flatten)]
    outcome: Outcome,
    /// Where the output goes on that was not looked at.
    cursor: u64,
    /// Where the process is in its life.
    status: Status,
    /// Its exit code once it is over; negative when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

impl Capability for WaitFor {
    const NAME: &'static str = "terminal_wait_for";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "pattern": "hel+o", "timeout": 60}"#;
    const SUCCESS: &'static str = "Whether what was waited for came.";
    type Service = Processes;
    type Output = Waited;

    fn aside(_: &Waited) -> &'static [&'static str] {
        &["id", "cursor"]
    }

    fn succeeded(output: &Waited) -> bool {
        output.outcome.is_met()
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<Waited> {
        let process = processes.get(&context.caller, &self.id)?;
        let cursor = process.cursor(self.cursor)?;
        let wanted = Wanted { pattern: self.pattern, port: self.port, timeout: self.timeout };
        let mut condition = Condition::new(wanted, "")?;
        let outcome = condition.wait(&process, cursor, context).await?;
        let state = process.state();
        Ok(Waited {
            id: process.record.id(),
            outcome,
            cursor: condition.cursor,
            status: state.status(),
            exit_code: state.exit_code(),
        })
    }
}

/// What to wait for, checked.
pub(crate) struct Condition {
    pattern: Option<Regex>,
    port: Option<u16>,
    timeout: Duration,
    /// How far the output was looked at.
    cursor: u64,
    /// The unfinished last line of each stream.
    lines: [Vec<u8>; 3],
}

impl Condition {
    /// Checks what is wanted; `place` comes before the names of its fields in problems.
    ///
    /// # Errors
    /// [`Error::Invalid`] when nothing is wanted, or the pattern is no regular expression.
    pub(crate) fn new(wanted: Wanted, place: &str) -> Result<Self> {
        let field = format!("{place}pattern");
        let pattern = wanted
            .pattern
            .map(|text| Query { field: &field, text: &text, is_expression: true, case_sensitive: true }.for_texts());
        let pattern = pattern.transpose()?;
        if pattern.is_none() && wanted.port.is_none() {
            return Err(Error::invalid(&field, "Give a pattern or a port to wait for"));
        }
        let timeout = Duration::from_secs_f64(wanted.timeout.clamp(0.0, 600.0));
        Ok(Self { pattern, port: wanted.port, timeout, cursor: 0, lines: Default::default() })
    }

    /// Waits, looking at the output from `cursor` on; tells the lines to whoever watches the call.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn wait(&mut self, process: &Process, cursor: u64, context: &Context) -> Result<Outcome> {
        let started = Instant::now();
        self.cursor = cursor;
        let found = tokio::time::timeout(self.timeout, self.watch(process, context)).await;
        let (reason, line, groups) = found.unwrap_or(Ok((Reason::Timeout, None, vec![])))?;
        let waited_seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let mut outcome = Outcome { reason, line, groups, output: None, waited_seconds };
        if !outcome.is_met() {
            outcome.output = Some(tail(process).await?);
        }
        Ok(outcome)
    }

    async fn watch(&mut self, process: &Process, context: &Context) -> Result<Found> {
        let mut state = process.subscribe();
        let mut ticks = tokio::time::interval(TRY_EVERY);
        loop {
            let is_over = state.borrow_and_update().ending.is_some();
            while let Some(text) = self.read(process, context).await? {
                if let Some(found) = text {
                    return Ok(found);
                }
            }
            if let Some(port) = self.port
                && let Ok(running) = process.running()
                && running.listens_on(port).await
            {
                return Ok((Reason::Port, None, vec![]));
            }
            if is_over {
                return Ok((Reason::Ended, None, vec![]));
            }
            tokio::select! {
                _ = state.changed() => {}
                _ = ticks.tick(), if self.port.is_some() => {}
            }
        }
    }

    /// Looks at the next piece of output: `None` when there is none, else what was found in it.
    async fn read(&mut self, process: &Process, context: &Context) -> Result<Option<Option<Found>>> {
        let piece = process.read(self.cursor, PIECE).await?;
        if piece.next == self.cursor {
            return Ok(None);
        }
        self.cursor = piece.next;
        for run in &piece.runs {
            if context.is_watched() {
                context.report(piece.next as f64, None, plain::without_escapes(&run.bytes));
            }
            if let Some(found) = self.look(run.stream, &run.bytes) {
                return Ok(Some(Some(found)));
            }
        }
        Ok(Some(None))
    }

    fn look(&mut self, stream: Stream, bytes: &[u8]) -> Option<Found> {
        let pattern = self.pattern.as_ref()?;
        let line = &mut self.lines[stream as usize];
        line.extend_from_slice(bytes);
        let text = plain::without_escapes(line);
        let found = pattern.captures(&text).map(|captures| {
            let place = captures.get(0).expect("group 0 is the match").start();
            let whole = text[..place].rfind('\n').map_or(0, |end| end + 1);
            let line = text[whole..].lines().next().unwrap_or_default().to_owned();
            let groups = captures.iter().skip(1).map(|group| group.map(|text| text.as_str().to_owned())).collect();
            (Reason::Pattern, Some(line), groups)
        });
        let kept = line.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let kept = kept.max(line.len().saturating_sub(LINE));
        line.drain(..kept);
        found
    }
}

type Found = (Reason, Option<String>, Vec<Option<String>>);

async fn tail(process: &Process) -> Result<String> {
    let cursor = process.cursor(Some(-i64::from(TAIL)))?;
    let piece = process.read(cursor, TAIL.into()).await?;
    let bytes: Vec<u8> = piece.runs.into_iter().flat_map(|run| run.bytes).collect();
    Ok(plain::without_escapes(&bytes))
}
