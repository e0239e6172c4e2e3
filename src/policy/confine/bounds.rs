//! The workspace, as the kernel is told of it.

use super::private_folders::Private;
use crate::policy::{
    Workspace,
    paths::{Denial, Entry, Pattern, Present},
};
use landlock::{AccessFs, BitFlags};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What programs may reach. Roots and denials are those of the file routes.
#[derive(Clone, Debug)]
pub struct Bounds {
    workspace: Arc<Workspace>,
    /// The only places that programs may change; none: the whole disk.
    pub roots: Vec<PathBuf>,
    /// What they may not reach although it lies there: the names, and where what had one of them was moved to.
    pub denied: Vec<Denial>,
    /// What they may not reach of what fits when they start.
    patterns: Vec<Pattern>,
    /// What of that is there, with where it is.
    pub present: Vec<Present>,
    /// The user's home.
    pub home: PathBuf,
    private: Arc<Private>,
}

impl Bounds {
    /// The bounds of a workspace, with private folders of their own.
    ///
    /// # Errors
    /// When those cannot be made.
    pub fn of(workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        Ok(Self {
            workspace: workspace.clone(),
            roots: workspace.roots().to_vec(),
            denied: workspace.denials().to_vec(),
            patterns: workspace.patterns().to_vec(),
            present: Vec::new(),
            home: std::env::home_dir().unwrap_or_default(),
            private: Arc::new(Private::new()?),
        })
    }

    /// The same, as the disk is now: with what fits the patterns, and with where the denied places are. `entries` tells
    /// what is in a folder.
    ///
    /// # Errors
    /// When a folder cannot be looked into, or there is too much to look through.
    pub fn at_present(&self, mut entries: impl FnMut(&Path) -> io::Result<Vec<Entry>>) -> io::Result<Self> {
        let mut bounds = self.clone();
        for pattern in &self.patterns {
            for path in pattern.found(&self.roots, &mut entries)? {
                // Where it is a link, both the link and what it leads to.
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                let places = [real, path].map(|path| Denial { path, reading_too: true });
                bounds.denied.extend(places);
            }
        }
        bounds.present = self.workspace.denied_now(&bounds.denied);
        for place in &bounds.present {
            let moved = Denial { path: place.path.clone(), reading_too: place.denial.reading_too };
            if !bounds.denied.contains(&moved) {
                bounds.denied.push(moved);
            }
        }
        Ok(bounds)
    }

    /// Folders of the server's own, for programs that get no home or no place for temporary files otherwise.
    pub fn private(&self) -> &Private {
        &self.private
    }

    /// Whether a path may not even be read.
    pub fn denies(&self, path: &Path) -> bool {
        self.hidden().any(|place| path.starts_with(place))
    }

    /// Whether it is denied by more than `above` being denied as a whole.
    pub fn denies_below(&self, path: &Path, above: &Path) -> bool {
        self.hidden().any(|place| path.starts_with(place) && place != above)
    }

    /// Whether a tool of the user's may be shown: its place may be denied only for lying in a home that is.
    pub fn may_show_tool(&self, tool: &Path) -> bool {
        !self.hidden().any(|place| tool.starts_with(place) && !self.home.starts_with(place))
    }

    /// Whether a path lies in the roots and is not denied.
    pub fn reaches(&self, path: &Path) -> bool {
        let inside = self.roots.is_empty() || self.roots.iter().any(|root| path.starts_with(root));
        inside && !self.denies(path)
    }

    /// What of `access` is left at a path of the workspace.
    pub fn access(&self, path: &Path, access: BitFlags<AccessFs>) -> Option<BitFlags<AccessFs>> {
        if self.denies(path) {
            return None;
        }
        let kept = self.denied.iter().any(|denied| path.starts_with(&denied.path));
        Some(if kept { access & AccessFs::from_read(landlock::ABI::V6) } else { access })
    }

    /// Whether a denied place lies in a folder.
    pub fn holds_denied(&self, folder: &Path) -> bool {
        self.denied
            .iter()
            .any(|denied| denied.path != folder && denied.path.starts_with(folder) && denied.path.exists())
    }

    fn hidden(&self) -> impl Iterator<Item = &Path> {
        self.denied.iter().filter(|denied| denied.reading_too).map(|denied| denied.path.as_path())
    }
}
