//! What `.gitignore` files leave out, level by level as a tree is walked. They count whether or not the tree is a git
//! repository; those above the start count up to the repository's top.

use crate::{
    patterns::{MAX_GLOB, compiling},
    policy::{Folder, Workspace, paths::Intent},
};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// No one writes longer ignore files by hand, in bytes; with those above it a directory has no more rules than this. What
/// is longer is not looked at: rules are compiled, and a tree may have been made to take much memory for them.
const MAX_SIZE: u64 = 32 * 1024;

/// Longer rules are compiled one at a time, in bytes.
const LARGE: u64 = 1024;

/// The most directories, one below the other, that have rules of their own.
const MAX_LEVELS: usize = 16;

/// The rules that hold in a directory: its own and those above it.
#[derive(Clone, Default)]
pub(crate) struct Ignored(Option<Arc<Level>>);

struct Level {
    above: Ignored,
    rules: Gitignore,
    /// How many directories have rules down to here, and how long these are together, in bytes.
    depth: usize,
    size: u64,
}

impl Ignored {
    /// The rules above a directory, from the top of the repository it is in; none when it is in none.
    pub(crate) fn above(workspace: &Arc<Workspace>, folder: &Path) -> Self {
        let is_top = |path: &Path| open(workspace, path).is_some_and(|folder| folder.look(OsStr::new(".git")).is_ok());
        let Some(top) = folder.ancestors().find(|path| is_top(path)) else { return Self::default() };
        let mut between: Vec<PathBuf> =
            folder.ancestors().skip(1).take_while(|path| path.starts_with(top)).map(Path::to_owned).collect();
        between.reverse();
        let mut rules = Self::default();
        for path in between {
            if let Some(folder) = open(workspace, &path) {
                rules = rules.inside(&folder);
            }
        }
        rules
    }

    /// The rules inside a directory.
    pub(crate) fn inside(&self, folder: &Folder) -> Self {
        let (depth, used) = self.0.as_ref().map_or((0, 0), |level| (level.depth, level.size));
        if depth == MAX_LEVELS {
            return self.clone();
        }
        let mut builder = GitignoreBuilder::new(folder.real());
        let mut size = used;
        if folder.look(OsStr::new(".git")).is_ok()
            && let Some(info) = folder.enter(OsStr::new(".git")).and_then(|git| git.enter(OsStr::new("info")))
        {
            size += add(&mut builder, &info, "exclude", MAX_SIZE - size);
        }
        size += add(&mut builder, folder, ".gitignore", MAX_SIZE - size);
        let built = {
            let _turn = (size - used > LARGE).then(compiling);
            builder.build()
        };
        match built {
            Ok(rules) if size > used => {
                Self(Some(Arc::new(Level { above: self.clone(), rules, depth: depth + 1, size })))
            }
            _ => self.clone(),
        }
    }

    /// Whether something at `real` is left out. The nearest rule that speaks of it decides.
    pub(crate) fn leaves_out(&self, real: &Path, is_folder: bool) -> bool {
        let mut level = &self.0;
        while let Some(here) = level {
            let verdict = here.rules.matched(real, is_folder);
            if verdict.is_ignore() {
                return true;
            }
            if verdict.is_whitelist() {
                return false;
            }
            level = &here.above.0;
        }
        false
    }
}

fn open(workspace: &Arc<Workspace>, path: &Path) -> Option<Folder> {
    workspace.resolve_real(path, Intent::Read).ok()?.open_folder().ok()
}

/// Adds the rules of a file, of at most `most` bytes; gives how many there were.
fn add(builder: &mut GitignoreBuilder, folder: &Folder, name: &str, most: u64) -> u64 {
    let opened = folder.at(OsStr::new(name), Intent::Read).and_then(|path| path.open());
    let Ok((file, _)) = opened else { return 0 };
    let mut text = Vec::new();
    if file.take(most).read_to_end(&mut text).is_err() {
        return 0;
    }
    let size = text.len() as u64;
    if size == most {
        // What may be half a rule is none.
        text.truncate(memchr::memrchr(b'\n', &text).unwrap_or(0));
    }
    for line in String::from_utf8_lossy(&text).lines().filter(|line| line.len() <= MAX_GLOB) {
        // A line that is no pattern is left out, as git does.
        let _ = builder.add_line(None, line);
    }
    size
}
