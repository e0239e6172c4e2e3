//! Searches what a process wrote.

use super::{Processes, Stream, log::Log};
use crate::{
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    patterns::Query,
    terminal::plain,
};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};
use tokio_util::sync::CancellationToken;

/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// The longest line that is searched as one, in bytes; a longer one is searched in parts.
const MAX_LINE: usize = 64 * 1024;

/// How much of a matching line is shown, in characters.
const SHOWN: usize = 500;

/// Search the output of a process.
///
/// Finds lines by text or regular expression in all that is kept of it, escape sequences left out. Each match has the
/// cursor of its line: give it to terminal_poll to read on from there.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SearchProcessOutput")]
pub struct SearchOutput {
    /// The process.
    id: String,
    /// The text or, with regex, the regular expression to look for.
    #[schemars(length(min = 1))]
    query: String,
    /// Whether query is a regular expression.
    #[serde(default)]
    regex: bool,
    /// Whether upper and lower case are told apart.
    #[serde(default)]
    case_sensitive: bool,
    /// How many lines to show before and after each match.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    context: usize,
    /// How many matches to return at most.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Where to begin: the next_cursor of an earlier reply. Without it, at the oldest output that is kept.
    cursor: Option<i64>,
}

fn default_limit() -> usize {
    200
}

/// A line that matches.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OutputMatch {
    /// The line's number in what was searched of its stream, from 1.
    line: u64,
    /// The stream it came over.
    stream: Stream,
    /// The cursor of its beginning.
    cursor: u64,
    /// The line, cut at 500 characters.
    text: String,
    /// The lines before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Vec<String>>,
    /// The lines after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Vec<String>>,
}

/// The lines that match.
#[derive(Serialize, JsonSchema)]
pub struct OutputMatches {
    /// The process.
    id: String,
    /// How many matches are in this reply.
    count: usize,
    /// Whether there are more.
    truncated: bool,
    /// The cursor to search on from; absent when there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<u64>,
    /// The matches, oldest first.
    items: Vec<OutputMatch>,
}

impl Capability for SearchOutput {
    const NAME: &'static str = "terminal_output_search";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "query": "ready", "context": 2}"#;
    type Service = Processes;
    type Output = OutputMatches;

    fn aside(_: &OutputMatches) -> &'static [&'static str] {
        &["id"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<OutputMatches> {
        let process = processes.get(&context.caller, &self.id)?;
        let case_sensitive = self.case_sensitive;
        let query = Query { field: "query", text: &self.query, is_expression: self.regex, case_sensitive };
        let pattern = query.for_texts()?;
        let from = process.cursor(self.cursor)?;
        let (log, cancelled) = (process.log.clone(), context.cancelled.clone());
        let (lines, max) = (self.context, self.limit);
        let search = move || search(&log, from, Search::new(pattern, lines, max), &cancelled);
        let (items, next_cursor) = blocking(search).await??;
        Ok(OutputMatches {
            id: process.record.id(),
            count: items.len(),
            truncated: next_cursor.is_some(),
            next_cursor,
            items,
        })
    }
}

/// The matches from a cursor on, and the cursor of the first that is too many.
fn search(
    log: &Arc<Log>,
    mut cursor: u64,
    mut search: Search,
    cancelled: &CancellationToken,
) -> Result<(Vec<OutputMatch>, Option<u64>)> {
    let (_, end) = log.span();
    while cursor < end && !cancelled.is_cancelled() && !search.is_full() {
        let piece = log.read(cursor, PIECE)?;
        if piece.next == cursor {
            break;
        }
        let mut place = piece.start;
        for run in piece.runs {
            search.take(run.stream, place, &run.bytes);
            place += run.bytes.len() as u64;
        }
        cursor = piece.next;
    }
    search.finish();
    search.found.sort_by_key(|found| found.cursor);
    let next = search.found.get(search.max).map(|found| found.cursor);
    search.found.truncate(search.max);
    Ok((search.found, next))
}

struct Search {
    pattern: Regex,
    context: usize,
    max: usize,
    found: Vec<OutputMatch>,
    streams: [Lines; 3],
}

/// What is known of one stream's lines.
#[derive(Default)]
struct Lines {
    /// Lines that are complete.
    number: u64,
    /// The beginning of the line that is not, and its cursor.
    open: Vec<u8>,
    cursor: u64,
    before: VecDeque<String>,
    /// Matches that still want lines after them: their place in `found`.
    wanting: Vec<usize>,
}

impl Search {
    fn new(pattern: Regex, context: usize, max: usize) -> Self {
        Self { pattern, context, max, found: vec![], streams: Default::default() }
    }

    /// One more than asked for tells that there are more; those last lines may still be wanted as context.
    fn is_full(&self) -> bool {
        self.found.len() > self.max
            && self.streams.iter().all(|stream| stream.wanting.iter().all(|place| *place >= self.max))
    }

    fn take(&mut self, stream: Stream, cursor: u64, bytes: &[u8]) {
        let mut place = cursor;
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let lines = &mut self.streams[stream as usize];
            if lines.open.is_empty() {
                lines.cursor = place;
            }
            lines.open.extend_from_slice(part);
            place += part.len() as u64;
            if part.ends_with(b"\n") || lines.open.len() >= MAX_LINE {
                self.line(stream);
            }
        }
    }

    fn finish(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr, Stream::Terminal] {
            if !self.streams[stream as usize].open.is_empty() {
                self.line(stream);
            }
        }
    }

    /// Takes the open line as complete.
    fn line(&mut self, stream: Stream) {
        let lines = &mut self.streams[stream as usize];
        let text = plain::without_escapes(&std::mem::take(&mut lines.open));
        let text = text.trim_end_matches(['\n', '\r']);
        lines.number += 1;
        let shown: String = text.chars().take(SHOWN).collect();
        for place in &lines.wanting {
            self.found[*place].after.get_or_insert_default().push(shown.clone());
        }
        lines.wanting.retain(|place| self.found[*place].after.as_ref().is_none_or(|after| after.len() < self.context));
        if self.found.len() <= self.max && self.pattern.is_match(text) {
            let before = (self.context > 0).then(|| lines.before.iter().cloned().collect());
            let after = (self.context > 0).then(Vec::new);
            let (line, cursor) = (lines.number, lines.cursor);
            self.found.push(OutputMatch { line, stream, cursor, text: shown.clone(), before, after });
            if self.context > 0 {
                lines.wanting.push(self.found.len() - 1);
            }
        }
        if self.context > 0 {
            lines.before.push_back(shown);
            if lines.before.len() > self.context {
                lines.before.pop_front();
            }
        }
    }
}
