//! The lines of one file that match.

use super::{
    budget::{Budget, ENTRY},
    hits::{Content, Hit, Hits, MAX_HELD},
};
use grep_matcher::{LineTerminator, Matcher};
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher as Grep, SearcherBuilder, Sink, SinkContext, SinkFinish, SinkMatch};
use std::{
    cell::RefCell,
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Longer lines are cut around the match, in characters.
const MAX_LINE: usize = 4_000;

/// What a thread holds of a file that it searches by pieces, in bytes: a line with those around it.
const HEAP: usize = 2 * 1024 * 1024;

/// The same for files with longer lines, which are searched one after another. A file with still longer ones is skipped
/// and named.
pub(crate) const MAX_HEAP: usize = 32 * 1024 * 1024;

/// Files up to this size are read at once, in bytes: one system call where a search by pieces makes three.
const WHOLE: u64 = 256 * 1024;

/// Files with long lines: who searches them, one at a time, and which have lines that are too long.
#[derive(Default)]
pub(crate) struct LongLines {
    turn: Mutex<()>,
    skipped: Mutex<Skipped>,
}

/// Files that could not be searched.
#[derive(Default)]
pub(crate) struct Skipped {
    /// How many they are.
    pub count: usize,
    /// The first ones.
    pub paths: Vec<PathBuf>,
}

impl LongLines {
    fn skip(&self, path: &Path) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.count += 1;
        if skipped.paths.len() < MAX_NAMED {
            skipped.paths.push(path.to_owned());
        }
    }

    /// Which files were skipped, in order.
    pub(crate) fn finish(self) -> Skipped {
        let mut skipped = self.skipped.into_inner().unwrap_or_else(PoisonError::into_inner);
        skipped.paths.sort();
        skipped
    }
}

/// So many of the files that were skipped are named.
const MAX_NAMED: usize = 100;

/// Searches one file after another, with one buffer.
pub(crate) struct Searcher<'a> {
    matcher: &'a RegexMatcher,
    context: usize,
    hits: &'a Hits,
    long_lines: &'a LongLines,
    room: &'a Budget,
    cancelled: &'a CancellationToken,
    grep: RefCell<Grep>,
    buffer: Vec<u8>,
}

/// How a search of one file ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// With its last line, or where no more is wanted.
    Done,
    /// At a line that is too long, with those around it.
    TooLong,
}

impl<'a> Searcher<'a> {
    /// Finds lines with `context` lines around each.
    pub(crate) fn new(
        matcher: &'a RegexMatcher,
        context: usize,
        hits: &'a Hits,
        long_lines: &'a LongLines,
        room: &'a Budget,
        cancelled: &'a CancellationToken,
    ) -> Self {
        let grep = RefCell::new(grep(context, HEAP));
        Self { matcher, context, hits, long_lines, room, cancelled, grep, buffer: Vec::new() }
    }

    /// Adds the matching lines of a file of `size` bytes. One that cannot be read has none.
    pub(crate) fn search(&mut self, file: &File, size: u64, path: &Path) {
        if self.read_whole(file, size) {
            let mut found = self.found(path);
            let searched = self.grep.borrow_mut().search_slice(self.matcher, &self.buffer, &mut found);
            found.add(searched.is_ok(), path, self.hits);
            return;
        }
        let ended = self.by_pieces(&mut self.grep.borrow_mut(), file, path);
        if ended == Ended::TooLong {
            self.with_long_lines(file, path);
        }
    }

    fn with_long_lines(&self, file: &File, path: &Path) {
        let _turn = self.long_lines.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = self.room.may_take(MAX_HEAP as u64);
        if !has_room || self.by_pieces(&mut grep(self.context, MAX_HEAP), file, path) == Ended::TooLong {
            self.long_lines.skip(path);
        }
        if has_room {
            self.room.give_back(MAX_HEAP as u64);
        }
    }

    fn by_pieces(&self, grep: &mut Grep, mut file: &File, path: &Path) -> Ended {
        if file.rewind().is_err() {
            return Ended::Done;
        }
        let mut found = self.found(path);
        let reader = Stoppable { file, cancelled: self.cancelled, room: self.room };
        let searched = grep.search_reader(self.matcher, reader, &mut found);
        found.add(searched.is_ok(), path, self.hits);
        match searched {
            Err(error) if error.to_string().contains("allocation limit") => Ended::TooLong,
            _ => Ended::Done,
        }
    }

    fn found(&self, path: &Path) -> Found<'a> {
        Found {
            matcher: self.matcher,
            context: self.context as u64,
            most: self.hits.most(),
            from: self.hits.first_line(path),
            recent: VecDeque::new(),
            lines: Vec::new(),
            open: 0,
            weight: 0,
            cut_at: None,
            taken: 0,
            room: self.room,
            cancelled: self.cancelled,
        }
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

fn grep(context: usize, heap: usize) -> Grep {
    let mut builder = SearcherBuilder::new();
    builder.line_number(true).binary_detection(BinaryDetection::quit(0)).heap_limit(Some(heap));
    builder.line_terminator(LineTerminator::crlf()).before_context(context).after_context(context);
    builder.build()
}

/// A file that ends with the search, also where no line of it matches.
struct Stoppable<'a> {
    file: &'a File,
    cancelled: &'a CancellationToken,
    room: &'a Budget,
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
    /// How many bytes the matches take in an answer.
    weight: u64,
    /// The first match that does not fit.
    cut_at: Option<u64>,
    /// About how many bytes they take here, where they share the lines after them.
    taken: u64,
    room: &'a Budget,
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
        for (_, content) in &mut self.lines[self.open..] {
            content.after.push(text.clone());
        }
        let taking = (self.lines.len() - self.open) as u64;
        self.weight += (text.len() as u64 + ENTRY / 4) * taking;
        if taking > 0 {
            self.take(text.len() as u64 + ENTRY / 4 * taking);
        }
        self.recent.push_back((number, text.clone()));
        if self.recent.len() as u64 > self.context {
            self.recent.pop_front();
        }
    }

    fn take(&mut self, bytes: u64) {
        self.taken += bytes;
        self.room.take(bytes);
    }

    /// Adds what was found to the matches of all files, if the search of this one was not broken off.
    fn add(self, is_whole: bool, path: &Path, hits: &Hits) {
        if is_whole {
            if let Some(line) = self.cut_at {
                hits.end_before(path, line, self.room);
            }
            for (line, content) in self.lines {
                hits.add(Hit { path: path.to_owned(), line, content: Some(content) }, self.room);
            }
        }
        self.room.give_back(self.taken);
    }

    fn before(&self, number: u64) -> Vec<Arc<str>> {
        let near = |(line, _): &&(u64, Arc<str>)| line + self.context >= number;
        self.recent.iter().filter(near).map(|(_, text)| text.clone()).collect()
    }

    fn goes_on(&self, number: u64) -> bool {
        let waits = self.lines.last().is_some_and(|(line, _)| number < line + self.context);
        let is_open = self.lines.len() < self.most && self.cut_at.is_none();
        !self.cancelled.is_cancelled() && !self.room.is_full() && (is_open || waits)
    }
}

impl Sink for Found<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Grep, found: &SinkMatch) -> io::Result<bool> {
        let number = found.line_number().unwrap_or(0);
        let bytes = without_end(found.bytes());
        let start = self.matcher.find(bytes).ok().flatten().map_or(0, |place| place.start());
        let text: Arc<str> = shown(bytes, start).into();
        let is_next = number > self.from && self.lines.len() < self.most && self.cut_at.is_none();
        let wanted = is_next && self.weight <= MAX_HELD;
        if is_next && !wanted {
            self.cut_at = Some(number);
        }
        let before = if wanted { self.before(number) } else { vec![] };
        self.pass(number, &text);
        if wanted {
            let content = Content { column: characters(&bytes[..start]) + 1, text, before, after: vec![] };
            self.weight += content.weight();
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
            self.cut_at = None;
        }
        Ok(())
    }
}

/// How many characters these bytes are as text.
fn characters(bytes: &[u8]) -> u64 {
    let chunks = bytes.utf8_chunks();
    chunks.map(|chunk| chunk.valid().chars().count() as u64 + u64::from(!chunk.invalid().is_empty())).sum()
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
