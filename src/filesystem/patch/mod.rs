//! Applies a patch over several files.

mod envelope;
mod git_head;
mod hunks;
mod names;
mod places;
mod plan;
mod section;
mod stray;
mod unified;

use super::{
    Files,
    diff::Diffs,
    edit::COPIES,
    go_on,
    undo::{ChangeAuthor, Changed, Edit},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::about::Place,
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use schemars::JsonSchema;
use section::Section;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Apply a patch to files.
///
/// A unified diff (`git diff`, `diff -u`) or the `*** Begin Patch` form, over several files, all or nothing.
///
/// A hunk goes to the line that it names, or to the one place where its lines are; nowhere or several places are a
/// conflict. Line ends and encoding are kept.
#[derive(Deserialize, JsonSchema)]
pub struct PatchFiles {
    /// The patch.
    patch: String,
    /// Where the patch's names begin. A directory.
    #[serde(default = "here")]
    path: String,
    /// Leading folders of its names to leave out. Default: 1 where they are git's `a/` and `b/`, else 0.
    strip: Option<usize>,
    /// The files' encoding, by Python's name. Default: Unicode by its byte order mark, UTF-8, else latin-1 where the
    /// patch's lines fit so.
    encoding: Option<String>,
    /// Whether files that are read-only are changed anyway.
    #[serde(default)]
    force: bool,
    /// Only try.
    #[serde(default)]
    dry_run: bool,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

fn here() -> String {
    ".".to_owned()
}

/// What was patched.
#[derive(Serialize, JsonSchema)]
pub struct PatchOutput {
    /// The files, in the patch's order.
    files: Vec<PatchedFile>,
    /// What changed, as a unified diff. A long one is cut and says what was left out.
    diff: String,
    /// Whether this was only a trial.
    dry_run: bool,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Option<Changed>,
}

/// A file of a patch.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PatchedFile {
    /// Its path.
    path: String,
    /// `created`, `modified`, `deleted`, `renamed` or `copied`.
    kind: &'static str,
    /// How many parts of the patch were applied.
    hunks: usize,
    /// For each of them the line of the new text where it begins, counted from 1.
    lines: Vec<usize>,
}

impl Capability for PatchFiles {
    const NAME: &'static str = "filesystem_patch";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str =
        r#"{"patch": "--- /dev/null\n+++ b/notes/new.md\n@@ -0,0 +1 @@\n+made by a patch\n"}"#;
    type Service = Files;
    type Output = PatchOutput;

    fn aside(output: &PatchOutput) -> &'static [&'static str] {
        if output.dry_run { &[] } else { &["diff", "change_id"] }
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        // One that cannot be read is refused.
        let sections = self.sections().unwrap_or_default();
        let acts: Vec<_> = sections.iter().map(|section| self.act(files, section)).collect();
        let names: Vec<String> =
            acts.iter().flat_map(|act| act.old.iter().chain(&act.new)).map(|name| self.named(name)).collect();
        let about = files.about(needs, names.iter().map(|name| Place::write(name)));
        Subjects { deletes: acts.iter().filter(|act| act.new.is_none()).count() as u64, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<PatchOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        // Before its turn, so that no other change waits for this one's memory.
        let looked = files.look(context, move |files, _| {
            let size = self.size(files)?;
            Ok((self, size))
        });
        let (this, size) = looked.await?;
        context.holding.more(size.saturating_mul(COPIES)).await?;
        let cancelled = context.cancelled.clone();
        files.change_anew(move |files| this.patch(files, &who, &cancelled)).await
    }
}

impl PatchFiles {
    /// How many bytes the files have that the patch changes.
    fn size(&self, files: &Files) -> Result<u64> {
        let sections = self.sections()?;
        let old = sections.iter().filter_map(|section| self.act(files, section).old);
        Ok(old.map(|name| files.size_of(&self.named(&name)).min(files.max_read)).sum())
    }

    /// What the patch says.
    fn sections(&self) -> Result<Vec<Section>> {
        let text = self.text();
        let is_envelope = envelope::is_one(&text);
        let read = match is_envelope {
            true => envelope::parse(&text),
            false => unified::parse(&text, !self.patch.ends_with('\n')),
        };
        let wrong = |what: &str| Error::invalid("patch", format!("Input should be a unified diff: {what}"));
        match read {
            Ok(sections) if sections.is_empty() => Err(wrong("no file is named in it")),
            Ok(sections) => Ok(sections),
            Err(misread) if is_envelope => {
                Err(Error::invalid("patch", format!("Line {} of the patch: {}", misread.line, misread.what)))
            }
            Err(misread) => Err(wrong(&format!("line {}: {}", misread.line, misread.what))),
        }
    }

    /// The patch with an end to its last line, without a byte order mark, and with line feeds where every line ends as on
    /// Windows.
    fn text(&self) -> String {
        let patch = self.patch.trim_start_matches('\u{feff}');
        let mut ends = patch.split_inclusive('\n').filter(|line| line.ends_with('\n')).peekable();
        let is_windows = ends.peek().is_some() && ends.all(|line| line.ends_with("\r\n"));
        let open = if patch.ends_with('\n') { "" } else { "\n" };
        match is_windows {
            true => format!("{}{open}", patch.replace("\r\n", "\n").trim_end_matches('\r')),
            false => format!("{patch}{open}"),
        }
    }

    fn patch(&self, files: &Files, who: &ChangeAuthor, cancelled: &CancellationToken) -> Result<PatchOutput> {
        let sections = self.sections()?;
        let (mut edits, mut shown, mut diffs) = (Vec::new(), Vec::new(), Diffs::default());
        for section in &sections {
            let planned = self.plan(files, section, self.act(files, section), &mut diffs, cancelled)?;
            edits.extend(planned.edits);
            shown.push(planned.shown);
        }
        each_once(&edits)?;
        go_on(cancelled)?;
        let change = (!self.dry_run).then(|| files.undo.commit(who, edits, None)).transpose()?;
        Ok(PatchOutput { files: shown, diff: diffs.finish(), dry_run: self.dry_run, change })
    }

    fn resolve(&self, files: &Files, name: &str) -> Result<SafePath> {
        files.workspace.resolve(&self.named(name), Named::File, Intent::Write)
    }

    /// A name of the patch as a path.
    fn named(&self, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

fn each_once(edits: &[Edit]) -> Result<()> {
    let mut places: Vec<_> = edits.iter().map(|edit| &edit.path).collect();
    places.sort();
    match places.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            Err(Error::invalid("patch", format!("{} is changed twice: make it one part", twice[0].display())))
        }
        None => Ok(()),
    }
}
