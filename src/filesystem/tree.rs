//! Shows a directory as a tree.

use super::{
    Files,
    about::Place,
    ignored::Ignored,
    list::{ItemKind, Link},
    page::{Cursor, shown},
    walk::{Next, Visit, walk},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    patterns::{GlobStyle, Globs},
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Kind, Named},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Show a directory tree.
///
/// What is below a directory down to `depth`, without hidden and git-ignored files: an overview of a project.
#[derive(Deserialize, JsonSchema)]
pub struct ShowTree {
    /// The directory.
    path: String,
    /// How many levels to show. 1 to 100.
    #[serde(default = "default_depth")]
    #[schemars(range(min = 1, max = 100))]
    depth: usize,
    /// Globs to leave out: `node_modules`, `**/*.lock`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Give the sizes of files.
    #[serde(default)]
    sizes: bool,
    /// Names that start with a dot, too.
    #[serde(default)]
    include_hidden: bool,
    /// Leave out what .gitignore names.
    #[serde(default = "yes")]
    respect_gitignore: bool,
    /// The most entries to return. 1 to 10,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// `next_cursor` of the page before. Default: the first page.
    cursor: Option<String>,
}

fn default_depth() -> usize {
    3
}

fn default_limit() -> usize {
    1000
}

fn yes() -> bool {
    true
}

/// A tree.
#[derive(Serialize, JsonSchema)]
pub struct TreeOutput {
    /// The path as sent.
    path: String,
    /// How many entries are returned.
    count: usize,
    /// Whether there are more.
    truncated: bool,
    /// The entries by name, a directory before what is in it.
    items: Vec<Entry>,
    /// Where there are more: send this as `cursor` for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An entry of a tree.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TreeEntry")]
pub(crate) struct Entry {
    /// The path as sent, joined with the names below it.
    path: String,
    /// What it is; a link is what it leads to, and is not walked into.
    #[serde(rename = "type")]
    kind: ItemKind,
    /// Its level, counted from 1.
    depth: usize,
    /// The file's size in bytes, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Whether it is a link.
    is_link: bool,
    /// What the link says, as it is stored; null for anything else.
    link_target: Option<String>,
}

impl Entry {
    fn of(visit: &Visit, sent: &str, depth: usize, is_folder: bool, sizes: bool) -> Self {
        let link = Link::of(visit);
        let is_folder = is_folder || link.as_ref().is_some_and(Link::leads_to_folder);
        let size = || match &link {
            Some(link) => link.leads_to.map(|found| found.size),
            None => visit.folder.look(&visit.child.name).ok().map(|found| found.size),
        };
        Self {
            path: shown(sent, visit.path),
            kind: if is_folder { ItemKind::Directory } else { ItemKind::File },
            depth,
            size: (sizes && !is_folder).then(size).flatten(),
            is_link: link.is_some(),
            link_target: link.and_then(|link| link.target),
        }
    }
}

impl Capability for ShowTree {
    const NAME: &'static str = "filesystem_tree";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": ".", "depth": 2}"#;
    type Service = Files;
    type Output = TreeOutput;

    fn aside(_: &TreeOutput) -> &'static [&'static str] {
        &["path", "items.depth"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        Subjects { is_of_trees: true, ..files.about(needs, [Place::read(&self.path)]) }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<TreeOutput> {
        files.look(context, |files, cancelled| self.show(files, cancelled)).await
    }
}

impl ShowTree {
    fn show(self, files: &Files, cancelled: &CancellationToken) -> Result<TreeOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Read)?;
        let folder = path.open_folder()?;
        let after = Cursor::parse(self.cursor.as_deref())?.map(|cursor| cursor.path);
        let mut filter = Filter {
            hidden: self.include_hidden,
            exclude: excludes(&self.exclude)?,
            rules: self.respect_gitignore.then(|| vec![(PathBuf::new(), above(files, &folder))]),
        };
        let (mut items, mut last, mut next_cursor) = (Vec::new(), None, None);
        walk(&folder, after.as_deref(), usize::MAX - 2, cancelled, &mut |visit| {
            let depth = visit.path.components().count();
            let is_folder = is_folder(visit);
            if filter.leaves_out(visit, is_folder) {
                return Ok(Next::Past);
            }
            if items.len() == self.limit {
                next_cursor = last.take();
                return Ok(Next::Stop);
            }
            items.push(Entry::of(visit, &self.path, depth, is_folder, self.sizes));
            last = Some(Cursor::text(visit.path, 0));
            Ok(if depth < self.depth { Next::Into } else { Next::Past })
        })?;
        Ok(TreeOutput { path: self.path, count: items.len(), truncated: next_cursor.is_some(), items, next_cursor })
    }
}

fn above(files: &Files, folder: &crate::policy::Folder) -> Ignored {
    Ignored::above(&files.workspace, folder.real()).inside(folder)
}

fn is_folder(visit: &Visit) -> bool {
    match visit.child.kind {
        Some(kind) => kind == Kind::Folder,
        None => visit.folder.look(&visit.child.name).is_ok_and(|found| found.is_folder()),
    }
}

fn excludes(globs: &[String]) -> Result<Globs> {
    let style = GlobStyle { stops_at_slash: false, case_sensitive: true };
    Globs::new("exclude", globs.iter().map(|glob| glob.trim_end_matches('/')), style)
}

/// What is not shown.
struct Filter {
    hidden: bool,
    exclude: Globs,
    /// The rules of each directory from the start to the one that is visited, where they count.
    rules: Option<Vec<(PathBuf, Ignored)>>,
}

impl Filter {
    fn leaves_out(&mut self, visit: &Visit, is_folder: bool) -> bool {
        let name = &visit.child.name;
        let is_hidden = !self.hidden && name.as_encoded_bytes().starts_with(b".");
        is_hidden
            || self.exclude.is_match(visit.path)
            || self.exclude.is_match(Path::new(name))
            || self.is_ignored(visit, is_folder)
            || visit.folder.hides(name)
    }

    fn is_ignored(&mut self, visit: &Visit, is_folder: bool) -> bool {
        let Some(rules) = &mut self.rules else { return false };
        let here = visit.path.parent().unwrap_or(Path::new(""));
        while rules.last().is_some_and(|(path, _)| !here.starts_with(path)) {
            rules.pop();
        }
        let (known, nearest) = rules.last().expect("the start's own rules are never dropped");
        // A page may begin deep in the tree, where the directories above were not visited.
        let is_new = known != here;
        let current = if is_new { nearest.inside(visit.folder) } else { nearest.clone() };
        let ignored = current.leaves_out(&visit.folder.real().join(&visit.child.name), is_folder);
        if is_new {
            rules.push((here.to_owned(), current));
        }
        ignored
    }
}
