//! What this host allows, found out by trying it.

use super::{
    Level, Report, bounds::Bounds, cage::Cage, landlock, looks::Looks, namespaces::Entry, privileges, view::View,
};
use crate::{
    policy::Workspace,
    settings::{ConfinementMode, Settings},
};
use anyhow::bail;
use std::{
    ffi::CString,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How many megabytes a process of a command may write to when the setting does not say: a part of what there is.
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
    cage: Cage,
    /// The bound of processes as text, where a namespace can have one.
    most_processes: Option<CString>,
}

impl Confinement {
    /// Finds out what can be enforced for programs in `workspace`.
    ///
    /// # Errors
    /// When it is less than what is required.
    pub fn open(settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        if settings.confinement == ConfinementMode::Off {
            let why = "MCP_CONFINEMENT is off: commands can do what the user can who runs the bridge".to_owned();
            let report = Report { level: Level::None, why };
            report.announce();
            return Ok(Self { report, parts: None });
        }
        // Commands run as the same user: its memory is none of theirs.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        let bounds = Bounds::of(workspace)?;
        let (report, parts) = find_out(settings, bounds)?;
        report.announce();
        if settings.confinement == ConfinementMode::Require && report.level < Level::Kernel {
            bail!("MCP_CONFINEMENT is require, but {}: mend that, or set it to auto to run without", report.why);
        }
        Ok(Self { report, parts: Some(parts) })
    }

    /// What holds, and why.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What programs are held by; none when it is off.
    pub fn cage(&self) -> Option<&Cage> {
        self.parts.as_ref().map(|parts| &parts.cage)
    }

    /// What programs see, as the disk is now; none where they see what is there.
    ///
    /// # Errors
    /// When it cannot be prepared: no program must run then.
    pub fn view(&self) -> io::Result<Option<View>> {
        self.parts.as_ref().map_or(Ok(None), Parts::view)
    }

    /// The kernel's rules on paths for a program that starts now; none where a view stands for them.
    ///
    /// # Errors
    /// As [`Self::view`].
    pub fn rules(&self) -> io::Result<Option<OwnedFd>> {
        self.parts.as_ref().map_or(Ok(None), |parts| parts.rules(self.report.level))
    }

    /// What a confined program finds in its environment instead of what the server has: places that are not there for
    /// it are replaced, and ways to agents and screens that it cannot reach are left out.
    pub fn environment(&self) -> Vec<(&'static str, Option<PathBuf>)> {
        self.parts.as_ref().map(|parts| parts.environment(self.report.level)).unwrap_or_default()
    }
}

fn find_out(settings: &Settings, bounds: Bounds) -> anyhow::Result<(Report, Parts)> {
    let processes = settings.max_command_processes;
    let entry = Entry::for_this_user();
    let bounded = namespaces_are_bounded();
    let processes_of_user = (entry.is_of_a_user() && !bounded).then_some(processes);
    let version = landlock::version();
    let cage = Cage {
        entry: Some(entry),
        filter: privileges::filter(privileges::Sockets { local: true, network: true })?,
        limits: privileges::Limits { memory: memory(settings), processes: processes_of_user },
        network: settings.terminal_network,
        beside_view: landlock::BesideView::of(version),
    };
    let most_processes = bounded.then(|| CString::new(processes.to_string())).transpose()?;
    let mut parts = Parts { bounds, cage, most_processes };
    let Err(refusal) = parts.try_out(Level::Namespaces) else {
        let why = if parts.cage.beside_view.is_some() {
            format!("Landlock version {version}, seccomp and namespaces are enforced")
        } else {
            "seccomp and namespaces are enforced; this kernel has no Landlock of use beside them".to_owned()
        };
        return Ok((Report { level: Level::Namespaces, why }, parts));
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
    parts.cage.entry = None;
    parts.cage.limits.processes = None;
    parts.cage.beside_view = None;
    let level = if version > 0 { Level::Kernel } else { Level::None };
    let sockets = privileges::Sockets { local: level == Level::None, network: settings.terminal_network };
    parts.cage.filter = privileges::filter(sockets)?;
    let why = match level {
        Level::Kernel => format!(
            "Landlock version {version} and seccomp are enforced; namespaces are not, since the host refuses them \
             ({refusal})"
        ),
        _ => format!("this kernel has no Landlock and the host refuses namespaces ({refusal})"),
    };
    match parts.try_out(level) {
        Ok(()) => Ok(Report { level, why }),
        Err(error) => {
            bail!(
                "commands cannot be confined on this host ({refusal}; {error}): set MCP_CONFINEMENT=off to run without"
            )
        }
    }
}

impl Parts {
    fn view(&self) -> io::Result<Option<View>> {
        let has_view = self.cage.has_processes();
        has_view.then(|| View::of(&self.bounds, self.most_processes.as_ref())).transpose()
    }

    fn rules(&self, level: Level) -> io::Result<Option<OwnedFd>> {
        match level {
            Level::Kernel => {
                let looks = Looks::new()?;
                let bounds = self.bounds.at_present(|folder| looks.entries(folder))?;
                landlock::without_view(&bounds).map_err(io::Error::other)
            }
            _ => Ok(None),
        }
    }

    fn try_out(&self, level: Level) -> io::Result<()> {
        let view = self.view()?;
        self.cage.try_out(view.as_ref().map(View::steps).unwrap_or_default(), self.rules(level)?.as_ref())
    }

    fn environment(&self, level: Level) -> Vec<(&'static str, Option<PathBuf>)> {
        let agents = ["SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"];
        let screens = ["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST"];
        let mut changes: Vec<_> = agents.into_iter().chain(screens).map(|name| (name, None)).collect();
        if level == Level::Kernel && !self.bounds.reaches(&self.bounds.home) {
            changes.push(("HOME", Some(self.bounds.private_home())));
            if std::env::var_os("RUSTUP_HOME").is_none() {
                changes.push(("RUSTUP_HOME", Some(self.bounds.home.join(".rustup"))));
            }
        }
        // Nothing new can be made in a folder that holds a denied place.
        let tmp = Path::new("/tmp");
        if level == Level::Kernel && (!self.bounds.reaches(tmp) || self.bounds.holds_denied(tmp)) {
            changes.push(("TMPDIR", Some(self.bounds.private_tmp())));
        }
        changes
    }
}

/// How much memory a process of a command may write to, in bytes.
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
