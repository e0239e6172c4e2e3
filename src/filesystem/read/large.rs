//! Reads a part of a file that is too large for memory. What has to be known of all of it, its digest and the number of
//! its lines, is found out in one pass before.

use super::{CHEAP, Form, ReadFile, ReadOutput, is_binary, too_large};
use crate::{
    error::Result,
    filesystem::{digest, encoding::Codec},
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    ops::Range,
};

/// As much of the start tells what kind of file it is, in bytes.
const HEAD: u64 = 8192;

impl ReadFile {
    /// Answers with the lines or bytes that are asked for, if they fit `most` bytes.
    pub(super) fn part_of_large(self, codec: &Codec, mut file: File, most: u64) -> Result<ReadOutput> {
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        let as_text = match self.form {
            Form::Text => true,
            Form::Base64 => false,
            Form::Auto => !is_binary(&head) && codec.decode(whole_characters(head.clone())).is_ok(),
            Form::Document => return Err(too_large(most)),
        };
        let is_bounded = self.max_bytes.is_some() || (as_text && self.lines().is_part());
        if !is_bounded || (as_text && !codec.has_plain_lines()) {
            return Err(too_large(most));
        }
        let (sha256, total) = self.whole(&mut file, as_text)?;
        // What comes after a whole character more than is shown tells that there is more.
        let max = self.max_bytes.unwrap_or(u64::MAX).min(most);
        let place = self.offset.unwrap_or(0);
        if !as_text || self.offset.is_some() {
            file.seek(SeekFrom::Start(place))?;
            let mut bytes = Vec::new();
            file.take(max.saturating_add(4)).read_to_end(&mut bytes)?;
            if !as_text {
                return self.bytes_answer(&bytes, place, &head, sha256);
            }
            let text = codec.decode(whole_characters(bytes))?;
            return Ok(self.text_answer(codec, text, place, sha256, total, 0..total.unwrap_or(0)));
        }
        file.rewind()?;
        let range = self.lines().of(total.unwrap_or(u64::MAX));
        let (start, bytes, cut) = take_lines(BufReader::new(file), &range, max)?;
        if cut && self.max_bytes.is_none() {
            return Err(too_large(most));
        }
        let text = codec.decode(if cut { whole_characters(bytes) } else { bytes })?;
        let next = start + codec.length(&text);
        let shown = range.start + crate::filesystem::lines::count(text.as_bytes());
        // The text may end before the lines that were asked for do.
        let range = if text.is_empty() { 0..0 } else { range.start..range.end.min(shown.max(range.start)) };
        let mut output = self.text_answer(codec, text, start, sha256, total, range);
        if cut && !output.truncated {
            (output.truncated, output.next_offset) = (true, Some(next));
            output.end_line = output.end_line.map(|_| shown);
        }
        Ok(output)
    }
}

impl ReadFile {
    /// The digest and the number of lines, where they are asked for or cheap. Lines are counted also where they are
    /// named from the end.
    fn whole(&self, file: &mut File, as_text: bool) -> Result<(Option<String>, Option<u64>)> {
        let from_end = [self.start_line, self.end_line].into_iter().flatten().any(|line| line < 0);
        let digests = self.digest || file.metadata()?.len() <= CHEAP;
        file.rewind()?;
        let mut counter = LineCounter::default();
        let mut counting = Counting { inner: &mut *file, counter: &mut counter };
        let sha256 = match () {
            () if digests => Some(digest::of_reader(counting)?.0),
            () if as_text && from_end => {
                std::io::copy(&mut counting, &mut std::io::sink())?;
                None
            }
            () => return Ok((None, None)),
        };
        Ok((sha256, Some(counter.total())))
    }
}

/// Drops a UTF-8 character that a cut left in half.
fn whole_characters(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        let end = error.valid_up_to();
        bytes.truncate(end);
    }
    bytes
}

#[derive(Default)]
struct LineCounter {
    ended: u64,
    in_line: bool,
}

impl LineCounter {
    fn total(&self) -> u64 {
        self.ended + u64::from(self.in_line)
    }
}

struct Counting<'a, R> {
    inner: R,
    counter: &'a mut LineCounter,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.counter.ended += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64;
        if let Some(last) = buffer[..count].last() {
            self.counter.in_line = *last != b'\n';
        }
        Ok(count)
    }
}

/// Where some lines begin and their bytes, at most `most`; whether there were more.
fn take_lines(mut reader: impl BufRead, range: &Range<u64>, most: u64) -> Result<(u64, Vec<u8>, bool)> {
    let mut start = 0;
    for _ in 0..range.start {
        match reader.skip_until(b'\n')? {
            0 => break,
            skipped => start += skipped as u64,
        }
    }
    let mut bytes = Vec::new();
    for _ in range.clone() {
        let left = most.saturating_add(1).saturating_sub(bytes.len() as u64);
        if reader.by_ref().take(left).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.len() as u64 > most {
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            return Ok((start, bytes, true));
        }
    }
    Ok((start, bytes, false))
}
