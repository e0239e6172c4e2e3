//! Landlock: rules of the kernel that a program cannot take off.
//!
//! Where there is a view of its own (`view`), Landlock adds what a view does not hold: no signals and no abstract sockets
//! to the outside, no looking into processes outside, no devices, no mounts. Where there is none, its path rules are the
//! boundary.
#![expect(clippy::disallowed_methods, reason = "it lists places of the settings to make rules of, and opens no file")]

use super::{bounds::Bounds, places, private_keys};
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::{
    ffi::OsString,
    fs, io,
    os::fd::{OwnedFd, RawFd},
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
pub fn version() -> i64 {
    let nothing = std::ptr::null::<u8>();
    // SAFETY: with this flag the call reads no memory.
    let version = unsafe { libc::syscall(SYS_CREATE_RULESET, nothing, 0_usize, ASK_VERSION) };
    version.max(0)
}

/// What a view does not hold: rules that each program makes for itself once it is in its view, since one of them is for
/// the top of that.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BesideView {
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
    pub fn of(version: i64) -> Option<Self> {
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        let scope = Scope::AbstractUnixSocket | Scope::Signal;
        let scope = if version < SCOPES { 0 } else { scope.bits() };
        (version >= MOVES).then(|| Self { files: (devices | AccessFs::Refer).bits(), network: 0, scope })
    }

    /// Puts this process under them; between fork and exec.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter(&self) -> io::Result<()> {
        // Kernels that know no scopes know a shorter structure, too: of what they do not know nothing may be set.
        let size = if self.scope == 0 { size_of::<u64>() } else { size_of::<Self>() };
        // SAFETY: system calls on structures and texts that outlive them; both descriptors are closed with the exec.
        unsafe {
            let rules = check(libc::syscall(SYS_CREATE_RULESET, ptr::from_ref(self), size, 0))?;
            let place = check(libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC).into())?;
            let top = Beneath { allowed: AccessFs::Refer as u64, place: place as RawFd };
            check(libc::syscall(SYS_ADD_RULE, rules, PATH_BENEATH, &raw const top, 0))?;
            enter(rules as RawFd)
        }
    }
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The workspace by path rules.
///
/// # Errors
/// When the kernel refuses.
pub fn without_view(bounds: &Bounds) -> anyhow::Result<Option<OwnedFd>> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?;
    let mut rules = Rules { rules: Some(rules), bounds };
    rules.allow_system()?;
    for folder in [bounds.private_home(), bounds.private_tmp()] {
        rules.allow(&folder, AccessFs::from_all(NEWEST))?;
    }
    if bounds.roots.is_empty() {
        rules.allow_less_denied(Path::new("/"), AccessFs::from_all(NEWEST))?;
    }
    for root in &bounds.roots {
        rules.allow_less_denied(root, AccessFs::from_all(NEWEST))?;
    }
    Ok(rules.rules.and_then(Into::into))
}

struct Rules<'a> {
    rules: Option<RulesetCreated>,
    bounds: &'a Bounds,
}

impl Rules<'_> {
    fn allow_system(&mut self) -> anyhow::Result<()> {
        let read = AccessFs::from_read(NEWEST);
        let settings = places::SETTINGS.iter().map(|name| Path::new("/etc").join(name));
        let settings = settings.filter(|path| !self.bounds.denies_below(path, Path::new("/etc")));
        let tools = places::tools(&self.bounds.home).into_iter().filter(|tool| self.bounds.may_show_tool(tool));
        let system = places::SYSTEM.iter().chain(&places::KERNEL).map(PathBuf::from);
        let system = system.filter(|place| !self.bounds.roots.is_empty() || !self.bounds.denies(place));
        let settings: Vec<PathBuf> = settings.collect();
        for place in tools.chain(system).chain(["/proc".into()]).collect::<Vec<PathBuf>>() {
            self.allow(&place, read)?;
        }
        let hidden = private_keys::hidden(names);
        for place in settings {
            self.allow_less_hidden(&place, read, &hidden)?;
        }
        let use_device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        for name in places::DEVICES.iter().chain(&["ptmx"]) {
            self.allow(&Path::new("/dev").join(name), use_device)?;
        }
        self.allow(Path::new("/dev/pts"), use_device | AccessFs::ReadDir)?;
        self.allow(Path::new("/dev/shm"), AccessFs::from_all(NEWEST))
    }

    /// Settings without the private keys in them.
    fn allow_less_hidden(&mut self, path: &Path, access: BitFlags<AccessFs>, hidden: &[PathBuf]) -> anyhow::Result<()> {
        if hidden.iter().any(|place| path == place) {
            return Ok(());
        }
        if !hidden.iter().any(|place| place.starts_with(path)) {
            return self.allow(path, access);
        }
        // A link needs no rule: what it leads to does, or is hidden.
        let entries = names(path).into_iter().map(|name| path.join(name)).filter(|path| !path.is_symlink());
        entries.collect::<Vec<_>>().iter().try_for_each(|path| self.allow_less_hidden(path, access, hidden))
    }

    /// A folder without the denied places in it. Rules reach down, so a folder that holds a denied place cannot be
    /// allowed itself: only what else is in it now.
    fn allow_less_denied(&mut self, path: &Path, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        let Some(access) = self.bounds.access(path, access) else { return Ok(()) };
        if !self.bounds.holds_denied(path) {
            return self.allow(path, access);
        }
        if !self.bounds.holds_hidden_folder(path) {
            self.allow(path, AccessFs::ReadDir.into())?;
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) && !is_kernels(&entry.path()) {
                self.allow_less_denied(&entry.path(), access)?;
            }
        }
        Ok(())
    }

    /// Nothing where there is nothing.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> anyhow::Result<()> {
        let Ok(place) = PathFd::new(path) else { return Ok(()) };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
        let rules = self.rules.take().expect("it is put back below");
        self.rules = Some(rules.add_rule(PathBeneath::new(place, access))?);
        Ok(())
    }
}

fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// What the kernel shows of itself and of devices is allowed piece by piece.
fn is_kernels(path: &Path) -> bool {
    ["/dev", "/proc", "/sys", "/run"].iter().any(|place| path == Path::new(place))
}

/// Puts this process under the rules; between fork and exec.
///
/// # Errors
/// When the kernel refuses.
pub fn enter(rules: RawFd) -> io::Result<()> {
    // SAFETY: a system call on a number; the kernel refuses what is no such descriptor.
    match unsafe { libc::syscall(SYS_RESTRICT_SELF, rules, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
