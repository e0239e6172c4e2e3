//! The workspace, as the kernel is told of it.

use super::{
    devices::Devices, places, private_folders::Private, second_names::second_names, view_snapshot::ViewSnapshot,
    whole_files::WholeFiles,
};
use crate::policy::{
    Workspace,
    paths::{Denial, Fitting, Present},
};
use landlock::{AccessFs, BitFlags};
use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What programs may reach. Roots and denials are those of the file routes.
#[derive(Clone, Debug)]
pub struct Bounds {
    workspace: Arc<Workspace>,
    /// The only places that programs may reach; none: the whole disk.
    pub roots: Vec<PathBuf>,
    /// What of them they may change; none: all of it.
    writable: Option<BTreeSet<PathBuf>>,
    /// What they may not reach although it lies there, by name: what may not even be read, and what may not be changed.
    hidden: HashSet<PathBuf>,
    kept: HashSet<PathBuf>,
    /// What of that is there, with where it is.
    pub present: Vec<Present>,
    /// What of homes has come since the start.
    pub new: Fitting,
    /// The user's home.
    pub home: PathBuf,
    /// Where the user's tools may lie: that home and, where it is another one, the account's.
    pub homes: Vec<PathBuf>,
    /// Devices that they may use beside the harmless ones.
    pub devices: Devices,
    /// Secret files of the home that they read.
    pub files: WholeFiles,
    private: Arc<Private>,
}

impl Bounds {
    /// The bounds of a workspace by the names that are denied, with what the settings give beside it, and with private
    /// folders of their own.
    ///
    /// # Errors
    /// When those cannot be made.
    pub fn of(workspace: &Arc<Workspace>, (devices, files): (Devices, WholeFiles)) -> anyhow::Result<Self> {
        // The top as a root is the whole disk.
        let is_whole = workspace.roots().iter().any(|root| root.parent().is_none());
        let roots = if is_whole { Vec::new() } else { workspace.roots().to_vec() };
        let home = std::env::home_dir().unwrap_or_default();
        let homes = [Some(home.clone()), places::home_of_account()].into_iter().flatten();
        let mut bounds = Self {
            workspace: workspace.clone(),
            writable: workspace.writable().map(|writable| writable.now(&roots, &mut |_| Ok(Vec::new()))).transpose()?,
            roots,
            hidden: HashSet::new(),
            kept: HashSet::new(),
            present: Vec::new(),
            new: Fitting::default(),
            homes: homes.filter(|home| home.parent().is_some()).collect(),
            home,
            devices,
            files,
            private: Arc::new(Private::new()?),
        };
        workspace.denials().iter().for_each(|denial| bounds.deny(denial));
        Ok(bounds)
    }

    /// The same, as the disk is now: with what fits the patterns, and with where the denied places are. What is looked at
    /// is noted first and looked for then, so that nothing comes into being between the two.
    ///
    /// # Errors
    /// When it cannot be told what is denied, or there is too much of it.
    pub fn at_present(&self, looks: &ViewSnapshot) -> io::Result<Self> {
        let (mut bounds, mut fitting, mut barred) = (self.clone(), Vec::new(), Vec::new());
        for pattern in self.workspace.patterns() {
            let found = pattern.found(&self.roots, &mut |folder| looks.entries(folder))?;
            barred.extend(found.barred);
            for path in found.places {
                // Where it is a link, both the link and what it leads to.
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                fitting.extend([real, path].map(|path| Denial { path, reading_too: true }));
            }
        }
        if let Some(writable) = self.workspace.writable() {
            bounds.writable = Some(writable.now(&self.roots, &mut |folder| looks.entries(folder))?);
        }
        bounds.new = self.workspace.new_denials()?;
        barred.extend(bounds.new.barred.iter().cloned());
        fitting.extend(bounds.new.places.iter().cloned().map(|path| Denial { path, reading_too: true }));
        let names: Vec<Denial> = self.workspace.denials().iter().cloned().chain(fitting).collect();
        for name in &names {
            looks.leads_somewhere(&name.path);
        }
        bounds.present = self.workspace.denied_now(&names, &barred)?;
        bounds.present.extend(second_names(&bounds.present)?);
        let moved: Vec<Denial> = bounds.present.iter().map(Present::as_denial).collect();
        names.iter().chain(&moved).for_each(|denial| bounds.deny(denial));
        Ok(bounds)
    }

    /// Whether this is what of homes has come since the start.
    pub fn has_new(&self, new: &Fitting) -> bool {
        self.workspace.new_denials().is_ok_and(|now| now == *new)
    }

    fn deny(&mut self, denial: &Denial) {
        let names = if denial.reading_too { &mut self.hidden } else { &mut self.kept };
        if !names.contains(&denial.path) {
            names.insert(denial.path.clone());
        }
    }

    /// Folders of the server's own, for programs that get no home or no place for temporary files otherwise.
    pub fn private(&self) -> &Private {
        &self.private
    }

    /// Whether a path may not even be read.
    pub fn denies(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.hidden.contains(above))
    }

    /// Whether a path, of what is there now or of what will be, is denied to read.
    pub fn is_denied(&self, path: &Path) -> bool {
        self.denies(path)
            || self.workspace.is_of_homes(path)
            || self.workspace.patterns().iter().any(|pattern| pattern.covers(path))
    }

    /// Whether the settings name it among what is denied.
    pub fn is_denied_by_settings(&self, path: &Path) -> bool {
        self.workspace.is_denied_by_settings(path)
    }

    /// Whether no setting makes it denied or not denied.
    pub fn is_always_denied(&self, path: &Path) -> bool {
        self.workspace.is_always_denied(path)
    }

    /// Whether it is a secret of somebody's home and none of the bridge's.
    pub fn is_of_homes_alone(&self, path: &Path) -> bool {
        self.workspace.is_of_homes(path) && !self.workspace.is_own(path)
    }

    /// Whether it can be read and not changed.
    pub fn is_kept(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.kept.contains(above))
    }

    /// Whether it is denied by more than `above` being denied as a whole.
    pub fn denies_below(&self, path: &Path, above: &Path) -> bool {
        path.ancestors().any(|place| place != above && self.hidden.contains(place))
    }

    /// Whether a tool of the user's may be shown: its place may be denied only for lying in a home that is.
    pub fn may_show_tool(&self, tool: &Path) -> bool {
        let is_a_home = |place: &Path| self.homes.iter().any(|home| home.starts_with(place));
        !tool.ancestors().any(|place| self.hidden.contains(place) && !is_a_home(place))
    }

    /// Whether programs reach what lies in a folder of the PATH.
    pub fn reaches_tools_in(&self, folder: &Path) -> bool {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let fits = |path: &Path| self.workspace.patterns().iter().any(|pattern| pattern.covers(path));
        let may_show = |path: &Path| self.may_show_tool(path) && !fits(path);
        (self.reaches(&real) && !fits(&real)) || (may_show(folder) && may_show(&real))
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
        let is_kept = self.is_kept(path) || !self.may_change(path);
        Some(if is_kept { access & AccessFs::from_read(landlock::ABI::V6) } else { access })
    }

    /// Whether a path of the roots may be changed, where it is not denied.
    pub(crate) fn may_change(&self, path: &Path) -> bool {
        self.writable.as_ref().is_none_or(|writable| path.ancestors().any(|above| writable.contains(above)))
    }

    /// The places that may be changed where not all may.
    pub(crate) fn writable(&self) -> impl Iterator<Item = &Path> {
        self.writable.iter().flatten().map(PathBuf::as_path)
    }

    /// Whether a denied place lies in a folder.
    pub fn holds_denied(&self, folder: &Path) -> bool {
        let is_there =
            |path: &Path| !path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let holds = |path: &PathBuf| path != folder && path.starts_with(folder);
        self.hidden.iter().chain(&self.kept).any(|path| holds(path) && is_there(path))
            || self.workspace.new_denials().map_or(true, |new| new.places.iter().chain(&new.barred).any(holds))
    }
}
