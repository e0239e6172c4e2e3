//! Starts programs: the one place that does.
//!
//! A program runs in a session of its own. On Linux a supervisor stands between the server and the program: it lives as
//! long as the server holds the other end of its control socket, and it does not end before everything that the program
//! started has ended. It is forked by a process that does nothing else (`fork_server`).

#[cfg_attr(target_os = "linux", path = "tree_linux.rs")]
#[cfg_attr(all(unix, not(target_os = "linux")), path = "tree_unix.rs")]
#[cfg_attr(not(unix), path = "tree_plain.rs")]
mod tree;

#[cfg(not(target_os = "linux"))]
mod command;
#[cfg(target_os = "linux")]
mod fork_server;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod supervisor;

mod asked;
mod bound;

pub use asked::Asked;
use asked::{check_environment, line};
use tree::Starter;
pub use tree::{Signal, Stderr, Stdout, Tree};
#[cfg(unix)]
pub use tree::{stderr_end, stdout_end};

use super::{editors::stand_ins, environment::Environment};
use crate::{
    blocking::blocking,
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        Confinement, Guard, Line, PermittedCommand, Shells, Verdict, Workspace,
        confine::{Refusal, Report},
        paths::{Intent, Named, path_of},
    },
    settings::{ConfinementMode, Settings},
};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is to be started.
struct Program<'a> {
    line: &'a Line,
    /// All of its variables.
    environment: BTreeMap<&'a OsStr, &'a OsStr>,
    cwd: &'a Path,
}

/// The three descriptors of a program.
pub enum Streams {
    /// No input; [`Tree::take_output`] gives the output.
    Captured,
    /// The caller's.
    #[cfg(unix)]
    Given {
        /// Its input.
        stdin: OwnedFd,
        /// Its output.
        stdout: OwnedFd,
        /// Its errors.
        stderr: OwnedFd,
        /// The device of its terminal, when its input is one: it becomes its controlling one.
        terminal: Option<PathBuf>,
    },
}

impl Streams {
    fn have_terminal(&self) -> bool {
        match self {
            Self::Captured => false,
            #[cfg(unix)]
            Self::Given { terminal, .. } => terminal.is_some(),
        }
    }
}

/// Starts programs, each with what holds for all.
pub struct Spawner {
    workspace: Arc<Workspace>,
    confinement: Confinement,
    starter: Starter,
    /// Whether callers' folders are held to the workspace.
    is_confined: bool,
    environment: Arc<Environment>,
    guard: Arc<Guard>,
    network: bool,
    shells: Arc<Shells>,
}

impl Spawner {
    /// Programs start in `workspace`, with the process's environment less the server's secrets.
    ///
    /// # Errors
    /// When the host cannot hold them as firmly as is required, or the user's rules cannot be read.
    pub fn open(settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        let confinement = Confinement::open(settings, workspace)?;
        Ok(Self {
            environment: Arc::new(Environment::inherited(settings)),
            guard: Arc::new(Guard::open(settings, workspace)?),
            shells: Arc::new(Shells::find(&settings.shell, &std::env::var_os("PATH").unwrap_or_default())?),
            starter: Starter::open(&confinement)?,
            confinement,
            is_confined: settings.confinement != ConfinementMode::Off,
            network: settings.terminal_network,
            workspace: workspace.clone(),
        })
    }

    /// One whose programs are held to other settings and another workspace.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn within(&self, settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        let confinement = self.confinement.within(settings, workspace)?;
        Ok(Self {
            environment: self.environment.clone(),
            guard: Arc::new(Guard::open(settings, workspace)?),
            shells: self.shells.clone(),
            starter: self.starter.beside(&confinement, settings.terminal_network == self.network)?,
            confinement,
            is_confined: self.is_confined,
            network: settings.terminal_network,
            workspace: workspace.clone(),
        })
    }

    /// Where programs start when nobody says.
    pub fn directory(&self) -> &Path {
        self.workspace.start()
    }

    /// How firmly programs are held.
    pub fn confinement(&self) -> &Report {
        self.confinement.report()
    }

    /// What the confinement refuses programs at a path without dots in it; none where nothing is.
    pub fn refusal(&self, path: &Path) -> Option<Refusal> {
        self.confinement.refusal(path)
    }

    /// Whether a socket outside, which may be a pattern, is let through to programs.
    pub fn lets_through(&self, socket: &str) -> bool {
        self.confinement.lets_through(socket)
    }

    /// Whether programs have the network.
    pub fn network(&self) -> bool {
        self.network
    }

    /// What the guard says of a line that is not run, in a folder that need not be there.
    ///
    /// # Errors
    /// As [`Self::permit`]; the inner one is the first danger.
    pub async fn judge(&self, line: Line, directory: PathBuf) -> Result<Verdict> {
        self.ask_guard(move |guard| guard.judge(&line, &directory, &BTreeMap::new())).await
    }

    /// On a blocking thread: a long line takes its time.
    async fn ask_guard<T: Send + 'static>(&self, ask: impl FnOnce(&Guard) -> T + Send + 'static) -> Result<T> {
        let guard = self.guard.clone();
        blocking(move || ask(&guard)).await
    }

    /// The shells that may run lines.
    pub fn shells(&self) -> &Shells {
        &self.shells
    }

    /// Judges a command as a caller sent it.
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule that refuses, [`Error::NotFound`] for no folder, [`Error::Invalid`] for what
    /// cannot be run at all.
    pub async fn permit(&self, asked: Asked<'_>) -> Result<PermittedCommand> {
        check_environment(&asked.environment)?;
        let line = self.line_of(&asked)?;
        let folder = self.folder(asked.cwd)?;
        self.ask_guard(move |guard| guard.permit(line, &folder, asked.environment, asked.is_approved)).await?
    }

    fn line_of(&self, asked: &Asked<'_>) -> Result<Line> {
        let shell = match (asked.shell, asked.program) {
            (true, name) => Some(self.shells.named(name)?),
            (false, None) => None,
            (false, Some(_)) => {
                return Err(Error::invalid("shell_program", "Without a shell (shell false) none runs it"));
            }
        };
        line(asked.command, shell, &asked.environment)
    }

    /// What a command is about; blocks. What cannot be run whatever there is, is about nothing.
    pub(crate) fn about(&self, asked: &Asked<'_>, needs: Needs) -> Subjects {
        let mut about = Subjects { can_be_undone: false, ..Subjects::default() };
        if let Ok(line) = self.line_of(asked).and_then(|line| check_environment(&asked.environment).map(|()| line)) {
            let folder = self.folder(asked.cwd).unwrap_or_else(|_| self.place_of(asked.cwd.unwrap_or_default()));
            let reading = self.guard.read(&line, &folder, &asked.environment);
            if needs.bound {
                about.bound = bound::states(&reading, &folder, &self.workspace);
            }
            about.command = Some(reading);
            // Variables of its own may make it another command.
            about.folder = Some(folder).filter(|_| asked.environment.is_empty());
        }
        about
    }

    /// Where a folder lies that is named as a shell names it: `~` is the home folder.
    pub fn place_of(&self, sent: &str) -> PathBuf {
        let in_home = sent.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let at_home = in_home.and_then(|rest| Some(std::env::home_dir()?.join(path_of(rest.trim_start_matches('/')))));
        at_home.unwrap_or_else(|| self.workspace.start().join(path_of(sent)))
    }

    fn folder(&self, sent: Option<&str>) -> Result<PathBuf> {
        let start = self.workspace.start();
        let (sent, folder) = match sent {
            None if self.is_confined && !self.workspace.allows(start, Intent::Read) => {
                let hint = "The bridge was started in a folder that is denied, so commands have nowhere to start: send \
                            cwd, or start the bridge elsewhere (--directory)";
                return Err(Named::Folder.refused().with_hint(|| Some(hint.to_owned())));
            }
            None => return Ok(start.to_owned()),
            Some("") => return Err(not_found()),
            Some(sent) if sent.contains('\0') => {
                return Err(Error::invalid("cwd", "A folder's name cannot hold a NUL character"));
            }
            Some(sent) => (sent, self.place_of(sent)),
        };
        if !self.is_confined {
            return Ok(folder);
        }
        // The program goes there within its confinement: this check is for the words of the refusal.
        let real = real(&folder);
        match self.workspace.allows(real.as_deref().unwrap_or(&folder), Intent::Read) {
            false => Err(Named::Folder.refused().with_hint(|| Some(self.workspace.why_refused(sent, Intent::Read)))),
            true => real.ok_or_else(|| not_found().with_hint(|| Some(self.workspace.where_looked(&folder)))),
        }
    }

    /// Starts a program on a blocking thread: its fork and its confinement take milliseconds.
    ///
    /// # Errors
    /// As [`Self::start_now`].
    pub async fn start(self: &Arc<Self>, command: PermittedCommand, streams: Streams) -> Result<Tree> {
        let spawner = self.clone();
        blocking(move || spawner.start_now(&command, streams)).await?
    }

    /// Starts a program; blocks until it runs. Called within the runtime.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a missing program or folder, [`Error::Refused`] for one that may not be run,
    /// [`Error::Unavailable`] when the system is out of something.
    pub fn start_now(&self, permitted: &PermittedCommand, streams: Streams) -> Result<Tree> {
        let cwd = permitted.directory();
        let confined = self.confinement.environment();
        let editors = if streams.have_terminal() { Vec::new() } else { stand_ins().to_vec() };
        let mut environment: BTreeMap<&OsStr, &OsStr> = self.environment.iter().collect();
        environment.extend(editors.iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value))));
        for (name, value) in &confined {
            match value {
                Some(value) => environment.insert(OsStr::new(name), value.as_os_str()),
                None => environment.remove(OsStr::new(name)),
            };
        }
        environment.extend(permitted.environment().iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value))));
        environment.insert(OsStr::new("PWD"), cwd.as_os_str());
        let program = Program { line: permitted.line(), environment, cwd };
        self.starter.start(&program, streams, &self.confinement).map_err(|cause| explain(cause, cwd))
    }
}

#[expect(clippy::disallowed_methods, reason = "only to say whether a folder may be used; nothing is opened by it")]
fn real(folder: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(folder).ok()
}

fn not_found() -> Error {
    Error::NotFound("Command or working directory not found".into())
}

/// What the system says when a program does not start, in a caller's words.
fn explain(cause: io::Error, cwd: &Path) -> Error {
    use io::ErrorKind as Kind;
    match cause.kind() {
        Kind::NotFound => not_found().with_hint(|| Some(what_is_missing(cwd))),
        Kind::NotADirectory if !cwd.is_dir() => {
            Error::Unusable(format!("The working directory {} is not a directory", cwd.display()))
        }
        Kind::NotADirectory => not_found(),
        Kind::PermissionDenied => Error::Refused(
            "Permission denied: the program or the working directory may not be used by the user that runs the bridge"
                .into(),
        ),
        Kind::ArgumentListTooLong => Error::TooLarge(
            "The command with its environment is longer than the system takes: put it into a file".into(),
        ),
        Kind::WouldBlock | Kind::OutOfMemory => Error::Unavailable {
            message: format!("The system cannot start another process now ({cause}): try again later"),
            retry_after: Some(std::time::Duration::from_secs(5)),
        },
        _ if confinement_failed(&cause) => Error::internal(anyhow::anyhow!("the confinement could not be entered")),
        _ if is_no_program(&cause) => {
            Error::Unusable("The file is not a program: give a script a first line such as #!/bin/sh".into())
        }
        _ => Error::internal(cause),
    }
}

fn what_is_missing(cwd: &Path) -> String {
    match cwd.is_dir() {
        true => "No program of this name is in PATH: name it by its whole path, or install it".to_owned(),
        false => format!("The working directory {} is not there", cwd.display()),
    }
}

/// A program runs confined or not at all.
#[cfg(target_os = "linux")]
fn confinement_failed(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(crate::policy::confine::FAILED)
}

#[cfg(not(target_os = "linux"))]
fn confinement_failed(_: &io::Error) -> bool {
    false
}

#[cfg(unix)]
fn is_no_program(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(libc::ENOEXEC)
}

#[cfg(not(unix))]
fn is_no_program(_: &io::Error) -> bool {
    false
}
