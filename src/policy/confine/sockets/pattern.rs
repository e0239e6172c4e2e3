//! Patterns of places where sockets are, and what on the disk fits them.
#![expect(clippy::disallowed_methods, reason = "it looks at places that settings and the list of sockets name")]

use super::file::{Stamp, note};
use crate::policy::confine::within_reach;
use globset::{GlobBuilder, GlobMatcher};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// An absolute path, in whose names there may be wildcards.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Name(OsString),
    Wild(GlobMatcher),
}

impl Pattern {
    /// Reads one; `~` is `home`.
    ///
    /// # Errors
    /// When it is no absolute path or no pattern; the message says why.
    pub(crate) fn parse(text: &str, home: &Path) -> Result<Self, String> {
        let path = match text.strip_prefix('~') {
            Some(below) => home.join(below.trim_start_matches('/')),
            None => PathBuf::from(text),
        };
        if !path.is_absolute() {
            return Err(format!("{text} must begin with / or ~/"));
        }
        let names = path.components().skip(1).map(|name| name.as_os_str().to_string_lossy().into_owned());
        names.map(|name| part(&name)).collect::<Result<_, _>>().map(Self).map_err(|why| format!("{text}: {why}"))
    }

    /// Whether it has wildcards.
    pub(crate) fn is_wild(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Wild(_)))
    }

    /// What there is that fits; notes the folders on which that hangs.
    ///
    /// # Errors
    /// When the system is out of something: what there is is not known then.
    pub(crate) fn expand(&self, folders: &mut BTreeMap<PathBuf, Option<Stamp>>) -> io::Result<Vec<PathBuf>> {
        let mut found = vec![PathBuf::from("/")];
        for (depth, part) in self.0.iter().enumerate() {
            let is_last = depth + 1 == self.0.len();
            match part {
                Part::Name(name) => {
                    if is_last {
                        found.iter().for_each(|folder| note(folder, folders));
                    }
                    found.iter_mut().for_each(|path| path.push(name));
                }
                Part::Wild(wild) => {
                    found.iter().for_each(|folder| note(folder, folders));
                    let all: io::Result<Vec<_>> = found.iter().map(|folder| matching(folder, wild)).collect();
                    found = all?.concat();
                }
            }
        }
        let is_there = |path: &PathBuf| within_reach(fs::symlink_metadata(path)).map(|found| found.is_some());
        let mut there = Vec::with_capacity(found.len());
        for path in found {
            if is_there(&path)? {
                there.push(path);
            }
        }
        Ok(there)
    }
}

fn part(name: &str) -> Result<Part, String> {
    if !name.contains(['*', '?', '[', '{']) {
        return Ok(Part::Name(name.into()));
    }
    let glob = GlobBuilder::new(name).literal_separator(true).build();
    glob.map(|glob| Part::Wild(glob.compile_matcher())).map_err(|error| error.kind().to_string())
}

fn matching(folder: &Path, wild: &GlobMatcher) -> io::Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<_>> =
        within_reach(fs::read_dir(folder))?.into_iter().flatten().map(within_reach).collect();
    let names = entries?.into_iter().flatten().map(|entry| entry.file_name());
    Ok(names.filter(|name| wild.is_match(name)).map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_names_and_the_home_for_its_sign() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["ssh-a/agent.1", "ssh-b/agent.2", "ssh-b/other", "tmp/agent.3"] {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let expand = |text: &str| {
            let mut found = Pattern::parse(text, scratch.path()).unwrap().expand(&mut BTreeMap::new()).unwrap();
            found.sort();
            let names = found.iter().map(|path| path.strip_prefix(scratch.path()).unwrap());
            names.map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(expand("~/ssh-*/agent.*"), ["ssh-a/agent.1", "ssh-b/agent.2"]);
        assert_eq!(expand("~/*/agent.{1,3}"), ["ssh-a/agent.1", "tmp/agent.3"]);
        assert_eq!(expand("~/tmp/agent.3"), ["tmp/agent.3"]);
        assert_eq!(expand("~/nothing/*"), [""; 0]);
        assert!(Pattern::parse("relative/x", scratch.path()).is_err());
        assert!(Pattern::parse("/tmp/[", scratch.path()).is_err());
    }
}
