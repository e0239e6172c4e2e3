//! Replaces parts of a text.

use super::{
    Files,
    about::Place,
    diff, digest,
    encoding::Codec,
    lines::{self, Lines},
    nearest,
    read::{bytes_of, default_encoding},
    undo::{ChangeAuthor, Changed},
    write::{is_as_expected, may_be_written, replaced},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often the file's content is in memory: as it was and as it becomes.
pub(super) const COPIES: u64 = 2;

/// Edit a text file in place.
///
/// Replaces exact texts by others in order, all or nothing, and shows a diff. For several files at once,
/// filesystem_patch.
///
/// Line ends and encoding of the file are kept. A text that is not found is a conflict that shows the nearest lines and
/// what differs.
#[derive(Deserialize, JsonSchema)]
pub struct EditFile {
    /// The file.
    path: String,
    /// Replacements, made in order.
    #[schemars(length(min = 1, max = 1000))]
    edits: Vec<Replace>,
    /// Only show what would change.
    #[serde(default)]
    dry_run: bool,
    /// Whether a file that is read-only is changed anyway.
    #[serde(default)]
    force: bool,
    /// The file's encoding, by Python's name.
    #[serde(default = "default_encoding")]
    encoding: String,
    /// `sha256` of an earlier read: when the file has changed since, nothing is edited and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// A replacement in a text.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TextReplacement")]
pub(crate) struct Replace {
    /// The text that is there. With its white space; it may span lines.
    old: String,
    /// What it becomes.
    new: String,
    /// How often `old` must be there. Any other number is a conflict.
    #[serde(default = "once")]
    #[schemars(range(min = 1))]
    expected_replacements: usize,
    /// Only from this line on. It is counted from 1 in the text that the edits before have left; negative from the end.
    /// Default: the first.
    start_line: Option<i64>,
    /// Only up to this line. It is included; negative from the end. Default: the last.
    end_line: Option<i64>,
}

fn once() -> usize {
    1
}

/// What was edited.
#[derive(Serialize, JsonSchema)]
pub struct EditOutput {
    /// The path as sent.
    path: String,
    /// How many places were replaced.
    replacements: usize,
    /// Whether this was only a trial.
    dry_run: bool,
    /// What changed, as a unified diff.
    diff: String,
    /// SHA-256 of the file's bytes now (of a trial: as they would be).
    sha256: String,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Option<Changed>,
}

impl Capability for EditFile {
    const NAME: &'static str = "filesystem_edit";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str =
        r#"{"path": "notes/today.md", "edits": [{"old": "try", "new": "use"}], "dry_run": true}"#;
    type Service = Files;
    type Output = EditOutput;

    fn aside(output: &EditOutput) -> &'static [&'static str] {
        match output.dry_run {
            true => &["path", "sha256"],
            // What was sent is what it became.
            false => &["path", "sha256", "diff", "change_id"],
        }
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let tried = || Some(self.edit(files, None).ok()?.diff);
        let about = files.about(needs, [Place::write(&self.path)]);
        Subjects { diff: needs.bound.then(tried).flatten(), ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<EditOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        let named = self.path.clone();
        // Before its turn, so that no other change waits for this one's memory.
        let size = files.look(context, move |files, _| Ok(files.size_of(&named))).await?;
        context.holding.more(size.min(files.max_read).saturating_mul(COPIES)).await?;
        files.change_anew(move |files| self.edit(files, Some(&who).filter(|_| !self.dry_run))).await
    }
}

impl EditFile {
    /// Edits for somebody, or tries it for nobody.
    fn edit(&self, files: &Files, who: Option<&ChangeAuthor>) -> Result<EditOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        path.existing()?;
        may_be_written(&path, self.force)?;
        let codec = Codec::by_name(&self.encoding)?;
        let expected = is_as_expected(&path, self.expected_sha256.as_deref())?;
        let (bytes, basis) = bytes_of(&path, files.max_read)?;
        expected.map_or(Ok(()), |expected| expected.is_same(&digest::of(&bytes)))?;
        let before = codec.decode(bytes.clone())?;
        let (mut after, mut replacements) = (before.clone(), 0);
        for (number, edit) in self.edits.iter().enumerate() {
            after = edit.apply(&after, number)?;
            replacements += edit.expected_replacements;
        }
        let encoded = codec.encode_over(&bytes, &after)?;
        let who = who.filter(|_| encoded != bytes);
        let edit = replaced(files, &path, encoded).made_from(Some(basis)).at(path);
        let sha256 = edit.after.sha256().to_owned();
        let change = who.map(|who| files.undo.commit(who, vec![edit], None)).transpose()?;
        Ok(EditOutput {
            diff: diff::unified(&before, &after, &self.path),
            path: self.path.clone(),
            replacements,
            dry_run: self.dry_run,
            sha256,
            change,
        })
    }
}

impl Replace {
    fn apply(&self, text: &str, number: usize) -> Result<String> {
        if self.old.is_empty() && !text.is_empty() {
            return Err(Error::invalid("edits", format!("edits[{number}].old is empty: give the text to replace")));
        }
        let total = lines::count(text.as_bytes());
        let lines = Lines { first: self.start_line, last: self.end_line };
        let range = lines.of(total);
        let place = if lines.is_part() { lines::place(text.as_bytes(), &range) } else { 0..text.len() };
        let part = &text[place.clone()];
        let (old, new) = self.fitted(text, part);
        let found = if old.is_empty() { 1 } else { part.matches(&old).count() };
        if found == self.expected_replacements {
            let replaced = if old.is_empty() { new } else { part.replace(&old, &new) };
            return Ok([&text[..place.start], &replaced, &text[place.end..]].concat());
        }
        let before = lines::count(&text.as_bytes()[..place.start]);
        Err(Error::Conflict(match found {
            0 if range.is_empty() && lines.is_part() => format!(
                "edits[{number}] names no line: the text has {total} lines, and start_line and end_line are counted \
                 after the edits before"
            ),
            0 if lines.is_part() && text.contains(&old) => format!(
                "edits[{number}].old is not in lines {} to {}, but at lines {}. Lines are counted after the edits before",
                range.start + 1,
                range.end,
                occurrences(text, &old, 0)
            ),
            0 => format!("edits[{number}].old is not in the file. {}", nearest::describe(part, &old, before)),
            _ => format!(
                "edits[{number}].old is in the file {found} times, expected {}: at lines {}. Give more of the text \
                 around it, start_line and end_line, or expected_replacements",
                self.expected_replacements,
                occurrences(part, &old, before)
            ),
        }))
    }

    /// The two texts with the line ends of the file. Where a file has both kinds, they stay as they were sent unless
    /// only with other ends the old one is there.
    fn fitted(&self, text: &str, part: &str) -> (String, String) {
        let with = |end: &str| (with_ends(&self.old, end), with_ends(&self.new, end));
        let sent = || (self.old.clone(), self.new.clone());
        if !self.old.contains('\n') && !self.new.contains('\n') {
            return sent();
        }
        let ends = text.matches('\n').count();
        if ends > 0 && text.matches("\r\n").count() == ends {
            return with("\r\n");
        }
        if part.contains(&self.old) {
            return sent();
        }
        ["\n", "\r\n"].into_iter().map(with).find(|(old, _)| part.contains(old)).unwrap_or_else(sent)
    }
}

fn with_ends(text: &str, end: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', end)
}

fn occurrences(part: &str, old: &str, before: u64) -> String {
    let line = |(place, _): (usize, &str)| before + part[..place].matches('\n').count() as u64 + 1;
    let lines: Vec<String> = part.match_indices(old).take(10).map(|found| line(found).to_string()).collect();
    lines.join(", ")
}
