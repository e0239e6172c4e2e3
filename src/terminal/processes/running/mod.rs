//! The living part of a process: its tree, its terminal, what it reads and what it writes.

mod input;
mod ports;
mod pty;
mod pump;
#[cfg(target_os = "linux")]
mod sockets;

pub(crate) use ports::{PortHolder, Ports, port_holder};

use super::{
    log::{Log, Stream, Writer},
    modes::{CURSOR_KEYS, Modes},
    screen::{Screen, Shown},
};
use crate::{
    error::{Error, Result},
    policy::PermittedCommand,
    terminal::{
        output::Taken,
        spawn::{self, Spawner, Stderr, Stdout, Streams, Tree},
    },
};
use input::Input;
use pty::Terminal;
use pump::Source;
use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// How long after the end of a process its last output is waited for: what it started may still hold the pipe.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

pub(crate) use crate::terminal::spawn::Signal;

/// What is to run.
pub struct StartRequest {
    /// The command, judged.
    pub command: PermittedCommand,
    /// Columns and rows, when it gets a terminal.
    pub size: Option<(u16, u16)>,
}

/// A process that runs.
pub struct Running {
    tree: Tree,
    terminal: Option<Terminal>,
    input: Input,
    application_cursor: Arc<AtomicBool>,
    screen: Option<Arc<Mutex<Screen>>>,
    ports_before: Ports,
    /// Closing it ends the pump.
    pumping: Mutex<Option<OwnedFd>>,
    pumped: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

/// Where the output goes, and who is told of it.
pub struct Output {
    /// The ring.
    pub log: Arc<Log>,
    /// Called after each piece.
    pub grown: Box<dyn FnMut() + Send>,
}

/// A program that was started elsewhere.
pub struct Adopted {
    /// It and all that it started.
    pub tree: Tree,
    /// Its standard output.
    pub stdout: Taken<Stdout>,
    /// Its standard error.
    pub stderr: Taken<Stderr>,
}

/// The ends of the streams that the bridge keeps.
struct Ends {
    /// `None` when it reads nothing.
    input: Option<OwnedFd>,
    sources: Vec<Source>,
    terminal: Option<Terminal>,
}

impl Running {
    /// Starts a process; blocks for as long as that takes. Called within the runtime.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a missing program or folder; [`Error::Unavailable`] when the system is out of something.
    pub fn start(spawner: &Spawner, order: &StartRequest, output: Output) -> Result<Arc<Self>> {
        let ports_before = Ports::open_now();
        let (ends, streams) = match order.size {
            Some((columns, rows)) => terminal(columns, rows),
            None => pipes(),
        }
        .map_err(short_of_something)?;
        let tree = spawner.start_now(&order.command, streams)?;
        Self::run(tree, ends, ports_before, output)
    }

    /// Takes over a program that runs, and what it wrote until now. Called within the runtime.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the system is out of something; the program is ended then.
    pub fn adopt(adopted: Adopted, mut output: Output) -> Result<Arc<Self>> {
        let Adopted { tree, stdout, stderr } = adopted;
        let mut writer = Writer::new(output.log.clone());
        let mut sources = Vec::new();
        for (stream, end, written) in [
            (Stream::Stdout, stdout.end.map(spawn::stdout_end), stdout.written),
            (Stream::Stderr, stderr.end.map(spawn::stderr_end), stderr.written),
        ] {
            writer.append(stream, &written);
            if let Some(end) = end.transpose().map_err(short_of_something)? {
                rustix::io::ioctl_fionbio(&end, true).map_err(io::Error::from)?;
                sources.push(Source::new(stream, end));
            }
        }
        drop(writer);
        (output.grown)();
        let ends = Ends { input: None, sources, terminal: None };
        Self::run(tree, ends, Ports::default(), output)
    }

    fn run(tree: Tree, ends: Ends, ports_before: Ports, output: Output) -> Result<Arc<Self>> {
        let (stop, pumping) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let (done, pumped) = oneshot::channel();
        let application_cursor = Arc::new(AtomicBool::new(false));
        let size = ends.terminal.as_ref().and_then(Terminal::size);
        let screen = size.and_then(Screen::new).map(|screen| Arc::new(Mutex::new(screen)));
        let watched = ends.terminal.is_some().then(|| application_cursor.clone());
        let input = Input::new(ends.input)?;
        let name = format!("process {}", tree.id());
        let drawn = screen.clone();
        let watch = Watch { application_cursor: watched, screen: drawn, modes: Modes::default() };
        let pump = move || pump_all(ends.sources, &stop, output, watch, done);
        std::thread::Builder::new().name(name).spawn(pump).map_err(short_of_something)?;
        Ok(Arc::new(Self {
            tree,
            terminal: ends.terminal,
            input,
            application_cursor,
            screen,
            ports_before,
            pumping: Mutex::new(Some(pumping)),
            pumped: tokio::sync::Mutex::new(Some(pumped)),
        }))
    }

    /// The process id of its program.
    pub fn id(&self) -> u32 {
        ports::children(self.tree.id()).first().copied().unwrap_or(self.tree.id())
    }

    /// Waits for its end and that of all it started, and takes in the last of its output. To be awaited once. Returns
    /// the exit code, negative for a signal, where the system tells it.
    pub async fn finish(&self) -> Option<i32> {
        let code = self.tree.wait().await.inspect_err(|error| tracing::warn!(%error, "a process was lost")).ok();
        let pumped = self.pumped.lock().await.take();
        if let Some(mut pumped) = pumped
            && tokio::time::timeout(LAST_OUTPUT, &mut pumped).await.is_err()
        {
            self.pumping.lock().expect("no one panics while holding it").take();
            let _ = pumped.await;
        }
        self.input.close().await;
        code
    }

    /// Whether it, or a process of it, was ended for taking more memory than it may.
    pub fn has_exceeded_memory(&self) -> bool {
        self.tree.exceeded_memory().is_some()
    }

    /// Writes to its input, in the order of the calls.
    ///
    /// # Errors
    /// [`Error::Conflict`] when its input is closed, [`Error::TimedOut`] when it reads nothing for too long.
    pub async fn write(&self, bytes: &[u8]) -> Result<()> {
        self.input.write(bytes).await
    }

    /// Tells it that no more input comes.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn end_input(&self) -> Result<()> {
        match &self.terminal {
            Some(terminal) => self.input.write(&[terminal.end_of_input()]).await,
            None => {
                self.input.close().await;
                Ok(())
            }
        }
    }

    /// Whether arrow keys are sent in application form now.
    pub fn application_cursor(&self) -> bool {
        self.application_cursor.load(Ordering::Relaxed)
    }

    /// What is on its screen, if it has one that is kept.
    pub fn shown(&self) -> Option<Shown> {
        self.screen.as_ref().map(|screen| screen.lock().expect("no one panics while holding it").shown())
    }

    /// Changes the size of its terminal.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        match &self.terminal {
            Some(terminal) => {
                if let Some(screen) = &self.screen {
                    screen.lock().expect("no one panics while holding it").resize(columns, rows);
                }
                Ok(terminal.resize(columns, rows)?)
            }
            None => Err(Error::Conflict("It has no terminal to resize: start it with pty: true".into())),
        }
    }

    /// Sends a signal: to the program in the foreground of its terminal, or to all of its group.
    pub fn signal(&self, signal: Signal) {
        match self.terminal.as_ref().and_then(Terminal::foreground) {
            Some(group) => {
                // A group that is gone has had its end.
                let _ = rustix::process::kill_process_group(group, signal);
            }
            None => self.tree.signal(signal),
        }
    }

    /// Asks the whole tree to end.
    pub fn terminate(&self) {
        self.tree.signal(Signal::TERM);
        if let Some(terminal) = &self.terminal {
            // An interactive shell ends when its terminal goes, not when it is asked to; and its job is a group of its own.
            self.tree.signal(Signal::HUP);
            if let Some(job) = terminal.foreground() {
                let _ = rustix::process::kill_process_group(job, Signal::TERM);
                let _ = rustix::process::kill_process_group(job, Signal::CONT);
            }
        }
        // One that was halted hears of it only when it goes on.
        self.tree.signal(Signal::CONT);
    }

    /// Ends the whole tree.
    pub async fn kill(&self) {
        // How it ended is told to the one who waits for it.
        let _ = self.tree.kill().await;
    }

    /// Whether it, or what it started, listens on a TCP port; on another's port only when that was closed before.
    pub async fn listens_on(&self, port: u16) -> bool {
        ports::tree_listens(self.tree.id(), port) || (!self.ports_before.contains(port) && ports::accepts(port).await)
    }
}

/// What is watched for in the output of a terminal.
struct Watch {
    application_cursor: Option<Arc<AtomicBool>>,
    screen: Option<Arc<Mutex<Screen>>>,
    modes: Modes,
}

impl Watch {
    fn see(&mut self, bytes: &[u8]) {
        if let Some(is_on) = &self.application_cursor {
            self.modes.watch(bytes, |mode, on| {
                if mode == CURSOR_KEYS {
                    is_on.store(on, Ordering::Relaxed);
                }
            });
        }
        if let Some(screen) = &self.screen {
            screen.lock().expect("no one panics while holding it").feed(bytes);
        }
    }
}

fn pump_all(sources: Vec<Source>, stop: &OwnedFd, mut output: Output, mut watch: Watch, done: oneshot::Sender<()>) {
    let mut writer = Writer::new(output.log);
    pump::run(sources, stop, &mut writer, |bytes| {
        watch.see(bytes);
        (output.grown)();
    });
    // Whoever waited may be gone with the server.
    let _ = done.send(());
}

fn terminal(columns: u16, rows: u16) -> io::Result<(Ends, Streams)> {
    let (terminal, program) = Terminal::open(columns, rows)?;
    let (source, input) = (terminal.duplicate()?, terminal.duplicate()?);
    rustix::io::ioctl_fionbio(&source, true)?;
    let streams = Streams::Given {
        stdin: program.try_clone()?,
        stdout: program.try_clone()?,
        stderr: program,
        terminal: Some(terminal.device().to_owned()),
    };
    let sources = vec![Source::new(Stream::Terminal, source)];
    Ok((Ends { input: Some(input), sources, terminal: Some(terminal) }, streams))
}

fn pipes() -> io::Result<(Ends, Streams)> {
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let ((stdin, input), (output, stdout), (errors, stderr)) = (pipe()?, pipe()?, pipe()?);
    for end in [&input, &output, &errors] {
        rustix::io::ioctl_fionbio(end, true)?;
    }
    let sources = vec![Source::new(Stream::Stdout, output), Source::new(Stream::Stderr, errors)];
    let streams = Streams::Given { stdin, stdout, stderr, terminal: None };
    Ok((Ends { input: Some(input), sources, terminal: None }, streams))
}

/// The system is out of descriptors, terminals, threads or processes: the caller may try again later.
fn short_of_something(cause: io::Error) -> Error {
    Error::Unavailable {
        message: format!("The system cannot start another process now ({cause}): stop one that is no longer needed"),
        retry_after: None,
    }
}
