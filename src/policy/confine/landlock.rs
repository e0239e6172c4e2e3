//! Landlock: rules of the kernel that a program cannot take off.
//!
//! Where there is a view of its own (`view`), Landlock adds what a view does not hold: no signals and no abstract sockets
//! to the outside, no looking into processes outside, no devices, no mounts. Where there is none, its path rules are the
//! boundary.
#![expect(unsafe_code, reason = "rustix has no calls of Landlock, and the crate for it allocates")]

use super::{
    bounds::Bounds,
    devices,
    marks::{Holds, Marks, Place, real},
    places, private_keys, system_settings,
};
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, Scope,
};
use rustix::fs::{Mode, OFlags};
use std::{
    ffi::{OsString, c_int},
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    path::{Path, PathBuf},
    ptr,
};

/// The newest interface that this code knows.
const NEWEST: ABI = ABI::V6;

/// The versions that first knew moves from folder to folder, and scopes (landlock(7)).
const MOVES: i64 = 2;
const SCOPES: i64 = 6;

/// `landlock_create_ruleset` and its sisters have these numbers on every architecture.
const SYS_CREATE_RULESET: libc::c_long = 444;
const SYS_ADD_RULE: libc::c_long = 445;
const SYS_RESTRICT_SELF: libc::c_long = 446;

/// `LANDLOCK_CREATE_RULESET_VERSION` (linux/landlock.h).
const ASK_VERSION: u32 = 1;

/// `LANDLOCK_RULE_PATH_BENEATH` (linux/landlock.h).
const PATH_BENEATH: u32 = 1;

/// The version of the kernel's interface; 0 where there is none.
pub(crate) fn version() -> i64 {
    let nothing = std::ptr::null::<u8>();
    // SAFETY: with this flag the call reads no memory.
    let version = unsafe { libc::syscall(SYS_CREATE_RULESET, nothing, 0_usize, ASK_VERSION) };
    version.max(0)
}

/// What a view does not hold: rules that each program makes for itself once it is in its view, since one of them is for
/// the top of that.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct BesideView {
    files: u64,
    network: u64,
    scope: u64,
}

/// What the kernel takes as `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    place: RawFd,
}

impl BesideView {
    /// Those that the kernel's interface has; none where it could not be told that moving and linking from one folder to
    /// another is allowed: rules on files refuse that otherwise.
    pub(crate) fn of(version: i64) -> Option<Self> {
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        let scope = Scope::AbstractUnixSocket | Scope::Signal;
        let scope = if version < SCOPES { 0 } else { scope.bits() };
        (version >= MOVES).then(|| Self { files: (devices | AccessFs::Refer).bits(), network: 0, scope })
    }

    /// Puts this process under them; between fork and exec.
    ///
    /// # Errors
    /// When the kernel refuses.
    #[expect(clippy::disallowed_methods, reason = "the top of the view, held for a rule")]
    pub(crate) fn enter(&self) -> io::Result<()> {
        // Kernels that know no scopes know a shorter structure, too: of what they do not know nothing may be set.
        let size = if self.scope == 0 { size_of::<u64>() } else { size_of::<Self>() };
        let place = rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let top = Beneath { allowed: AccessFs::Refer as u64, place: place.as_raw_fd() };
        // SAFETY: system calls on structures that outlive them; the first one makes a descriptor for this process alone.
        unsafe {
            let rules = check(libc::syscall(SYS_CREATE_RULESET, ptr::from_ref(self), size, 0))?;
            let rules = OwnedFd::from_raw_fd(rules);
            check(libc::syscall(SYS_ADD_RULE, rules.as_raw_fd(), PATH_BENEATH, &raw const top, 0))?;
            enter(rules.as_fd())
        }
    }
}

/// A number that such a call gives.
fn check(result: libc::c_long) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as c_int) }
}

/// The workspace by path rules.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn without_view(bounds: &Bounds) -> anyhow::Result<Option<OwnedFd>> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?;
    let marks = Marks::of(&bounds.present, &private_keys::hidden(names))?;
    let mut rules = Rules { rules: Some(rules), bounds, marks };
    rules.allow_system()?;
    for folder in bounds.private().directories() {
        rules.allow(folder, true, AccessFs::from_all(NEWEST))?;
    }
    let whole = [PathBuf::from("/")];
    for root in if bounds.roots.is_empty() { &whole[..] } else { &bounds.roots[..] } {
        if let Some(access) = bounds.access(root, AccessFs::from_all(NEWEST)) {
            rules.allow_less_denied(root, access)?;
        }
    }
    for place in bounds.writable() {
        if let Some(access) = bounds.access(place, AccessFs::from_all(NEWEST)) {
            rules.allow_less_denied(place, access)?;
        }
    }
    Ok(rules.rules.and_then(Into::into))
}

struct Rules<'a> {
    rules: Option<RulesetCreated>,
    bounds: &'a Bounds,
    marks: Marks,
}

impl Rules<'_> {
    fn allow_system(&mut self) -> anyhow::Result<()> {
        let read = AccessFs::from_read(NEWEST);
        let settings = system_settings::present().into_iter();
        let settings = settings.filter(|path| !self.bounds.denies_below(path, Path::new("/etc")));
        let may_show = |place: &PathBuf| self.bounds.may_show_tool(place);
        let tools = places::tools(&self.bounds.homes).into_iter().filter(may_show).filter_map(real).filter(may_show);
        let system = places::SYSTEM.iter().chain(&places::PACKAGES).chain(&places::KERNEL).map(PathBuf::from);
        let system = system.filter(|place| !self.bounds.roots.is_empty() || !self.bounds.denies(place));
        let all = settings.chain(system).filter_map(real).chain(tools);
        for place in all.collect::<Vec<PathBuf>>() {
            self.allow_less_denied(&place, read)?;
        }
        self.allow_path(Path::new("/proc"), read)?;
        let use_device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        for name in places::DEVICES.iter().chain(&["ptmx"]) {
            self.allow_path(&Path::new("/dev").join(name), use_device)?;
        }
        for path in self.bounds.devices.present() {
            self.allow_path(&path, use_device | AccessFs::ReadDir)?;
        }
        for place in devices::DESCRIPTIONS.iter().filter(|_| !self.bounds.devices.is_empty()) {
            self.allow_path(Path::new(place), read)?;
        }
        self.allow_path(Path::new("/dev/pts"), use_device | AccessFs::ReadDir)?;
        self.allow_path(Path::new("/dev/shm"), AccessFs::from_all(NEWEST))
    }

    fn allow_path(&mut self, path: &Path, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        match real(path.to_owned()).and_then(|path| Place::at(&path)) {
            Some(place) => self.allow(&place.descriptor, place.is_folder, access),
            None => Ok(()),
        }
    }

    fn allow_less_denied(&mut self, path: &Path, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        Place::at(path).map_or(Ok(()), |place| self.allow_place(&place, access))
    }

    /// A folder without the denied places in it. Rules reach down, so a folder that holds a denied place cannot be
    /// allowed itself: only what else is in it now. So it cannot be renamed either, nor anything be made in it.
    fn allow_place(&mut self, place: &Place, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        let access = match self.marks.denied.get(&place.identity) {
            Some(true) => return Ok(()),
            Some(false) => access & AccessFs::from_read(NEWEST),
            None => access,
        };
        match self.marks.above.get(&place.identity) {
            None => return self.allow(&place.descriptor, place.is_folder, access),
            Some(Holds::Others) => self.allow(&place.descriptor, true, access & AccessFs::ReadDir)?,
            Some(Holds::HiddenFolder) => {}
        }
        for inner in place.children() {
            if !self.marks.kernels.contains(&inner.identity) {
                self.allow_place(&inner, access)?;
            }
        }
        Ok(())
    }

    fn allow(&mut self, place: &impl AsFd, is_folder: bool, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        let access = if is_folder { access } else { access & AccessFs::from_file(NEWEST) };
        if !access.is_empty() {
            let rules = self.rules.take().expect("it is put back below");
            self.rules = Some(rules.add_rule(PathBeneath::new(place, access))?);
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the names in places of the settings, of which it opens no file")]
fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// Puts this process under the rules; between fork and exec.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn enter(rules: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a system call on a number; the kernel refuses what is no such descriptor.
    check(unsafe { libc::syscall(SYS_RESTRICT_SELF, rules.as_raw_fd(), 0) }).map(drop)
}
