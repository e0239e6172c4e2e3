//! What this host allows, found out by trying it.

use super::{
    FAILED, Level, MOVED, Refusal, Report,
    bounds::Bounds,
    devices::Devices,
    kernel_files::Share,
    landlock,
    limits::Limits,
    memory::{Admission, Memory},
    namespaces::Entry,
    refusals,
    restrictions::Restrictions,
    sockets::{Sockets, hidden_variables},
    steadily,
    system_calls::{self, Apart, Host},
    trees::Trees,
    view::View,
    view_snapshot::ViewSnapshot,
    whole_files::WholeFiles,
};
use crate::{
    policy::{Workspace, own_files::OwnFiles},
    settings::{ConfinementMode, Settings},
};
use anyhow::bail;
use seccompiler::BpfProgram;
use std::{
    ffi::{CString, OsString},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How much memory a command may take when the setting does not say: a part of what there is.
const MEMORY_SHARE: u64 = 2;

/// Before this version the number of processes of a namespace cannot be bounded by itself.
const BOUNDED_NAMESPACES: (u32, u32) = (6, 14);

/// The confinement of programs.
pub struct Confinement {
    report: Report,
    parts: Option<Parts>,
}

/// What it is made of.
struct Parts {
    bounds: Bounds,
    restrictions: Restrictions,
    share: Share,
    memory: Arc<Memory>,
    trees: Arc<Trees>,
    sockets: Sockets,
    own_files: Arc<OwnFiles>,
}

impl Confinement {
    /// Finds out what can be enforced for programs in `workspace`.
    ///
    /// # Errors
    /// When it is less than what is required.
    pub fn open(settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        if settings.confinement == ConfinementMode::Off {
            let why = "MCP_CONFINEMENT is off: commands can do what the user can who runs the bridge".to_owned();
            let report = Report { level: Level::None, why, memory_bound: None };
            report.announce();
            return Ok(Self { report, parts: None });
        }
        // Commands run as the same user: its memory is none of theirs.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        let given = given_by(settings)?;
        for device in given.0.whole_machine() {
            tracing::warn!(
                "MCP_COMMAND_DEVICES gives commands {}: who has it reads or writes what every other bound keeps from commands",
                device.display()
            );
        }
        let bounds = Bounds::of(workspace, given)?;
        bounds.files.check(&bounds.home).map_err(|why| anyhow::anyhow!("MCP_COMMAND_FILES {why}"))?;
        let own_files = OwnFiles::of(workspace.directory())?;
        let (report, parts) = find_out(settings, bounds, own_files)?;
        report.announce();
        if settings.confinement == ConfinementMode::Require && report.level < Level::Kernel {
            bail!("MCP_CONFINEMENT is require, but {}: fix that, or set it to auto to run without", report.why);
        }
        let confinement = Self { report, parts: Some(parts) };
        // What keeps commands from running now is said at once, and again for each command as long as it does.
        let _ = steadily(|| confinement.view().map(drop)).and_then(|()| confinement.rules().map(drop));
        Ok(confinement)
    }

    /// What holds programs to other settings and another workspace on the same host, as firmly and within the same memory.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn within(&self, settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        let report = self.report.clone();
        let Some(parts) = &self.parts else { return Ok(Self { report, parts: None }) };
        let bounds = Bounds::of(workspace, given_by(settings)?)?;
        let sockets = sockets_of(settings, &bounds, &parts.trees)?;
        let mut restrictions = parts.restrictions.clone();
        restrictions.network = settings.terminal_network;
        if restrictions.entry.is_none() {
            restrictions.filter = filter_without_namespaces(report.level, settings)?;
        }
        let (share, memory, trees) = (parts.share.clone(), parts.memory.clone(), parts.trees.clone());
        let own_files = parts.own_files.clone();
        Ok(Self { report, parts: Some(Parts { bounds, restrictions, share, memory, trees, sockets, own_files }) })
    }

    /// What holds, and why.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What programs are held by; none when it is off.
    pub fn restrictions(&self) -> Option<&Restrictions> {
        self.parts.as_ref().map(|parts| &parts.restrictions)
    }

    /// What programs see, as the disk is now; none where they see what is there.
    ///
    /// # Errors
    /// [`FAILED`] when it cannot be prepared, with the reason in the log: no program must run then. [`MOVED`] when the disk
    /// changes meanwhile.
    pub fn view(&self) -> io::Result<Option<View>> {
        self.parts.as_ref().map_or(Ok(None), Parts::view).map_err(told)
    }

    /// The kernel's rules on paths for a program that starts now; none where a view stands for them.
    ///
    /// # Errors
    /// As [`Self::view`].
    pub fn rules(&self) -> io::Result<Option<OwnedFd>> {
        let Some(parts) = self.parts.as_ref().filter(|_| self.report.level == Level::Kernel) else { return Ok(None) };
        steadily(|| parts.rules()).map_err(told)
    }

    /// What a command is refused at a path without dots in it; none where nothing is.
    pub fn refusal(&self, path: &Path) -> Option<Refusal> {
        let parts = self.parts.as_ref()?;
        refusals::at(path, &parts.bounds, &parts.sockets, self.report.level)
    }

    /// Whether a socket of this name, which may be a pattern, is shown to programs, as it was last looked at.
    pub fn lets_through(&self, socket: &str) -> bool {
        self.parts.as_ref().is_none_or(|parts| {
            self.report.level == Level::Namespaces && parts.sockets.shows_any(socket, &parts.bounds.home)
        })
    }

    /// Whether a view is still what programs are to see.
    pub fn is_current(&self, view: &View) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.is_current(view))
    }

    /// Lets one more tree of processes run, within the memory that it may take.
    ///
    /// # Errors
    /// When it cannot be bounded, or could make a file by which a person governs the bridge; it must not run then.
    pub fn admit(&self) -> io::Result<Admission> {
        self.parts
            .as_ref()
            .map_or_else(|| Ok(Admission::default()), |parts| parts.memory.admit(parts.own_files.begin()?))
    }

    /// What a confined program finds in its environment instead of what the server has: places that are not there for
    /// it are replaced, and ways to agents and screens that it cannot reach are left out.
    pub fn environment(&self) -> Vec<(&'static str, Option<PathBuf>)> {
        self.parts.as_ref().map(|parts| parts.environment(self.report.level)).unwrap_or_default()
    }
}

/// Says why no program runs. Callers are told that there is no confinement, and no places.
fn told(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(MOVED) {
        return error;
    }
    tracing::error!("commands cannot be confined and so do not run: {error}");
    io::Error::from_raw_os_error(FAILED)
}

fn find_out(settings: &Settings, bounds: Bounds, own_files: Arc<OwnFiles>) -> anyhow::Result<(Report, Parts)> {
    let processes = settings.max_command_processes;
    let entry = Entry::for_this_user();
    let bounded = namespaces_are_bounded();
    let processes_of_user = (entry.is_of_a_user() && !bounded).then_some(processes);
    let apart = if entry.is_of_a_user() { Apart::Uncounted } else { Apart::Yes };
    let version = landlock::version();
    let restrictions = Restrictions {
        entry: Some(entry),
        filter: system_calls::filter(Host { local_sockets: true, network: true, apart })?,
        limits: Limits { processes: processes_of_user },
        network: settings.terminal_network,
        memory: memory(settings),
        beside_view: landlock::BesideView::of(version),
    };
    let most_processes = bounded.then(|| CString::new(processes.to_string())).transpose()?;
    let trees = Arc::default();
    let memory = Arc::new(Memory::open(memory(settings), processes, &trees)?);
    let sockets = sockets_of(settings, &bounds, &trees)?;
    let share = Share { most_processes, memory: memory.limit() };
    let mut parts = Parts { bounds, restrictions, share, memory, trees, sockets, own_files };
    let memory_bound = Some(parts.memory.bound());
    let Some(refusal) = parts.refusal(Level::Namespaces)? else {
        let why = if parts.restrictions.beside_view.is_some() {
            format!("Landlock version {version}, seccomp and namespaces are enforced")
        } else {
            "seccomp and namespaces are enforced; this kernel has no Landlock of use beside them".to_owned()
        };
        return Ok((Report { level: Level::Namespaces, why, memory_bound }, parts));
    };
    let report = without_namespaces(settings, &mut parts, version, &refusal)?;
    Ok((report, parts))
}

/// What is left where the host refuses namespaces.
fn without_namespaces(
    settings: &Settings,
    parts: &mut Parts,
    version: i64,
    refusal: &io::Error,
) -> anyhow::Result<Report> {
    parts.restrictions.entry = None;
    parts.restrictions.limits.processes = None;
    parts.restrictions.beside_view = None;
    let level = if version > 0 { Level::Kernel } else { Level::None };
    parts.restrictions.filter = filter_without_namespaces(level, settings)?;
    let why = match level {
        Level::Kernel => format!(
            "Landlock version {version} and seccomp are enforced; namespaces are not, since the host refuses them \
             ({refusal})"
        ),
        _ => format!("this kernel has no Landlock and the host refuses namespaces ({refusal})"),
    };
    let lost = [
        (&settings.command_sockets, "reach no named socket, so MCP_COMMAND_SOCKETS"),
        (&settings.command_files, "read no secret file of the home, so MCP_COMMAND_FILES"),
    ];
    let lost = lost.iter().filter(|(named, _)| level == Level::Kernel && !named.is_empty());
    let why = lost.fold(why, |why, (_, what)| format!("{why}; there commands {what} has no effect"));
    match parts.refusal(level)? {
        None => Ok(Report { level, why, memory_bound: Some(parts.memory.bound()) }),
        Some(error) => {
            bail!(
                "commands cannot be confined on this host ({refusal}; {error}): set MCP_CONFINEMENT=off to run without"
            )
        }
    }
}

fn filter_without_namespaces(level: Level, settings: &Settings) -> anyhow::Result<BpfProgram> {
    let (local_sockets, network) = (level == Level::None, settings.terminal_network);
    system_calls::filter(Host { local_sockets, network, apart: Apart::No })
}

fn given_by(settings: &Settings) -> anyhow::Result<(Devices, WholeFiles)> {
    let wrong = |name, why, such| anyhow::anyhow!("{name}: {why}; write paths such as {such}, separated by commas");
    let devices =
        Devices::parse(&settings.command_devices).map_err(|why| wrong("MCP_COMMAND_DEVICES", why, "/dev/dri"))?;
    let home = std::env::home_dir().unwrap_or_default();
    let files =
        WholeFiles::parse(&settings.command_files, &home).map_err(|why| wrong("MCP_COMMAND_FILES", why, "~/.npmrc"))?;
    Ok((devices, files))
}

fn sockets_of(settings: &Settings, bounds: &Bounds, trees: &Arc<Trees>) -> anyhow::Result<Sockets> {
    Sockets::open(&settings.command_sockets, &bounds.home, trees)
        .map_err(|why| anyhow::anyhow!("MCP_COMMAND_SOCKETS: {why}; give paths, separated by commas"))
}

impl Parts {
    fn view(&self) -> io::Result<Option<View>> {
        let has_view = self.restrictions.has_processes();
        has_view.then(|| View::of(&self.bounds, &self.share, self.sockets.reach()?)).transpose()
    }

    fn is_current(&self, view: &View) -> bool {
        view.is_current(&self.bounds) && self.sockets.reach().is_ok_and(|reach| view.has(&reach))
    }

    fn rules(&self) -> io::Result<Option<OwnedFd>> {
        rules(&self.bounds.at_present(&ViewSnapshot::new()?)?)
    }

    /// Why the host refuses a level; none when it does not. What is denied has no part in that: programs could leave
    /// something at a denied name by which the next start holds them less.
    fn refusal(&self, level: Level) -> io::Result<Option<io::Error>> {
        let has_view = self.restrictions.has_processes();
        steadily(|| {
            let view = has_view.then(|| View::without_denials(&self.bounds, &self.share)).transpose()?;
            let rules = if level == Level::Kernel { rules(&self.bounds)? } else { None };
            match self.restrictions.try_out(view.as_ref().map(View::steps).unwrap_or_default(), rules.as_ref()) {
                Err(error) if error.raw_os_error() != Some(MOVED) => Ok(Some(error)),
                tried => tried.map(|()| None),
            }
        })
    }

    fn environment(&self, level: Level) -> Vec<(&'static str, Option<PathBuf>)> {
        let shows = |socket: &Path| level == Level::Namespaces && self.sockets.shows(socket);
        let mut changes: Vec<_> = hidden_variables(shows).into_iter().map(|name| (name, None)).collect();
        if level == Level::Kernel && !self.bounds.reaches(&self.bounds.home) {
            changes.push(("HOME", Some(self.bounds.private().home().to_owned())));
            if std::env::var_os("RUSTUP_HOME").is_none() {
                changes.push(("RUSTUP_HOME", Some(self.bounds.home.join(".rustup"))));
            }
        }
        changes.extend(self.temporary_folder(level).map(|folder| ("TMPDIR", Some(folder))));
        changes.extend(self.search_path().map(|path| ("PATH", Some(path.into()))));
        changes
    }

    /// Where programs make temporary files when it is not where the server does.
    fn temporary_folder(&self, level: Level) -> Option<PathBuf> {
        let (servers, usual) = (std::env::temp_dir(), Path::new("/tmp"));
        // At that level nothing new can be made in a folder that holds a denied place.
        let is_shut = |folder: &Path| level == Level::Kernel && self.bounds.holds_denied(folder);
        if self.bounds.reaches(&servers) && self.bounds.may_change(&servers) && !is_shut(&servers) {
            return None;
        }
        if level == Level::Namespaces && !self.bounds.reaches(usual) {
            // There they find the private one.
            return (servers != usual).then(|| usual.to_owned());
        }
        Some(self.bounds.private().tmp().to_owned())
    }

    /// The PATH without folders that programs do not reach: a shell that finds a program there fails instead of looking on.
    fn search_path(&self) -> Option<OsString> {
        let path = std::env::var_os("PATH")?;
        let reached = std::env::split_paths(&path).filter(|it| it.is_relative() || self.bounds.reaches_tools_in(it));
        std::env::join_paths(reached).ok()
    }
}

fn rules(bounds: &Bounds) -> io::Result<Option<OwnedFd>> {
    landlock::without_view(bounds).map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => error,
        Err(error) => io::Error::other(error),
    })
}

/// How much memory a command may take with all its processes, in bytes.
fn memory(settings: &Settings) -> u64 {
    match settings.max_command_memory_mib {
        0 => {
            let system = rustix::system::sysinfo();
            system.totalram * u64::from(system.mem_unit) / MEMORY_SHARE
        }
        set => set.saturating_mul(1024 * 1024),
    }
}

fn namespaces_are_bounded() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= BOUNDED_NAMESPACES
}
