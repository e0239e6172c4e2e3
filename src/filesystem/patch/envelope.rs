//! Reads patches between `*** Begin Patch` and `*** End Patch`, which name lines by what is around them.

use super::section::{Hunk, Kind, Line, Manner, Misread, Section};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// Whether a patch is written so.
pub(crate) fn is_one(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == BEGIN) && !text.lines().any(|line| line.starts_with("diff --git "))
}

/// What such a patch says.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn parse(text: &str) -> Result<Vec<Section>, Misread> {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let is = |line: &&str, mark: &str| line.trim_end() == mark;
    let (mut sections, mut at): (Vec<Section>, _) = (Vec::new(), 0);
    while let Some(begin) = all[at..].iter().position(|line| is(line, BEGIN)).map(|place| at + place) {
        none_between(&all, at, begin)?;
        let Some(end) = all[begin..].iter().position(|line| is(line, END)).map(|place| begin + place) else {
            return Err(Misread::at(all.len().saturating_sub(1), format!("the patch is cut off: no `{END}` follows")));
        };
        at = begin + 1;
        while at < end {
            let body = at + 1;
            let next = (body..end).find(|line| is_head(all[*line])).unwrap_or(end);
            if !all[at].trim().is_empty() {
                sections.push(Section { manner: Manner::Envelope, ..section(&all[..next], at)? });
            }
            at = if all[at].trim().is_empty() { body } else { next };
        }
        at = end + 1;
    }
    none_between(&all, at, all.len())?;
    Ok(sections)
}

/// What stands outside is talk, and no patch of the other form, which would be passed over.
fn none_between(all: &[&str], from: usize, to: usize) -> Result<(), Misread> {
    let is_names = |pair: &[&str]| pair[0].starts_with("--- ") && pair[1].starts_with("+++ ");
    match all[from..to].windows(2).position(is_names) {
        Some(place) => {
            let what = format!("a unified diff beside `{BEGIN}`: send them one after the other");
            Err(Misread::at(from + place, what))
        }
        None => Ok(()),
    }
}

const HEADS: [&str; 4] = ["*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move File: "];

fn is_head(line: &str) -> bool {
    HEADS.iter().any(|head| line.starts_with(head))
}

/// What begins in line `at` and ends with the lines.
fn section(lines: &[&str], at: usize) -> Result<Section, Misread> {
    let head = lines[at].trim_end();
    let named = |start: &str| head.strip_prefix(start).map(|name| Some(name.trim().to_owned()));
    if let Some(new) = named(HEADS[0]) {
        let hunks =
            vec![Hunk { start: Some(0), expects_nothing: true, lines: added(lines, at + 1)?, ..Hunk::default() }];
        return Ok(Section { new, hunks, ..Section::default() });
    }
    let rest = || lines[at + 1..].iter().position(|line| !line.trim().is_empty()).map(|place| at + 1 + place);
    if let Some(old) = named(HEADS[1]) {
        return match rest() {
            Some(line) => Err(Misread::at(line, "a file that is deleted has no lines here")),
            None => Ok(Section { old, ..Section::default() }),
        };
    }
    if let Some(Some(both)) = named(HEADS[3]) {
        let names = both.split_once(" -> ").or_else(|| both.split_once(" to "));
        return match (names, rest()) {
            (Some((old, new)), None) => Ok(moved(old, new)),
            (None, _) => Err(Misread::at(at, "name both places: `*** Move File: OLD -> NEW`")),
            (_, Some(line)) => Err(Misread::at(line, "use `*** Update File:` and `*** Move to:` to change it as well")),
        };
    }
    let Some(Some(old)) = named(HEADS[2]) else {
        let what =
            "it names no file: use `*** Update File: NAME`, `*** Add File:`, `*** Delete File:` or `*** Move File:`";
        return Err(Misread::at(at, what));
    };
    let target = lines.get(at + 1).and_then(|line| line.strip_prefix("*** Move to: ")).map(str::trim);
    let mut section = match target {
        Some(new) => moved(&old, new),
        None => Section { old: Some(old.clone()), new: Some(old), ..Section::default() },
    };
    section.hunks = hunks(lines, at + 1 + usize::from(target.is_some()))?;
    match section.hunks.is_empty() && target.is_none() {
        true => Err(Misread::at(at, "a name and no hunk: the lines to change are missing")),
        false => Ok(section),
    }
}

fn moved(old: &str, new: &str) -> Section {
    let (old, new) = (Some(old.trim().to_owned()), Some(new.trim().to_owned()));
    Section { old, new, kind: Kind::Rename, ..Section::default() }
}

fn added(lines: &[&str], from: usize) -> Result<Vec<Line>, Misread> {
    let is_line = |line: &&str| !line.trim().is_empty();
    let last = lines[from..].iter().rposition(is_line).map_or(from, |place| from + place + 1);
    let line = |at: usize| match Line::of(lines[at]) {
        Some(line @ Line::Insert(_)) => Ok(line),
        _ => Err(Misread::at(at, "each line of a new file begins with +")),
    };
    (from..last).map(line).collect()
}

fn hunks(lines: &[&str], mut at: usize) -> Result<Vec<Hunk>, Misread> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let new = || Hunk { appends: true, ..Hunk::default() };
    let mut open = None::<Hunk>;
    while let Some(line) = lines.get(at) {
        let text = line.trim_end();
        if let Some(anchor) = text.strip_prefix("@@") {
            if let Some(done) = open.take_if(|hunk| !hunk.lines.is_empty()) {
                hunks.push(done);
            }
            let anchor = anchor.trim().trim_end_matches("@@").trim();
            open.get_or_insert_with(new).anchors.extend((!anchor.is_empty()).then(|| anchor.to_owned()));
        } else if text == "*** End of File" {
            let hunk = open.take().filter(|hunk| !hunk.lines.is_empty());
            let hunk = hunk.ok_or_else(|| Misread::at(at, "no lines stand before the file's end"))?;
            hunks.push(Hunk { at_end: true, ..hunk });
        } else if let Some(read) = Line::of(line) {
            open.get_or_insert_with(new).lines.push(read);
        } else {
            return Err(Misread::at(
                at,
                "it belongs to no hunk: context lines begin with a space, new with +, old with -",
            ));
        }
        at += 1;
    }
    let Some(mut last) = open else { return Ok(hunks) };
    // Empty lines before the next file only part it from this one.
    let is_gap = |line: &Line| matches!(line, Line::Context(text) if text == "\n");
    while last.lines.last().is_some_and(is_gap) && lines[at - 1].trim_end_matches(['\n', '\r']).is_empty() {
        last.lines.pop();
        at -= 1;
    }
    match (last.lines.is_empty(), last.anchors.is_empty()) {
        (false, _) => hunks.push(last),
        (true, false) => return Err(Misread::at(at - 1, "a hunk without lines")),
        (true, true) if hunks.is_empty() => return Err(Misread::at(at - 1, "a hunk without lines")),
        _ => {}
    }
    Ok(hunks)
}
