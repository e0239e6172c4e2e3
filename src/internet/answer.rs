//! What a server answered, as text: decompressed, decoded by its charset, cut where it is too long.

use super::layer::Layer;
use crate::{
    capability::Context,
    error::{Error, Result},
};
use async_compression::{
    tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder},
    zstd::DParameter,
};
use encoding_rs::{CoderResult, Encoding, UTF_8};
use futures::TryStreamExt;
use indexmap::IndexMap;
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use std::{error::Error as _, io, pin::Pin, sync::LazyLock};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

/// What can be decompressed, as `Accept-Encoding` says it.
pub(crate) const ENCODINGS: &str = "gzip, deflate, br, zstd";

/// The longest text that is kept, in characters.
pub(crate) const MAX_CHARACTERS: usize = 10_000_000;

/// How many bytes of memory a text gets at first: most need no more.
const FIRST: usize = 1024 * 1024;

/// How many more a longer one gets at once. All it may need, so that few are finished instead of many begun.
const STEP: usize = MAX_CHARACTERS;

/// What stands at the end of a text that was cut.
const CUT: &str = "\n\n[... truncated]";

/// How many encodings may lie over each other; more is an attack.
const MAX_LAYERS: usize = 3;

/// The largest window that an HTTP server may make a client keep for zstd is 8 MiB (RFC 9659): this is its logarithm.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Where a page may say its charset (HTML standard, section 4.2.5.4).
const META_BYTES: usize = 1024;

type Bytes = Pin<Box<dyn AsyncBufRead + Send>>;

/// A decoded text.
pub(crate) struct Text {
    /// The text.
    pub content: String,
    /// Its length in characters.
    pub size: usize,
}

/// Headers by name in lower case, repeated ones joined.
pub(crate) fn joined(headers: &HeaderMap) -> IndexMap<String, String> {
    let mut all: IndexMap<String, String> = IndexMap::new();
    for (name, value) in headers {
        let value = header_text(value);
        match all.get_mut(name.as_str()) {
            Some(before) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            None => {
                all.insert(name.as_str().to_owned(), value);
            }
        }
    }
    all
}

/// A header's value; what is not UTF-8 is read as Latin-1, as HTTP once had it.
pub(crate) fn header_text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}

/// The body of an answer, of which the beginning is there.
pub(crate) struct Body {
    bytes: Bytes,
    head: Vec<u8>,
    content_type: String,
}

impl Body {
    /// Waits for the first bytes.
    ///
    /// # Errors
    /// [`Error::Upstream`] when the server breaks off or sends what cannot be decompressed.
    pub(crate) async fn of(answer: Response) -> Result<Self> {
        let content_type = answer.headers().get(CONTENT_TYPE).map(header_text).unwrap_or_default();
        let layers = layers(answer.headers())?;
        let stream = answer.bytes_stream().map_err(io::Error::other);
        let mut bytes: Bytes = Box::pin(StreamReader::new(stream));
        for layer in layers.iter().rev() {
            bytes = decompress(bytes, layer).await.map_err(|error| broken(&error))?;
        }
        let mut head = Vec::with_capacity(META_BYTES);
        let limit = META_BYTES as u64;
        (&mut bytes).take(limit).read_to_end(&mut head).await.map_err(|error| broken(&error))?;
        Ok(Self { bytes, head, content_type })
    }

    /// The media type that the server names, without parameters, in lower case.
    pub(crate) fn essence(&self) -> String {
        self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// What kind of data it is, where it is no text: by its first bytes, else as the server says.
    pub(crate) fn binary_type(&self) -> Option<String> {
        if self.head.is_empty() || Encoding::for_bom(&self.head).is_some() {
            return None;
        }
        let known = infer::get(&self.head).filter(|kind| kind.matcher_type() != infer::MatcherType::Text);
        let has_nul = self.head.contains(&0);
        // Of all that is no text, only this may begin without a byte that tells.
        let is_pdf = self.head.starts_with(b"%PDF-");
        let is_broken = has_nul || is_pdf || !is_utf8(&self.head);
        let essence = self.essence();
        let is_binary = if says_text(&self.content_type, &essence) {
            known.is_some() && (has_nul || is_pdf)
        } else if essence.is_empty() {
            has_nul || known.is_some() && is_broken
        } else {
            is_broken
        };
        let named = Some(essence).filter(|essence| !essence.is_empty() && !essence.starts_with("text/"));
        let kind = known.map(|kind| kind.mime_type().to_owned()).or(named);
        is_binary.then(|| kind.unwrap_or_else(|| "application/octet-stream".to_owned()))
    }

    /// Reads it while it comes as text and stops at the longest one, however much more there is.
    ///
    /// # Errors
    /// [`Error::Upstream`] when the server breaks off or sends what cannot be decompressed, and what
    /// [`crate::caller::MemoryBudget::more`] says when there is no memory for it.
    pub(crate) async fn text(mut self, context: &Context) -> Result<Text> {
        let mut text = Decoded::new(encoding(&self.content_type, &self.head));
        let mut more = text.push(&self.head, false);
        let mut room = FIRST;
        context.holding.more(FIRST as u64).await?;
        while more {
            if text.content.len() > room {
                context.holding.more(STEP as u64).await?;
                room += STEP;
            }
            let chunk = self.bytes.fill_buf().await.map_err(|error| broken(&error))?;
            let length = chunk.len();
            more = text.push(chunk, length == 0) && length > 0;
            self.bytes.consume(length);
            // What unpacks without ever waiting for the network must let the deadline and others come in between.
            tokio::task::coop::consume_budget().await;
        }
        Ok(text.finish())
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// As [`Self::text`], and [`Error::TooLarge`] for more than `most` bytes.
    pub(crate) async fn bytes(mut self, most: u64, context: &Context) -> Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.head);
        let mut room = FIRST;
        context.holding.more(FIRST as u64).await?;
        loop {
            let chunk = self.bytes.fill_buf().await.map_err(|error| broken(&error))?;
            let length = chunk.len();
            if length == 0 {
                return Ok(all);
            }
            if (all.len() + length) as u64 > most {
                return Err(Error::TooLarge(format!(
                    "The answer is larger than the {most} bytes that can be given so: save_to takes more, up to \
                     MCP_MAX_REQUEST_MIB"
                )));
            }
            if all.len() + length > room {
                context.holding.more(room as u64).await?;
                room *= 2;
            }
            all.extend_from_slice(chunk);
            self.bytes.consume(length);
            tokio::task::coop::consume_budget().await;
        }
    }
}

/// Whether a server says that it sends text: only magic numbers prove it wrong.
fn says_text(content_type: &str, essence: &str) -> bool {
    let is_named =
        ["json", "xml", "javascript", "yaml", "x-www-form-urlencoded"].iter().any(|end| essence.ends_with(end));
    essence.starts_with("text/") || is_named || content_type.to_ascii_lowercase().contains("charset=")
}

/// Whether these are the first bytes of a text in UTF-8; the last character may be cut.
fn is_utf8(head: &[u8]) -> bool {
    std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// The names in `Content-Encoding`, in the order in which they were applied.
fn layers(headers: &HeaderMap) -> Result<Vec<String>> {
    let values = headers.get_all(CONTENT_ENCODING).iter().map(header_text);
    let names: Vec<String> = values
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()).collect::<Vec<_>>())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if names.len() > MAX_LAYERS {
        return Err(Error::Upstream("HTTP error: the answer is compressed too many times over".into()));
    }
    Ok(names)
}

/// What it does not know it leaves as it is.
async fn decompress(mut bytes: Bytes, layer: &str) -> io::Result<Bytes> {
    let first = bytes.fill_buf().await?;
    if first.is_empty() {
        return Ok(bytes);
    }
    // RFC 7932 has no such window; the decoder would take it for one of up to 1 GiB.
    let has_large_window = first[0] & 0x7f == 0x11;
    // RFC 1950: eight of the low bits say deflate. Servers that send deflate without zlib's header are common.
    let has_zlib_header = first[0] & 0x0f == 8;
    let bytes = Layer::over(bytes);
    Ok(match layer {
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(bytes);
            decoder.multiple_members(true);
            Box::pin(BufReader::new(decoder))
        }
        "deflate" if has_zlib_header => Box::pin(BufReader::new(ZlibDecoder::new(bytes))),
        "deflate" => Box::pin(BufReader::new(DeflateDecoder::new(bytes))),
        "br" if has_large_window => return Err(io::Error::other("its window is larger than brotli has")),
        "br" => Box::pin(BufReader::new(BrotliDecoder::new(bytes))),
        "zstd" => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
            Box::pin(BufReader::new(ZstdDecoder::with_params(bytes, &window)))
        }
        _ => Box::pin(bytes),
    })
}

fn broken(error: &io::Error) -> Error {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<reqwest::Error>()) {
        Some(error) => upstream(error),
        None => Error::Upstream(format!("HTTP error: the answer cannot be decompressed: {error}")),
    }
}

/// The charset by its byte order mark, else by the header, else by what the page says of itself, else UTF-8: the
/// order of the HTML standard (section 13.2.3.2).
fn encoding(content_type: &str, head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let charset = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let of_header = charset.map(|(_, value)| value.trim().trim_matches(['"', '\''])).next();
    let of_header = of_header.and_then(|label| Encoding::for_label(label.as_bytes()));
    let marks_itself = essence.trim().is_empty() || essence.contains("html") || essence.contains("xml");
    of_header.or_else(|| in_markup(head).filter(|_| marks_itself)).unwrap_or(UTF_8)
}

/// What `<meta charset=…>`, `<meta … content="…; charset=…">` or `<?xml encoding="…"?>` says.
fn in_markup(head: &[u8]) -> Option<&'static Encoding> {
    static DECLARATION: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
        regex::bytes::Regex::new(
            r#"(?i-u)<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)"#,
        )
        .expect("the pattern is constant")
    });
    let found = DECLARATION.captures(head)?;
    let label = found.get(1).or_else(|| found.get(2))?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // A page that can be read this far is not UTF-16, whatever it says (HTML standard, section 13.2.3.3).
    Some(if encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE { UTF_8 } else { encoding })
}

/// A text as it grows.
struct Decoded {
    decoder: encoding_rs::Decoder,
    content: String,
    size: usize,
}

impl Decoded {
    fn new(encoding: &'static Encoding) -> Self {
        Self { decoder: encoding.new_decoder_with_bom_removal(), content: String::new(), size: 0 }
    }

    /// Decodes more; false once the text is longer than what is kept.
    fn push(&mut self, mut bytes: &[u8], last: bool) -> bool {
        loop {
            self.content.reserve(bytes.len().max(16));
            let start = self.content.len();
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut self.content, last);
            self.size += self.content[start..].chars().count();
            bytes = &bytes[read..];
            if self.size > MAX_CHARACTERS {
                return false;
            }
            if result == CoderResult::InputEmpty {
                return true;
            }
        }
    }

    fn finish(mut self) -> Text {
        if self.size > MAX_CHARACTERS {
            let end = self.content.char_indices().nth(MAX_CHARACTERS).map_or(self.content.len(), |(end, _)| end);
            self.content.truncate(end);
            self.content.push_str(CUT);
            self.size = MAX_CHARACTERS + CUT.len();
        }
        Text { content: self.content, size: self.size }
    }
}

/// The causes of a failed exchange, without the URL, which may hold secrets.
pub(super) fn upstream(error: &reqwest::Error) -> Error {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        causes.push(found.to_string());
        cause = found.source();
    }
    causes.dedup();
    let text = if causes.is_empty() { "the request cannot be sent".to_owned() } else { causes.join(": ") };
    Error::Upstream(format!("HTTP error: {text}"))
}
