//! The lines of one file that match.

use super::{
    hits::{Content, Hit, Hits},
    room::{ENTRY, Room},
};
use grep_matcher::{LineTerminator, Matcher};
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher as Grep, SearcherBuilder, Sink, SinkContext, SinkFinish, SinkMatch};
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek},
    path::Path,
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Longer lines are cut around the match, in characters.
const MAX_LINE: usize = 4_000;

/// A file with a longer line than this many bytes is skipped: no one reads such a line.
const MAX_HEAP: usize = 32 * 1024 * 1024;

/// Files up to this size are read at once, in bytes: one system call where a search by pieces makes three.
const WHOLE: u64 = 256 * 1024;

/// Searches one file after another, with one buffer.
pub struct Searcher<'a> {
    matcher: &'a RegexMatcher,
    context: usize,
    most: usize,
    grep: Grep,
    buffer: Vec<u8>,
}

impl<'a> Searcher<'a> {
    /// Finds at most `most` lines a file.
    pub fn new(matcher: &'a RegexMatcher, context: usize, most: usize) -> Self {
        let mut builder = SearcherBuilder::new();
        builder.line_number(true).binary_detection(BinaryDetection::quit(0)).heap_limit(Some(MAX_HEAP));
        builder.line_terminator(LineTerminator::crlf()).before_context(context).after_context(context);
        Self { matcher, context, most, grep: builder.build(), buffer: Vec::new() }
    }

    /// Adds the matching lines of a file of `size` bytes. One that cannot be read has none.
    pub fn search(
        &mut self,
        file: &File,
        size: u64,
        path: &Path,
        hits: &Hits,
        room: &Room,
        cancelled: &CancellationToken,
    ) {
        let is_whole = self.read_whole(file, size);
        if !is_whole && size <= WHOLE && (&*file).rewind().is_err() {
            return;
        }
        let mut found = Found {
            matcher: self.matcher,
            context: self.context as u64,
            most: self.most,
            from: hits.first_line(path),
            recent: VecDeque::new(),
            lines: Vec::new(),
            open: 0,
            taken: 0,
            room,
            cancelled,
        };
        let searched = match is_whole {
            true => self.grep.search_slice(self.matcher, &self.buffer, &mut found),
            false => self.grep.search_reader(self.matcher, Stoppable { file, cancelled, room }, &mut found),
        };
        if searched.is_ok() {
            for (line, content) in found.lines {
                hits.add(Hit { path: path.to_owned(), line, content: Some(content) }, room);
            }
        }
        room.give_back(found.taken);
    }

    /// Reads a small text into the buffer. What is no plain text (it may be UTF-16) or changes its size meanwhile is
    /// left to the search by pieces, which looks at every byte.
    fn read_whole(&mut self, mut file: &File, size: u64) -> bool {
        let Some(length) = usize::try_from(size).ok().filter(|_| size <= WHOLE) else { return false };
        self.buffer.resize(length + 1, 0);
        let is_all = file.read(&mut self.buffer).is_ok_and(|read| read == length);
        self.buffer.truncate(length);
        is_all && memchr::memchr(0, &self.buffer).is_none()
    }
}

/// A file that ends with the search, also where no line of it matches.
struct Stoppable<'a> {
    file: &'a File,
    cancelled: &'a CancellationToken,
    room: &'a Room,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancelled.is_cancelled() || self.room.is_full() {
            return Err(io::Error::other("the search is over"));
        }
        self.file.read(buffer)
    }
}

struct Found<'a> {
    matcher: &'a RegexMatcher,
    context: u64,
    most: usize,
    /// Matches up to this line were on an earlier page.
    from: u64,
    /// The last lines seen, matching or not.
    recent: VecDeque<(u64, Arc<str>)>,
    lines: Vec<(u64, Content)>,
    /// Matches before this place have all their lines after.
    open: usize,
    /// How many bytes its lines take in an answer.
    taken: u64,
    room: &'a Room,
    cancelled: &'a CancellationToken,
}

impl Found<'_> {
    /// Gives a line to the matches before it that still want lines after.
    fn pass(&mut self, number: u64, text: &Arc<str>) {
        if self.context == 0 {
            return;
        }
        while self.lines.get(self.open).is_some_and(|(line, _)| number > line + self.context) {
            self.open += 1;
        }
        let taking = self.lines.len() - self.open;
        for (_, content) in &mut self.lines[self.open..] {
            content.after.push(text.clone());
        }
        self.take((text.len() as u64 + ENTRY / 4) * taking as u64);
        self.recent.push_back((number, text.clone()));
        if self.recent.len() as u64 > self.context {
            self.recent.pop_front();
        }
    }

    fn take(&mut self, bytes: u64) {
        self.taken += bytes;
        self.room.take(bytes);
    }

    fn before(&self, number: u64) -> Vec<Arc<str>> {
        let near = |(line, _): &&(u64, Arc<str>)| line + self.context >= number;
        self.recent.iter().filter(near).map(|(_, text)| text.clone()).collect()
    }

    fn goes_on(&self, number: u64) -> bool {
        let waits = self.lines.last().is_some_and(|(line, _)| number < line + self.context);
        !self.cancelled.is_cancelled() && !self.room.is_full() && (self.lines.len() < self.most || waits)
    }
}

impl Sink for Found<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Grep, found: &SinkMatch) -> io::Result<bool> {
        let number = found.line_number().unwrap_or(0);
        let bytes = without_end(found.bytes());
        let start = self.matcher.find(bytes).ok().flatten().map_or(0, |place| place.start());
        let text: Arc<str> = shown(bytes, start).into();
        let wanted = number > self.from && self.lines.len() < self.most;
        let before = if wanted { self.before(number) } else { vec![] };
        self.pass(number, &text);
        if wanted {
            let column = String::from_utf8_lossy(&bytes[..start]).chars().count() as u64 + 1;
            let content = Content { column, text, before, after: vec![] };
            self.take(content.weight());
            self.lines.push((number, content));
        }
        Ok(self.goes_on(number))
    }

    fn context(&mut self, _: &Grep, found: &SinkContext) -> io::Result<bool> {
        let number = found.line_number().unwrap_or(0);
        self.pass(number, &shown(without_end(found.bytes()), 0).into());
        Ok(self.goes_on(number))
    }

    fn finish(&mut self, _: &Grep, end: &SinkFinish) -> io::Result<()> {
        if end.binary_byte_offset().is_some() {
            self.lines.clear();
        }
        Ok(())
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A line as text; of a very long one what surrounds the match.
fn shown(line: &[u8], start: usize) -> String {
    if line.len() <= MAX_LINE {
        return String::from_utf8_lossy(line).into_owned();
    }
    let from = start.saturating_sub(MAX_LINE / 2);
    let part = String::from_utf8_lossy(&line[from..line.len().min(from + 4 * MAX_LINE)]);
    part.chars().take(MAX_LINE).collect()
}
