//! Which links of an archive stay in the folder that it is unpacked into.
//!
//! Each link is followed through the tree as it will be: what is unpacked, all links included, over what is on the disk.
//! A link is followed to its end only through links that are followed to their ends as well, so leaving out those that
//! do not stay inside changes nothing for the others, and one pass decides.
//!
//! A `..` may only leave a directory that the same text has entered by its own name, or the one that the link lies in.
//! After a link, or where nothing is yet, it would mean another place as soon as someone puts another thing there: a later
//! archive could turn it outwards.

use crate::{
    error::{Error, Result},
    filesystem::{
        go_on,
        undo::{Edit, State},
    },
    policy::{
        Workspace,
        paths::{Intent, Kind},
    },
};
use indexmap::IndexMap;
use std::{
    collections::HashSet,
    ffi::OsString,
    path::{Component, Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// As many links as Linux follows in one path (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// As many names are looked up for all links of an archive together, which takes seconds.
const MAX_LOOKUPS: usize = 4_000_000;

/// The places of the links that lead, or may come to lead, out of `root`, into a denied place or in a circle.
///
/// # Errors
/// [`Error::TooLarge`] when they are too many and too long to tell, [`Error::Cancelled`] when the call is over.
pub(crate) fn leading_outside(
    edits: &IndexMap<PathBuf, Edit>,
    root: &Path,
    workspace: &Arc<Workspace>,
    cancelled: &CancellationToken,
) -> Result<HashSet<PathBuf>> {
    let links = edits.values().filter(|edit| matches!(edit.after, State::Link { .. })).map(|edit| &edit.path);
    let mut tree = Tree { edits, folders: HashSet::new(), root, workspace, lookups_left: MAX_LOOKUPS };
    let mut outside = HashSet::new();
    for link in links {
        go_on(cancelled)?;
        if tree.folders.is_empty() {
            tree.find_folders();
        }
        if !tree.stays_inside(link)? {
            outside.insert(link.clone());
        }
    }
    Ok(outside)
}

/// The folder as it will be.
struct Tree<'a> {
    edits: &'a IndexMap<PathBuf, Edit>,
    /// Directories that the archive only implies by what it has in them.
    folders: HashSet<&'a Path>,
    root: &'a Path,
    workspace: &'a Arc<Workspace>,
    lookups_left: usize,
}

/// What has a name.
enum Node {
    Folder,
    /// With its text.
    Link(PathBuf),
    /// A file, or nothing: no way leads on.
    End,
}

impl Tree<'_> {
    fn find_folders(&mut self) {
        self.folders.insert(self.root);
        for place in self.edits.keys() {
            for above in place.ancestors().skip(1) {
                if !self.folders.insert(above) {
                    break;
                }
            }
        }
    }

    fn stays_inside(&mut self, link: &Path) -> Result<bool> {
        let (Some(above), Some(name)) = (link.parent(), link.file_name()) else { return Ok(false) };
        let mut way = Way::new(above, name.to_owned(), above.components().count() - self.root.components().count());
        while let Some(step) = way.ahead.pop() {
            self.lookups_left = self.lookups_left.checked_sub(1).ok_or_else(|| {
                Error::TooLarge(
                    "The archive's links are too many and too long to be checked: unpack it in parts".into(),
                )
            })?;
            let goes_on = match step {
                Step::EndOfLink => way.end_link(),
                Step::Up => way.up(),
                Step::Down(name) => {
                    way.down(name);
                    match self.at(&way.here) {
                        Some(Node::Folder) => true,
                        Some(Node::Link(target)) => way.follow(&target),
                        Some(Node::End) => return Ok(way.may_end(self.workspace)),
                        None => false,
                    }
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What will be at `path`; `None` where callers may not look.
    fn at(&self, path: &Path) -> Option<Node> {
        if !self.workspace.allows(path, Intent::Read) {
            return None;
        }
        if let Some(edit) = self.edits.get(path) {
            return Some(match &edit.after {
                State::Folder { .. } => Node::Folder,
                State::Link { target, .. } => Node::Link(target.clone()),
                _ => Node::End,
            });
        }
        if self.folders.contains(path) {
            return Some(Node::Folder);
        }
        let there = self.workspace.resolve_real(path, Intent::Read).ok()?;
        Some(match there.found().map(|found| found.kind) {
            Some(Kind::Folder) => Node::Folder,
            Some(Kind::Link) => Node::Link(there.holder().ok()?.read_link(there.name()).ok()?),
            Some(Kind::File | Kind::Special) | None => Node::End,
        })
    }
}

enum Step {
    Down(OsString),
    Up,
    /// The text of a link ends here; what follows is the text in which its name stood.
    EndOfLink,
}

/// A way through the tree.
struct Way {
    here: PathBuf,
    /// How many directories `here` lies below the folder.
    depth: usize,
    /// Up to this depth `..` may go.
    floor: usize,
    links: usize,
    /// The next step last.
    ahead: Vec<Step>,
}

impl Way {
    fn new(start: &Path, name: OsString, depth: usize) -> Self {
        Self { here: start.to_owned(), depth, floor: depth, links: 0, ahead: vec![Step::Down(name)] }
    }

    fn down(&mut self, name: OsString) {
        self.here.push(name);
        self.depth += 1;
    }

    fn up(&mut self) -> bool {
        let may = self.depth > self.floor;
        if may {
            self.here.pop();
            self.depth -= 1;
        }
        may
    }

    fn end_link(&mut self) -> bool {
        self.floor = self.depth;
        true
    }

    /// Follows the link that the way has come to. Where it lies is a real directory of the folder, so from there `..`
    /// may go up to the folder itself.
    fn follow(&mut self, target: &Path) -> bool {
        self.links += 1;
        self.here.pop();
        self.depth -= 1;
        self.floor = 0;
        self.ahead.push(Step::EndOfLink);
        for part in target.components().rev() {
            match part {
                Component::Normal(name) => self.ahead.push(Step::Down(name.to_owned())),
                Component::ParentDir => self.ahead.push(Step::Up),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return false,
            }
        }
        self.links <= MAX_LINKS
    }

    /// Whether the rest of the way, of which nothing is there, may stay as it is.
    fn may_end(self, workspace: &Workspace) -> bool {
        let mut whole = self.here;
        for step in self.ahead.into_iter().rev() {
            match step {
                Step::Down(name) => whole.push(name),
                Step::Up => return false,
                Step::EndOfLink => {}
            }
        }
        workspace.allows(&whole, Intent::Read)
    }
}
