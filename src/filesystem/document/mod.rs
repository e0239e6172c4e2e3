//! The text of documents, parsed where a hostile one can do no harm.
//!
//! A document's parser is led by the file: a kilobyte can ask for half a terabyte, draw itself without end, or find a
//! mistake in the parser. So the program starts itself once for each document, as a process that holds the open file and
//! nothing else, gives up every right ([`child`]), and writes the text to a pipe. Whatever becomes of it, the server
//! reads a bounded text or says why there is none ([`readers`]).

#[cfg_attr(target_os = "linux", path = "bounds_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "bounds_elsewhere.rs")]
mod bounds;
mod child;
#[cfg_attr(not(feature = "documents"), path = "parse_nothing.rs")]
mod parse;
mod readers;

pub use child::run_if_asked;
pub(crate) use readers::{Document, Readers};

use crate::error::{Error, Result};
use std::io::{self, Write};

/// What is wrong with a file, and what to do about it.
const DAMAGED: &str = "it is damaged, or something in it is of a kind that cannot be read: open it with the program that made it and save \
     it again";

/// A kind of document that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PDF.
    Pdf,
    /// DOCX.
    Word,
    /// ODT and ODP.
    OpenText,
    /// PPTX.
    Slides,
    /// XLSX, XLSM, XLSB, XLS and ODS.
    Tables,
    /// EPUB.
    Book,
}

/// Each kind by the name under which a reader is told of it, and the extensions of its files.
const KINDS: [(Kind, &str, &[&str]); 6] = [
    (Kind::Pdf, "pdf", &[]),
    (Kind::Word, "word", &["docx"]),
    (Kind::OpenText, "open-text", &["odt", "odp"]),
    (Kind::Slides, "slides", &["pptx"]),
    (Kind::Tables, "tables", &["xlsx", "xlsm", "xlsb", "xls", "ods"]),
    (Kind::Book, "book", &["epub"]),
];

impl Kind {
    /// What a file is by its first bytes, and by its name where they do not tell.
    ///
    /// # Errors
    /// [`Error::Unusable`] for what is no document.
    pub(crate) fn of(path: &str, head: &[u8]) -> Result<Self> {
        if head.starts_with(b"%PDF") {
            return Ok(Self::Pdf);
        }
        let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        let found = KINDS.iter().find(|(_, _, extensions)| extensions.contains(&extension.as_str()));
        found.map(|(kind, ..)| *kind).ok_or_else(|| {
            Error::Unusable(
                "Cannot read this file as a document: it must be PDF, DOCX, XLSX, ODT, ODS, PPTX or EPUB".into(),
            )
        })
    }

    fn by_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, _)| *known == name).map(|(kind, ..)| *kind)
    }

    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

/// Whether a file that starts like this is a document whose text can be read.
pub(crate) fn is_one(path: &str, head: &[u8]) -> bool {
    (head.starts_with(b"%PDF") || head.starts_with(b"PK")) && Kind::of(path, head).is_ok()
}

/// How much memory the reader of a file may use, in bytes: parsers hold a file several times over, unpacked and as what
/// they make of it, and what is small must not become large.
fn memory_for(size: u64) -> u64 {
    const LEAST: u64 = 256 * 1024 * 1024;
    LEAST + size.saturating_mul(4)
}

/// How long a reader may compute, in seconds of processor time.
const PROCESSOR_SECONDS: u64 = 10;

/// Says something for the server's log.
fn note(detail: &str) {
    // A server that does not listen any more has no use for it.
    let _ = io::stderr().write_all(detail.as_bytes());
}
