//! Reads a file: all of it or a part, as text or as it is.

mod large;

use super::{
    Files,
    basis::Basis,
    digest,
    document::{self, Document, Kind},
    encoding::Codec,
    lines::{self, Lines},
};
use crate::{
    caller::{Access, MemoryBudget},
    capability::{Capability, Context, Medium, SHOWN},
    error::{Error, Result},
    filesystem::about::Place,
    permissions::{Needs, Subjects},
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
    io::{Read, Seek},
    ops::Range,
};
use tokio_util::sync::CancellationToken;

/// The part of a larger file is read without digesting and counting all of it, in bytes.
const CHEAP: u64 = 16 * 1024 * 1024;

/// Read a file.
///
/// All of it, or some lines: `start_line: -20` is the tail. `as: "auto"` also shows pictures, `document` the text of PDF
/// and office files. Several files: filesystem_read_many.
///
/// Other binaries come as base64. `sha256` guards a later write or edit. What was cut goes on with `offset`.
#[derive(Deserialize, JsonSchema)]
pub struct ReadFile {
    /// The file. Relative paths start at the server's directory.
    pub(super) path: String,
    /// How its bytes become text, by Python's name: `utf-8`, `utf-8-sig`, `utf-16`, `ascii`, `latin-1`, `cp1252`, …
    #[serde(default = "default_encoding")]
    pub(super) encoding: String,
    /// The first line, from 1; negative from the end. Default: the first.
    pub(super) start_line: Option<i64>,
    /// The last line, included. Negative from the end. Default: the last.
    pub(super) end_line: Option<i64>,
    /// The most to return of the file, in bytes; more is cut at a whole character. Default: no bound.
    #[schemars(range(min = 1))]
    pub(super) max_bytes: Option<u64>,
    /// `next_offset` of a read that was cut. In bytes, and not together with lines.
    pub(super) offset: Option<u64>,
    /// Whether `sha256` is wanted also where the whole file has to be read for it.
    #[serde(default)]
    pub(super) digest: bool,
    /// What to return. `text`; `base64` for the bytes as they are; `auto`: text where it is text, else base64;
    /// `document`: the text of a PDF, DOCX, XLSX, ODT, ODS, PPTX or EPUB.
    #[serde(default, rename = "as")]
    pub(super) form: Form,
}

/// How content is returned.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
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
    /// only if it is still the same. Null for a part of a file over 16 MiB, unless `digest` asks for it.
    sha256: Option<String>,
    /// How many lines the whole text has; left out where they were not counted: in a part of a file over 16 MiB.
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
    /// Where what was cut off begins: send this as `offset` for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    /// How to read the file with more sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// Whether these are only some of the file's bytes, which make no picture.
    #[serde(skip)]
    is_part: bool,
}

impl ReadOutput {
    /// How many bytes of memory it holds.
    pub(super) fn held(&self) -> u64 {
        self.content.len() as u64
    }

    /// Takes out the picture or the sound that it is, if it is whole.
    pub(super) fn medium(&mut self) -> Option<Medium> {
        let mime_type = self.mime_type.clone().filter(|_| self.form == Form::Base64 && !self.is_part)?;
        if !["image", "audio"].contains(&mime_type.split('/').next()?) {
            return None;
        }
        let base64 = std::mem::replace(&mut self.content, SHOWN.to_owned());
        let is_image = mime_type.starts_with("image/");
        Some(if is_image { Medium::Image { base64, mime_type } } else { Medium::Audio { base64, mime_type } })
    }
}

/// How to get a picture, a sound or other bytes that are too many to be shown.
pub const LARGE_MEDIA: &str = "filesystem_read with as \"base64\", offset and max_bytes gives its bytes in parts";

impl Capability for ReadFile {
    const NAME: &'static str = "filesystem_read";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "README.md"}"#;
    const FULL_MEDIA: Option<&'static str> = Some(LARGE_MEDIA);
    type Service = Files;
    type Output = ReadOutput;

    fn aside(output: &ReadOutput) -> &'static [&'static str] {
        // Of a whole file its text says enough, unless it is empty.
        match output.start_line.is_some() || output.truncated {
            _ if output.size == 0 => &["path", "encoding", "as", "sha256"],
            true => &["path", "encoding", "as", "sha256", "size", "start_line", "end_line"],
            false => &["path", "encoding", "as", "sha256", "size", "total_lines"],
        }
    }

    fn media(output: &mut ReadOutput) -> Vec<Medium> {
        output.medium().into_iter().collect()
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        files.about(needs, [Place::read(&self.path)])
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ReadOutput> {
        let holding = context.holding.clone();
        files.look(context, move |files, cancelled| self.read_within(files, files.max_read, &holding, cancelled)).await
    }
}

impl ReadFile {
    /// Reads with at most `most` bytes of the file in memory.
    pub(super) fn read_within(
        mut self,
        files: &Files,
        most: u64,
        holding: &MemoryBudget,
        cancelled: &CancellationToken,
    ) -> Result<ReadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        let (mut file, found) = path.open()?;
        let mut codec = Codec::by_name(&self.encoding)?;
        self.is_consistent(&codec)?;
        let is_document = self.form == Form::Document;
        if !is_document {
            holding.wait_for_more(found.size.min(most))?;
        }
        if found.size > most {
            return self.part_of_large(&codec, file, most);
        }
        if is_document {
            let kind = Kind::of(&self.path, &head(&mut file)?)?;
            // Digested before it is read: who changes it meanwhile finds that the digest is not the new one's.
            let (sha256, size) = digest::of_reader(&mut file)?;
            file.rewind()?;
            let text = files.documents.text(Document { kind, file, size }, most, holding, cancelled)?;
            return Ok(self.lines_answer(&codec, text, Some(sha256)));
        }
        let bytes = whole(&mut file, found.size, most)?;
        if self.form == Form::Auto && is_marked(&bytes) {
            codec = Codec::of(&bytes);
            codec.name().clone_into(&mut self.encoding);
        }
        self.answer(&codec, bytes)
    }

    /// Whether only a part is asked for.
    fn is_bounded(&self) -> bool {
        self.max_bytes.is_some() || self.offset.is_some() || self.lines().is_part()
    }

    fn lines(&self) -> Lines {
        Lines { first: self.start_line, last: self.end_line }
    }

    /// Fails where what is asked for excludes itself.
    fn is_consistent(&self, codec: &Codec) -> Result<()> {
        let lines = if self.start_line.is_some() { "start_line" } else { "end_line" };
        let is_part = self.lines().is_part();
        match (self.form, self.offset) {
            (Form::Base64, _) if is_part => {
                Err(Error::invalid(lines, "Only texts have lines: give offset and max_bytes for a part of base64"))
            }
            (_, Some(_)) if is_part => Err(Error::invalid("offset", "Give either offset or lines, not both")),
            (Form::Document, Some(_)) => Err(Error::invalid("offset", "Documents have no offset: give lines")),
            (Form::Text, Some(_)) if !codec.has_plain_lines() => {
                Err(Error::invalid("offset", "Text in this encoding has no offset: give lines"))
            }
            _ => Ok(()),
        }
    }

    fn answer(self, codec: &Codec, bytes: Vec<u8>) -> Result<ReadOutput> {
        let is_cheap = bytes.len() as u64 <= CHEAP || !self.is_bounded();
        let sha256 = (is_cheap || self.digest).then(|| digest::of(&bytes));
        let as_text = match self.form {
            Form::Text | Form::Document => true,
            Form::Base64 => false,
            Form::Auto => (is_marked(&bytes) || !is_binary(&bytes)) && codec.decode(bytes.clone()).is_ok(),
        };
        let from = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        if !as_text {
            let start = from(self.offset.unwrap_or(0));
            return self.bytes_answer(&bytes[start..], start as u64, &bytes, sha256);
        }
        if let Some(offset) = self.offset {
            let (start, total) = (from(offset), lines::count(&bytes));
            let text = codec.decode(bytes[start..].to_vec())?;
            return Ok(self.text_answer(codec, text, start as u64, sha256, Some(total), 0..total));
        }
        Ok(self.lines_answer(codec, codec.decode(bytes)?, sha256))
    }

    /// Answers with the lines that are asked for of the whole text.
    fn lines_answer(self, codec: &Codec, text: String, sha256: Option<String>) -> ReadOutput {
        let total = lines::count(text.as_bytes());
        let range = self.lines().of(total);
        if !self.lines().is_part() {
            return self.text_answer(codec, text, 0, sha256, Some(total), range);
        }
        let place = lines::place(text.as_bytes(), &range);
        let start = codec.length(&text[..place.start]);
        let part = text[place].to_owned();
        self.text_answer(codec, part, start, sha256, Some(total), range)
    }

    /// Answers with a text that begins at byte `start` of the file.
    fn text_answer(
        self,
        codec: &Codec,
        mut text: String,
        start: u64,
        sha256: Option<String>,
        total_lines: Option<u64>,
        range: Range<u64>,
    ) -> ReadOutput {
        let truncated = self.max_bytes.is_some_and(|max| cut(&mut text, max));
        let goes_on = truncated && self.form != Form::Document && codec.has_plain_lines();
        let is_part = self.lines().is_part();
        let shown = if truncated { range.start + lines::count(text.as_bytes()) } else { range.end };
        ReadOutput {
            size: text.chars().count(),
            next_offset: goes_on.then(|| start + codec.length(&text)),
            content: text,
            path: self.path,
            encoding: self.encoding,
            form: if self.form == Form::Document { Form::Document } else { Form::Text },
            mime_type: None,
            sha256,
            total_lines,
            start_line: is_part.then_some(if range.is_empty() { 0 } else { range.start + 1 }),
            end_line: is_part.then_some(shown),
            truncated,
            hint: None,
            is_part,
        }
    }

    /// Answers with what is in the file from byte `start` on; `head` is how it begins.
    fn bytes_answer(self, part: &[u8], start: u64, head: &[u8], sha256: Option<String>) -> Result<ReadOutput> {
        if self.lines().is_part() {
            return Err(Error::Unusable("The file is no text, so it has no lines: read it without them".into()));
        }
        let max = self.max_bytes.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        let shown = &part[..part.len().min(max)];
        let truncated = shown.len() < part.len();
        let is_document = self.form == Form::Auto && document::is_one(&self.path, head);
        Ok(ReadOutput {
            content: BASE64_STANDARD.encode(shown),
            size: shown.len(),
            mime_type: Some(mime_type(&self.path, head)),
            path: self.path,
            encoding: self.encoding,
            form: Form::Base64,
            sha256,
            total_lines: None,
            start_line: None,
            end_line: None,
            truncated,
            next_offset: truncated.then_some(start + shown.len() as u64),
            hint: is_document.then_some("This is a document: as \"document\" gives its text"),
            is_part: truncated || start > 0,
        })
    }
}

/// The first bytes of a file, which is rewound afterwards.
fn head(file: &mut File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head)
}

/// Reads all of a file that fits.
pub(super) fn whole(file: &mut File, size: u64, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Reads all of the file at a path, to change it.
pub(super) fn bytes_of(path: &SafePath, most: u64) -> Result<(Vec<u8>, Basis)> {
    let (mut file, found) = path.open()?;
    if found.size > most {
        return Err(too_large(most));
    }
    let bytes = whole(&mut file, found.size, most)?;
    let basis = Basis::new(found, bytes.len() as u64, digest::of(&bytes));
    Ok((bytes, basis))
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

/// A NUL near the start, as grep and git tell.
fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, &bytes[..bytes.len().min(8192)]).is_some()
}

/// A byte order mark of Unicode with wide characters, which are full of NULs.
fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\0\0\xfe\xff")
}

/// The kind of a file by its first bytes, else by its name.
pub(super) fn mime_type(path: &str, bytes: &[u8]) -> String {
    match infer::get(bytes) {
        Some(kind) => kind.mime_type().to_owned(),
        None => mime_guess::from_path(path).first_or_octet_stream().essence_str().to_owned(),
    }
}
