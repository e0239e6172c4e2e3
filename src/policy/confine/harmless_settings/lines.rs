//! Files of settings that are read line by line: what is not wholly understood is left out.

use super::allowed::{Set, Syntax};

/// What may stay of a file; none where nothing of it may be shown.
pub(crate) fn harmless(text: &str, set: &Set) -> Option<String> {
    match set.syntax {
        Syntax::Yaml => whole(text, set),
        Syntax::Stanzas => Some(stanzas(text, set)),
        Syntax::Lines => Some(joined(text.lines().filter(|line| set.allows_line(line.trim_end())))),
        _ => Some(blocks(text, set)),
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#')
}

/// All lines, or none where one of them is more than a key with a plain value.
fn whole(text: &str, set: &Set) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && !is_comment(line)).collect();
    lines.iter().all(|line| allows(line, set, &[])).then(|| joined(lines.into_iter()))
}

/// The paragraphs of which each line may stay.
fn stanzas(text: &str, set: &Set) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !is_comment(line)).collect();
    let stanzas = lines.split(|line| line.is_empty()).filter(|stanza| !stanza.is_empty());
    let kept = stanzas.filter(|stanza| stanza.iter().all(|line| allows(line, set, &[])));
    kept.map(|stanza| joined(stanza.iter().copied()) + "\n").collect()
}

/// Where a line stands.
enum Block<'a> {
    /// Above all heads, or below one that may stay.
    Known { head: Option<&'a str>, path: Vec<String> },
    /// Below a head that is left out.
    Unknown,
}

fn blocks(text: &str, set: &Set) -> String {
    let mut kept = String::new();
    let mut block = Block::Known { head: None, path: vec![] };
    for lines in logical(text, set.syntax) {
        let line = lines[0].trim_end();
        if lines.iter().any(|line| is_head(line, set.syntax)) {
            block = if lines.len() == 1 { below(line, set) } else { Block::Unknown };
        } else if let (Block::Known { head, path }, [_]) = (&mut block, &lines[..])
            && allows(line, set, path)
        {
            // A head without anything below it is not needed.
            kept.extend(head.take().into_iter().chain([line]).flat_map(|line| [line, "\n"]));
        }
    }
    kept
}

/// The lines, those that go on together.
fn logical(text: &str, syntax: Syntax) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        let above = all.last_mut();
        let goes_on = match syntax {
            Syntax::Git => above.as_ref().is_some_and(|above| above.last().is_some_and(|line| line.ends_with('\\'))),
            Syntax::Ini | Syntax::Npm => line.starts_with(char::is_whitespace) && !line.trim().is_empty(),
            _ => false,
        };
        match above {
            Some(above) if goes_on => above.push(line),
            _ if line.trim().is_empty() => {}
            _ => all.push(vec![line]),
        }
    }
    all
}

fn is_head(line: &str, syntax: Syntax) -> bool {
    let line = line.trim_start();
    let first = line.split(|it: char| it.is_whitespace() || it == '=' || it == '"').next().unwrap_or_default();
    match syntax {
        Syntax::Ssh => ["host", "match"].iter().any(|word| first.eq_ignore_ascii_case(word)),
        _ => line.starts_with('['),
    }
}

fn below<'a>(line: &'a str, set: &Set) -> Block<'a> {
    let path = match set.syntax {
        Syntax::Ssh => set.allows_head(line.trim()).then(Vec::new),
        Syntax::Git => section(line.trim()),
        Syntax::Ini => inside(line).map(|name| vec![name.to_owned()]),
        _ => None,
    };
    path.map_or(Block::Unknown, |path| Block::Known { head: Some(line), path })
}

fn inside(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// The name of a section of git's, and of what is in quotes behind it.
fn section(line: &str) -> Option<Vec<String>> {
    let inside = inside(line)?;
    let Some((name, below)) = inside.split_once(' ') else { return Some(vec![inside.to_ascii_lowercase()]) };
    let below = below.trim_start().strip_prefix('"')?.strip_suffix('"')?;
    (!below.contains(['"', '\\'])).then(|| vec![name.to_ascii_lowercase(), below.to_owned()])
}

/// Whether a line is a key with a value that may stay.
fn allows(line: &str, set: &Set, path: &[String]) -> bool {
    let line = line.trim();
    let divided = match set.syntax {
        Syntax::Yaml | Syntax::Stanzas => line.split_once(": "),
        Syntax::Ssh => line.split_once([' ', '\t', '=']),
        _ => line.split_once('='),
    };
    let Some((key, value)) = divided else { return false };
    let key = match set.syntax {
        Syntax::Npm | Syntax::Yaml => key.trim_end().to_owned(),
        _ => key.trim_end().to_ascii_lowercase(),
    };
    let path: Vec<String> = path.iter().cloned().chain([key]).collect();
    set.allows(&path, unquoted(value.trim()))
}

fn unquoted(value: &str) -> &str {
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inside.filter(|value| !value.contains(['"', '\\'])).unwrap_or(value)
}
