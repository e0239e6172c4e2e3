//! What the documents' own parsers make of them: the text of PDF, DOCX, ODT, EPUB, and the tables of spreadsheets.

use super::{DAMAGED, Kind, note};
use calamine::{Data, Reader as _};
use quick_xml::{Reader, events::Event};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// A part of a document is unpacked to at most this size, in bytes: a small file can hold gigabytes of nothing.
const MAX_UNPACKED: u64 = 128 * 1024 * 1024;

/// What is wrong with a file, and what to do about it.
const LOCKED: &str = "it is locked with a password: save a copy without one, with the program that made it";

/// The text of a document of this kind.
///
/// # Errors
/// Why there is none, for its reader.
pub(crate) fn text(kind: Kind, bytes: Vec<u8>) -> Result<String> {
    match kind {
        Kind::Pdf => pdf(&bytes),
        Kind::Word => docx(bytes),
        Kind::OpenText => packed_xml(bytes, &["content.xml".to_owned()], &["p", "h", "line-break"]),
        Kind::Slides => {
            let slides = parts(&bytes, "ppt/slides/slide", ".xml")?;
            packed_xml(bytes, &slides, &["p", "br"])
        }
        Kind::Tables => tables(bytes),
        Kind::Book => epub(bytes),
    }
}

/// Why a document has no text, in words for its reader.
type Result<T> = std::result::Result<T, String>;

/// What a library says of a file is for the server's log, to which the reader's errors go: its words are about itself.
fn damaged(error: impl std::fmt::Display) -> String {
    let said = error.to_string();
    note(&said);
    let said = said.to_lowercase();
    match ["password", "encrypt", "decrypt"].iter().any(|word| said.contains(word)) {
        true => LOCKED.to_owned(),
        false => DAMAGED.to_owned(),
    }
}

fn pdf(bytes: &[u8]) -> Result<String> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes).map_err(damaged)?;
    let numbered = |(page, text): (usize, &String)| format!("# Page {}\n{}\n", page + 1, text.trim_start_matches('\n'));
    Ok(match pages.as_slice() {
        [one] => one.trim_start_matches('\n').to_owned(),
        many => many.iter().enumerate().map(numbered).collect(),
    })
}

/// The text between what stands at the head and at the foot of pages.
fn docx(bytes: Vec<u8>) -> Result<String> {
    let mut names = parts(&bytes, "word/header", ".xml")?;
    names.push("word/document.xml".to_owned());
    names.extend(parts(&bytes, "word/footer", ".xml")?);
    packed_xml(bytes, &names, &["p", "br"])
}

/// Every sheet as tab-separated lines under its name, from its first cell on.
fn tables(bytes: Vec<u8>) -> Result<String> {
    let mut book = calamine::open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(damaged)?;
    let mut text = String::new();
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).map_err(damaged)?;
        text.push_str(&format!("# {name}\n"));
        let (above, before) = range.start().unwrap_or_default();
        text.extend(std::iter::repeat_n('\n', blank(above)));
        for row in range.rows() {
            let cells: Vec<String> = row.iter().map(cell).collect();
            let line = format!("{}{}", "\t".repeat(blank(before)), cells.join("\t"));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    Ok(text)
}

/// How many empty lines or cells stand for so many; a sheet may begin a million lines down.
fn blank(count: u32) -> usize {
    count.min(1000) as usize
}

fn cell(data: &Data) -> String {
    match data {
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            match (hour, minute, second) {
                (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
            }
        }
        other => other.to_string().replace(['\t', '\n'], " "),
    }
}

fn open(bytes: Vec<u8>) -> Result<ZipArchive<Cursor<Vec<u8>>>> {
    ZipArchive::new(Cursor::new(bytes)).map_err(damaged)
}

fn part(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Result<String> {
    let file = archive.by_name(name).map_err(damaged)?;
    let mut content = Vec::new();
    file.take(MAX_UNPACKED + 1).read_to_end(&mut content).map_err(damaged)?;
    if content.len() as u64 > MAX_UNPACKED {
        return Err(format!("a part of it has more than {} MiB", MAX_UNPACKED / (1024 * 1024)));
    }
    String::from_utf8(content).map_err(damaged)
}

/// The names of parts that are numbered, in the order of their numbers.
fn parts(bytes: &[u8], before: &str, after: &str) -> Result<Vec<String>> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let number = |name: &str| name.strip_prefix(before)?.strip_suffix(after)?.parse::<u32>().ok();
    let mut found: Vec<(u32, String)> =
        archive.file_names().flatten().filter_map(|name| Some((number(&name)?, name.to_string()))).collect();
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn packed_xml(bytes: Vec<u8>, names: &[String], lines: &[&str]) -> Result<String> {
    let mut archive = open(bytes)?;
    let mut text = String::new();
    for name in names {
        text.push_str(&plain(&part(&mut archive, name)?, lines)?);
    }
    Ok(text)
}

/// The chapters in the order of the book's spine.
fn epub(bytes: Vec<u8>) -> Result<String> {
    let mut archive = open(bytes)?;
    let container = part(&mut archive, "META-INF/container.xml")?;
    let package = attributes(&container, "rootfile")?.into_iter().find_map(|found| value(&found, "full-path"));
    let package = package.ok_or_else(|| damaged("the container names no package"))?;
    let folder = package.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let content = part(&mut archive, &package)?;
    let items = attributes(&content, "item")?;
    let mut text = String::new();
    for reference in attributes(&content, "itemref")? {
        let id = value(&reference, "idref");
        let item = items.iter().find(|item| value(item, "id") == id).and_then(|item| value(item, "href"));
        let Some(name) = item else { continue };
        let name = percent_encoding::percent_decode_str(&name).decode_utf8_lossy().into_owned();
        let chapter = part(&mut archive, &format!("{folder}{name}"))?;
        let lines = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "br", "div", "title"];
        text.push_str(&plain(&chapter, &lines)?);
    }
    Ok(without_gaps(&text))
}

/// The same with at most one empty line at a place: markup is full of line ends that mean nothing.
fn without_gaps(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        if !line.is_empty() || !(tidy.is_empty() || tidy.ends_with("\n\n")) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy
}

type Attributes = Vec<(String, String)>;

fn value(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
}

/// The attributes of every element of a name.
fn attributes(xml: &str, name: &str) -> Result<Vec<Attributes>> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().map_err(damaged)? {
            Event::Start(element) | Event::Empty(element) if element.local_name().as_ref() == name => {
                let pairs = element
                    .attributes()
                    .flatten()
                    .map(|pair| (pair.key.local_name().as_ref().to_owned(), pair.value.into_owned()));
                found.push(pairs.collect());
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// The text of XML: the ends of `lines` break a line, the cells of a table's row stand between tabs in one; styles and
/// scripts are left out.
fn plain(xml: &str, lines: &[&str]) -> Result<String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    let (mut text, mut hidden, mut cells) = (String::new(), 0_usize, 0_usize);
    let is_hidden = |name: &str| matches!(name, "style" | "script" | "instrText" | "delText");
    loop {
        match reader.read_event().map_err(damaged)? {
            Event::Start(element) if is_hidden(element.local_name().as_ref()) => hidden += 1,
            Event::Start(element) if is_cell(element.local_name().as_ref()) => cells += 1,
            Event::End(element) if is_hidden(element.local_name().as_ref()) => hidden = hidden.saturating_sub(1),
            Event::End(element) => {
                let is_cell = is_cell(element.local_name().as_ref());
                cells = cells.saturating_sub(usize::from(is_cell));
                end(&mut text, element.local_name().as_ref(), lines, cells > 0);
            }
            Event::Empty(element) => end(&mut text, element.local_name().as_ref(), lines, cells > 0),
            Event::Text(part) if hidden == 0 => text.push_str(&part),
            Event::CData(part) if hidden == 0 => text.push_str(&part),
            Event::GeneralRef(name) if hidden == 0 => text.push_str(&resolved(&name)),
            Event::Eof => return Ok(text),
            _ => {}
        }
    }
}

fn is_cell(name: &str) -> bool {
    matches!(name, "tc" | "table-cell" | "td" | "th")
}

/// Writes what the end of an element means; in a cell of a table lines stay one line.
fn end(text: &mut String, name: &str, lines: &[&str], in_cell: bool) {
    match name {
        "tab" => text.push('\t'),
        "tr" | "table-row" => {
            text.truncate(text.trim_end_matches(['\t', ' ']).len());
            text.push(if in_cell { ' ' } else { '\n' });
        }
        _ if is_cell(name) => {
            text.truncate(text.trim_end_matches(' ').len());
            text.push(if in_cell { ' ' } else { '\t' });
        }
        _ if lines.contains(&name) => text.push(if in_cell { ' ' } else { '\n' }),
        _ => {}
    }
}

/// `&amp;`, `&#233;`; one that XML does not define is left as it is.
fn resolved(reference: &quick_xml::events::BytesRef) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let text = match reference.as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        "nbsp" => " ",
        other => return format!("&{other};"),
    };
    text.to_owned()
}
