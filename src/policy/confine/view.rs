//! What a confined program sees: the workspace as the file routes see it, and of the system what programs need.

use super::{
    bounds::Bounds,
    devices,
    kernel_files::{Share, kernel_file_systems},
    mounts::{NO_DEVICES, NO_SETUID, READ_ONLY},
    places,
    sockets::Reach,
    steps::{ANY, Step, Steps, at, from},
    system_settings,
    view_snapshot::{Names, ViewSnapshot},
};
use crate::policy::paths::Fitting;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Top directories that no view shows as they are.
const MADE_ANEW: [&str; 5] = ["dev", "etc", "proc", "run", "sys"];

/// A place and how it is shown.
#[derive(Clone)]
pub(crate) struct Shown {
    pub from: PathBuf,
    pub at: PathBuf,
    pub writable: bool,
}

/// How a view is built.
#[derive(Debug)]
pub struct View {
    /// The steps as bytes: once, for all programs that get a copy of it; then in each copy.
    steps: Vec<u8>,
    /// What all of that follows from.
    looks: ViewSnapshot,
    /// What of homes had come since the bridge's start.
    new: Fitting,
    reach: Arc<Reach>,
}

/// How a copy comes to its place.
pub(crate) struct Copy {
    /// Where it lies in the frame, alone or in a folder of its own kind.
    pub stored: PathBuf,
    /// Where it is shown.
    pub place: PathBuf,
}

/// A view in the making.
pub(crate) struct Draft<'a> {
    pub bounds: &'a Bounds,
    pub reach: &'a Reach,
    pub looks: ViewSnapshot,
    pub frame: Vec<Step>,
    in_frame: BTreeSet<PathBuf>,
    pub shown: Vec<Shown>,
    links: Vec<PathBuf>,
    pub copies: Vec<Copy>,
}

impl View {
    /// The view of these bounds and of the sockets within reach, as the disk is now.
    ///
    /// # Errors
    /// When the disk cannot be looked at; [`super::MOVED`] when what is denied is being moved meanwhile.
    pub fn of(bounds: &Bounds, share: &Share, reach: Arc<Reach>) -> io::Result<Self> {
        let looks = ViewSnapshot::new()?;
        let bounds = bounds.at_present(&looks)?;
        Self::new(&bounds, looks, share, reach)
    }

    /// The view of all that lies in these bounds, as if nothing in it were denied: it shows what the host allows,
    /// whatever programs left at denied names.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn without_denials(bounds: &Bounds, share: &Share) -> io::Result<Self> {
        Self::new(bounds, ViewSnapshot::new()?, share, Arc::default())
    }

    fn new(bounds: &Bounds, looks: ViewSnapshot, share: &Share, reach: Arc<Reach>) -> io::Result<Self> {
        let (frame, in_frame, shown, links) = (Vec::new(), BTreeSet::new(), Vec::new(), Vec::new());
        let mut draft = Draft { bounds, reach: &reach, looks, frame, in_frame, shown, links, copies: Vec::new() };
        if bounds.roots.is_empty() {
            draft.show_disk()?;
        } else {
            draft.show_system();
            for root in &bounds.roots {
                draft.show_own(root);
            }
        }
        for place in bounds.writable() {
            draft.show_own(place);
        }
        draft.show_settings();
        draft.show_devices();
        draft.show_private_folders();
        draft.show_tools();
        draft.show_sockets();
        draft.copy_settings();
        let mut steps = draft.finish()?;
        steps.push(Step::Own);
        steps.extend(kernel_file_systems(&draft.looks, share));
        let looks = draft.looks;
        Ok(Self { steps: Step::encode(&steps), looks, new: bounds.new.clone(), reach })
    }

    /// Its steps, for [`super::Restrictions`].
    pub fn steps(&self) -> &[u8] {
        &self.steps
    }

    /// The place of one of its steps, for people.
    pub fn place(&self, step: usize) -> Option<PathBuf> {
        let step = Steps(&self.steps).nth(step)?.ok()?;
        step.place().map(Path::to_owned)
    }

    /// Whether it was made for these sockets.
    pub fn has(&self, reach: &Arc<Reach>) -> bool {
        Arc::ptr_eq(&self.reach, reach)
    }

    /// Whether the disk is still what it was made for in these bounds.
    pub fn is_current(&self, bounds: &Bounds) -> bool {
        self.looks.are_current() && bounds.has_new(&self.new)
    }
}

impl Draft<'_> {
    /// The whole disk, less what is denied as a whole.
    fn show_disk(&mut self) -> io::Result<()> {
        for name in self.looks.names(Path::new("/"), Names::All)? {
            let path = Path::new("/").join(name);
            if !MADE_ANEW.iter().any(|name| path.ends_with(name)) {
                self.show_or_link(&path, self.bounds.may_change(&path));
            }
        }
        Ok(())
    }

    fn show_system(&mut self) {
        for place in places::SYSTEM.into_iter().chain(places::PACKAGES) {
            self.show_or_link(Path::new(place), false);
        }
    }

    fn show_or_link(&mut self, path: &Path, writable: bool) {
        match self.looks.link(path) {
            Some(to) => self.link(&to, path),
            None => self.show(path, writable),
        }
    }

    fn show_settings(&mut self) {
        for path in system_settings::present() {
            if let Some(real) = self.looks.real(&path)
                && !self.bounds.denies_below(&path, Path::new("/etc"))
            {
                self.show_as(real, path, false);
            }
        }
        self.link(Path::new("/proc/self/mounts"), Path::new("/etc/mtab"));
        for place in places::KERNEL {
            if self.looks.leads_somewhere(Path::new(place))
                && !self.bounds.denies_below(Path::new(place), Path::new("/sys"))
            {
                self.show_as(place.into(), place.into(), false);
            }
        }
    }

    fn show_devices(&mut self) {
        for path in places::DEVICES.iter().map(|name| Path::new("/dev").join(name)) {
            if self.looks.leads_somewhere(&path) {
                self.show_as(path.clone(), path, false);
            }
        }
        for path in self.bounds.devices.watched(&self.looks) {
            if let Some(real) = self.looks.real(&path) {
                self.show_as(real, path, false);
            }
        }
        for place in devices::DESCRIPTIONS.iter().filter(|_| !self.bounds.devices.is_empty()) {
            if self.looks.leads_somewhere(Path::new(place))
                && !self.bounds.denies_below(Path::new(place), Path::new("/sys"))
            {
                self.show_as(place.into(), place.into(), false);
            }
        }
        for (to, at) in [
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
            ("pts/ptmx", "/dev/ptmx"),
        ] {
            self.link(Path::new(to), Path::new(at));
        }
        for folder in ["/dev/pts", "/dev/shm", "/proc", "/run", "/sys"] {
            self.folder(Path::new(folder));
        }
        // Where a program in a terminal finds its device.
        self.frame.push(Step::File(at(Path::new(super::mounts::CONSOLE))));
    }

    /// Where the temporary folders and the home cannot be had, the server's private ones stand in for them.
    fn show_private_folders(&mut self) {
        for place in ["/tmp", "/var/tmp"] {
            if !self.is_shown(Path::new(place)) {
                self.show_as(self.bounds.private().tmp().to_owned(), place.into(), true);
            }
        }
        if !self.bounds.may_change(Path::new("/tmp")) {
            // Where that can only be read, TMPDIR names this one.
            let own = self.bounds.private().tmp().to_owned();
            self.show_as(own.clone(), own, true);
        }
        if !self.is_shown(Path::new("/var")) {
            self.link(Path::new("/run"), Path::new("/var/run"));
        }
        let home = self.bounds.home.clone();
        if home.starts_with("/") && home != Path::new("/") && (!self.is_shown(&home) || self.is_private(&home)) {
            self.show_as(self.bounds.private().home().to_owned(), home, true);
        }
    }

    fn show_tools(&mut self) {
        for tool in places::tools(&self.bounds.homes) {
            let is_there = self.is_shown(&tool) && !self.is_private(&tool);
            if is_there || !self.bounds.may_show_tool(&tool) || !self.looks.leads_somewhere(&tool) {
                continue;
            }
            if let Some(real) = self.looks.real(&tool)
                && self.bounds.may_show_tool(&real)
                && !(self.is_linked(&tool) && self.is_shown(&real))
                && !self.comes_with_another(&tool, &real)
            {
                self.show_as(real, tool, false);
            }
        }
    }

    /// The sockets that the settings name.
    fn show_sockets(&mut self) {
        for socket in self.reach.shown() {
            if !self.is_shown(socket) && !self.bounds.denies(socket) && self.looks.leads_somewhere(socket) {
                self.show_as(socket.to_owned(), socket.to_owned(), false);
            }
        }
    }

    /// Whether a tool in a denied home lies in one that is shown already.
    fn comes_with_another(&self, tool: &Path, real: &Path) -> bool {
        self.nearest(tool).is_some_and(|shown| {
            let is_tool = self.bounds.denies(&shown.at) && !shown.writable && !self.bounds.private().holds(&shown.from);
            is_tool && real.starts_with(&shown.from)
        })
    }

    /// Whether a path goes through a link of the frame.
    pub(crate) fn is_linked(&self, path: &Path) -> bool {
        self.links.iter().any(|link| path.starts_with(link))
    }

    fn is_shown(&self, path: &Path) -> bool {
        self.shown.iter().any(|shown| path.starts_with(&shown.at)) && !self.bounds.denies(path)
    }

    /// Whether a path lies in the server's private folders and so is not yet the machine's.
    fn is_private(&self, path: &Path) -> bool {
        self.nearest(path).is_some_and(|shown| self.bounds.private().holds(&shown.from))
    }

    /// The deepest place shown that holds the path.
    pub(crate) fn nearest(&self, path: &Path) -> Option<&Shown> {
        let holding = self.shown.iter().filter(|shown| path.starts_with(&shown.at));
        holding.max_by_key(|shown| shown.at.components().count())
    }

    /// A place of the workspace.
    fn show_own(&mut self, path: &Path) {
        self.show(path, self.bounds.may_change(path));
    }

    fn show(&mut self, path: &Path, writable: bool) {
        if !self.bounds.denies(path) && self.looks.real(path).as_deref() == Some(path) {
            self.show_as(path.to_owned(), path.to_owned(), writable);
        }
    }

    fn show_as(&mut self, from: PathBuf, at: PathBuf, writable: bool) {
        // Nothing is mounted through a link.
        let at = if self.is_linked(&at) { self.looks.real(&at) } else { Some(at) };
        let Some(at) = at else { return };
        if !self.shown.iter().any(|shown| shown.at == at) {
            self.shown.push(Shown { from, at, writable });
        }
    }

    fn link(&mut self, to: &Path, path: &Path) {
        self.folder(path.parent().unwrap_or(Path::new("/")));
        self.frame.push(Step::Link { to: from(to), at: at(path) });
        self.links.push(path.to_owned());
    }

    /// A folder of the frame, and those above it.
    pub(crate) fn folder(&mut self, path: &Path) {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .filter(|path| path.parent().is_some() && !self.in_frame.contains(*path))
            .map(Into::into)
            .collect();
        for path in missing.into_iter().rev() {
            self.frame.push(Step::Folder(at(&path)));
            self.in_frame.insert(path);
        }
    }

    /// Something to mount on: of the frame, or in the private folder that is shown there. Elsewhere the disk has it.
    fn prepare(&mut self, shown: &Shown) -> io::Result<()> {
        let above = shown.at.parent().unwrap_or(Path::new("/")).to_owned();
        let holder = self.nearest(&above).map(|holder| (holder.from.clone(), holder.at.clone()));
        match holder {
            None if self.looks.leads_to_folder(&shown.from) => self.folder(&shown.at),
            None => {
                self.folder(&above);
                self.frame.push(Step::File(at(&shown.at)));
            }
            Some((from, at)) if self.bounds.private().holds(&from) => {
                let below = shown.at.strip_prefix(&at).expect("the holder's place is above");
                let is_folder = self.looks.leads_to_folder(&shown.from);
                self.bounds.private().make_mount_point(&from.join(below), is_folder)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Frame, then what nobody may change, then the rest from the outside inwards, then what is denied.
    fn finish(&mut self) -> io::Result<Vec<Step>> {
        let mut shown = std::mem::take(&mut self.shown);
        shown.sort_by_key(|shown| shown.at.components().count());
        for place in shown {
            // Where a program put something in the way in a private folder, its next ones go without the tool.
            if self.prepare(&place).is_ok() {
                self.shown.push(place);
            }
        }
        let writable: Vec<&Path> =
            self.shown.iter().filter(|shown| shown.writable).map(|shown| shown.at.as_path()).collect();
        let is_late = |shown: &&Shown| writable.iter().any(|place| shown.at.starts_with(place));
        let mut steps = std::mem::take(&mut self.frame);
        // Of devices those in their folder count alone.
        let without_devices = |shown: &Shown| if shown.at.starts_with("/dev") { 0 } else { NO_DEVICES };
        let early = self.shown.iter().filter(|shown| !is_late(shown));
        steps.extend(early.map(|shown| self.step(shown, without_devices(shown))));
        steps.push(Step::Freeze);
        steps.extend(self.shown.iter().filter(is_late).map(|shown| {
            let lock = if shown.writable { 0 } else { READ_ONLY };
            self.step(shown, lock | NO_SETUID | NO_DEVICES)
        }));
        steps.extend(self.foreign_sockets()?);
        steps.extend(self.denials()?);
        steps.extend(self.private_keys());
        steps.extend(self.show_copies());
        Ok(steps)
    }

    /// Whether a path is there, and shown as the disk has it.
    pub(crate) fn is_of_the_disk(&self, path: &Path) -> bool {
        self.nearest(path).is_some_and(|shown| {
            let below = path.strip_prefix(&shown.at).expect("it lies below");
            let real = if below.as_os_str().is_empty() { shown.from.clone() } else { shown.from.join(below) };
            !self.bounds.private().holds(&real) && self.looks.leads_somewhere(&real)
        })
    }

    fn step(&self, shown: &Shown, attributes: u64) -> Step {
        let known = self.bounds.private().identity(&shown.from).or_else(|| self.looks.identity(&shown.from));
        Step::Show { from: from(&shown.from), is: known.unwrap_or(ANY), at: at(&shown.at), attributes }
    }
}
