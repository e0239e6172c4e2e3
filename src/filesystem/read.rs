//! Reads a file: all of it or a part, as text or as it is.

use super::{
    Files, digest, document,
    encoding::Codec,
    lines::{self, Lines},
};
use crate::{
    caller::{Access, Holding},
    capability::{Capability, Context, Medium},
    clock,
    error::{Error, Result},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
};

/// Read a file.
///
/// All of it, or some lines (`start_line`, `end_line`; negative counts from the end: `start_line: -20` is the tail).
/// Images and other binaries come as base64 with `as: "auto"`. `sha256` guards a later write or edit.
#[derive(Deserialize, JsonSchema)]
pub struct ReadFile {
    /// The file. Relative paths start at the server's directory.
    pub(super) path: String,
    /// How its bytes become text, by Python's name: `utf-8`, `utf-8-sig`, `utf-16`, `ascii`, `latin-1`, `cp1252`, …
    #[serde(default = "default_encoding")]
    pub(super) encoding: String,
    /// The first line to read, counted from 1; negative from the end. Default: the first.
    pub(super) start_line: Option<i64>,
    /// The last line to read, included; negative from the end. Default: the last.
    pub(super) end_line: Option<i64>,
    /// The most to return of the file, in bytes; more is cut at a whole character. Default: no bound.
    #[schemars(range(min = 1))]
    pub(super) max_bytes: Option<u64>,
    /// `text`; `base64` for the bytes as they are; `auto`: text where it is text, else base64; `document`: the text of
    /// a PDF, DOCX, XLSX, ODT, ODS, PPTX or EPUB.
    #[serde(default, rename = "as")]
    pub(super) form: Form,
}

/// How content is returned.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As text.
    #[default]
    Text,
    /// The bytes, in base64.
    Base64,
    /// Text where it is text, else base64.
    Auto,
    /// The text of a document: PDF, DOCX, XLSX, ODT, ODS, PPTX, EPUB.
    Document,
}

pub(super) fn default_encoding() -> String {
    "utf-8".to_owned()
}

/// What was read.
#[derive(Serialize, JsonSchema)]
pub struct ReadOutput {
    /// Always true: a failure is an error.
    success: bool,
    /// The path as sent.
    path: String,
    /// What the file holds, or the part asked for.
    content: String,
    /// How much that is: characters of text, bytes before base64.
    size: usize,
    /// The encoding as sent.
    encoding: String,
    /// `text`, `base64` or `document`.
    #[serde(rename = "as")]
    form: Form,
    /// What kind of file it is, where it is no text: `image/png`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    /// SHA-256 of the whole file's bytes, also when a part was read: give it as `expected_sha256` to change the file
    /// only if it is still the same.
    sha256: String,
    /// How many lines the whole text has.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_lines: Option<u64>,
    /// The first line returned, where a part was asked for; 0 when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_line: Option<u64>,
    /// The last line returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u64>,
    /// That `max_bytes` cut the content.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// When it was read.
    timestamp: String,
}

impl ReadOutput {
    /// How many bytes of memory it holds.
    pub(super) fn held(&self) -> u64 {
        self.content.len() as u64
    }
}

impl Capability for ReadFile {
    const NAME: &'static str = "filesystem_read";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "README.md"}"#;
    type Service = Files;
    type Output = ReadOutput;

    fn media(output: &mut ReadOutput) -> Vec<Medium> {
        let mime_type = output.mime_type.clone().filter(|_| output.form == Form::Base64).unwrap_or_default();
        let taken = |output: &mut ReadOutput| std::mem::take(&mut output.content);
        match mime_type.split('/').next() {
            Some("image") => vec![Medium::Image { base64: taken(output), mime_type }],
            Some("audio") => vec![Medium::Audio { base64: taken(output), mime_type }],
            _ => vec![],
        }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ReadOutput> {
        let holding = context.holding.clone();
        files.look(context, move |files, _| self.read_within(files, files.max_read, &holding)).await
    }
}

impl ReadFile {
    /// Reads with at most `most` bytes of the file in memory.
    pub(super) fn read_within(self, files: &Files, most: u64, holding: &Holding) -> Result<ReadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        let (mut file, found) = path.open()?;
        let codec = Codec::by_name(&self.encoding)?;
        holding.wait_for_more(found.size.min(most))?;
        if found.size <= most {
            let bytes = whole(&mut file, found.size, most)?;
            return self.answer(&codec, bytes);
        }
        if self.form == Form::Text && codec.has_plain_lines() && (self.lines().is_part() || self.max_bytes.is_some()) {
            return self.part_of_large(&codec, file, most);
        }
        Err(too_large(most))
    }

    fn lines(&self) -> Lines {
        Lines { first: self.start_line, last: self.end_line }
    }

    fn answer(self, codec: &Codec, bytes: Vec<u8>) -> Result<ReadOutput> {
        let sha256 = digest::of(&bytes);
        let as_text = match self.form {
            Form::Text | Form::Document => true,
            Form::Base64 => false,
            Form::Auto => !is_binary(&bytes) && codec.decode(bytes.clone()).is_ok(),
        };
        if !as_text {
            return Ok(self.bytes_answer(bytes, sha256));
        }
        let text = match self.form {
            Form::Document => document::text(&self.path, bytes)?,
            _ => codec.decode(bytes)?,
        };
        let total = lines::count(text.as_bytes());
        let range = self.lines().of(total);
        let part = if self.lines().is_part() { text[lines::place(text.as_bytes(), &range)].to_owned() } else { text };
        Ok(self.text_answer(part, sha256, total, range))
    }

    fn text_answer(self, mut text: String, sha256: String, total: u64, range: std::ops::Range<u64>) -> ReadOutput {
        let truncated = self.max_bytes.is_some_and(|max| cut(&mut text, max));
        let is_part = self.lines().is_part();
        let shown = if truncated { range.start + lines::count(text.as_bytes()) } else { range.end };
        ReadOutput {
            success: true,
            size: text.chars().count(),
            content: text,
            path: self.path,
            encoding: self.encoding,
            form: if self.form == Form::Document { Form::Document } else { Form::Text },
            mime_type: None,
            sha256,
            total_lines: Some(total),
            start_line: is_part.then_some(if range.is_empty() { 0 } else { range.start + 1 }),
            end_line: is_part.then_some(shown),
            truncated,
            timestamp: clock::timestamp(),
        }
    }

    fn bytes_answer(self, mut bytes: Vec<u8>, sha256: String) -> ReadOutput {
        let mime_type = Some(mime_type(&self.path, &bytes));
        let max = self.max_bytes.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        let truncated = bytes.len() > max;
        bytes.truncate(max);
        ReadOutput {
            success: true,
            content: BASE64_STANDARD.encode(&bytes),
            size: bytes.len(),
            path: self.path,
            encoding: self.encoding,
            form: Form::Base64,
            mime_type,
            sha256,
            total_lines: None,
            start_line: None,
            end_line: None,
            truncated,
            timestamp: clock::timestamp(),
        }
    }

    /// Reads lines of a file that is too large for memory: once to count and digest, once to take.
    fn part_of_large(self, codec: &Codec, mut file: File, most: u64) -> Result<ReadOutput> {
        let mut counted = LineCounter::default();
        let (sha256, _) = digest::of_reader(Counting { inner: &mut file, counter: &mut counted })?;
        let total = counted.total();
        let range = self.lines().of(total);
        file.rewind()?;
        let most = self.max_bytes.map_or(most, |max| max.min(most));
        let (bytes, cut) = take_lines(BufReader::new(file), &range, most)?;
        if cut && self.max_bytes.is_none() {
            return Err(too_large(most));
        }
        let text = codec.decode(if cut { whole_characters(bytes) } else { bytes })?;
        let mut output = self.text_answer(text, sha256, total, range.clone());
        output.truncated |= cut;
        if cut {
            output.end_line = output.end_line.map(|_| range.start + lines::count(output.content.as_bytes()));
        }
        Ok(output)
    }
}

/// Reads all of a file that fits.
pub(super) fn whole(file: &mut File, size: u64, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Reads all of the file at a path.
pub(super) fn bytes_of(path: &SafePath, most: u64) -> Result<Vec<u8>> {
    let (mut file, found) = path.open()?;
    if found.size > most { Err(too_large(most)) } else { whole(&mut file, found.size, most) }
}

fn too_large(most: u64) -> Error {
    Error::TooLarge(format!(
        "The file is larger than {} MiB: read a part with start_line, end_line or max_bytes, download it, or raise \
         MCP_MAX_REQUEST_MIB",
        most / (1024 * 1024)
    ))
}

/// Cuts a text to at most `max` bytes, at a whole character; tells whether something was cut.
fn cut(text: &mut String, max: u64) -> bool {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let end = text.floor_char_boundary(max);
    let cut = end < text.len();
    text.truncate(end);
    cut
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

/// A NUL near the start, as grep and git tell.
fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, &bytes[..bytes.len().min(8192)]).is_some()
}

/// The kind of a file by its first bytes, else by its name.
pub(super) fn mime_type(path: &str, bytes: &[u8]) -> String {
    match infer::get(bytes) {
        Some(kind) => kind.mime_type().to_owned(),
        None => mime_guess::from_path(path).first_or_octet_stream().essence_str().to_owned(),
    }
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

/// The bytes of some lines, at most `most`; whether there were more.
fn take_lines(mut reader: impl BufRead, range: &std::ops::Range<u64>, most: u64) -> Result<(Vec<u8>, bool)> {
    for _ in 0..range.start {
        reader.skip_until(b'\n')?;
    }
    let mut bytes = Vec::new();
    for _ in range.clone() {
        let left = most.saturating_add(1).saturating_sub(bytes.len() as u64);
        reader.by_ref().take(left).read_until(b'\n', &mut bytes)?;
        if bytes.len() as u64 > most {
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}
