//! A program with all that it starts, held by its supervisor.

use super::{
    Program, Streams,
    fork_server::ForkServer,
    plan,
    supervisor::{END_YOURSELVES, word},
};
use crate::{
    error::{Error, Result},
    policy::confine::{Admission, Confinement, FAILED, trees},
};
use rustix::{
    fs::{Mode, OFlags},
    net::{AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, shutdown, socketpair},
    pipe::{PipeFlags, pipe_with},
};
use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::PathBuf,
    process::ExitStatus,
    sync::{Mutex, PoisonError},
};
use tokio::net::{UnixStream, unix::pipe};

pub use rustix::process::Signal;

/// What a captured program writes to its standard output.
pub type Stdout = pipe::Receiver;

/// What a captured program writes to its standard error.
pub type Stderr = pipe::Receiver;

/// The end to read a program's standard output from, without the runtime.
///
/// # Errors
/// The system's.
pub fn stdout_end(stdout: Stdout) -> io::Result<OwnedFd> {
    stdout.into_nonblocking_fd()
}

/// The same of its standard error.
///
/// # Errors
/// The system's.
pub fn stderr_end(stderr: Stderr) -> io::Result<OwnedFd> {
    stderr.into_nonblocking_fd()
}

/// Starts programs.
pub(crate) struct Starter {
    forks: ForkServer,
}

/// The program's ends of its streams.
struct Ends {
    streams: [OwnedFd; 3],
    terminal: Option<PathBuf>,
}

impl Starter {
    /// One that starts programs quickly, whatever the server holds by then.
    ///
    /// # Errors
    /// When the system is out of something.
    pub(crate) fn open(confinement: &Confinement) -> io::Result<Self> {
        Ok(Self { forks: ForkServer::open(confinement)? })
    }

    /// One for a confinement with another view of the disk, or also with another network.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn beside(&self, confinement: &Confinement, has_same_network: bool) -> io::Result<Self> {
        match has_same_network {
            true => Ok(Self { forks: self.forks.beside(confinement)? }),
            false => Self::open(confinement),
        }
    }

    /// Starts a program under a supervisor and in its confinement; without one, what leaves the program's group by itself
    /// may outlive a program that ended. Called within the runtime.
    ///
    /// # Errors
    /// The system's, from any step until the program runs.
    pub(crate) fn start(&self, program: &Program<'_>, streams: Streams, confinement: &Confinement) -> io::Result<Tree> {
        let (ends, output) = ends(streams)?;
        let (control, its_end) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // Before what is denied is looked at: it may make `.env`.
        let admission = confinement.admit()?;
        let rules = confinement.rules()?;
        let [stdin, stdout, stderr] = &ends.streams;
        let mut given = vec![stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), its_end.as_fd()];
        given.extend(rules.as_ref().map(AsFd::as_fd));
        let id = self.forks.fork(confinement, &given)?;
        let plan = plan::encode(program, ends.terminal.as_deref(), admission.entrance());
        drop((ends, its_end));
        Tree::begin(id, control.into(), &plan, output, admission)
    }
}

#[expect(clippy::disallowed_methods, reason = "a device of the system's")]
fn ends(streams: Streams) -> io::Result<(Ends, Option<(Stdout, Stderr)>)> {
    match streams {
        Streams::Given { stdin, stdout, stderr, terminal } => {
            Ok((Ends { streams: [stdin, stdout, stderr], terminal }, None))
        }
        Streams::Captured => {
            let stdin = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            let ((out, stdout), (errors, stderr)) = (pipe_with(PipeFlags::CLOEXEC)?, pipe_with(PipeFlags::CLOEXEC)?);
            let output = (pipe::Receiver::from_owned_fd(out)?, pipe::Receiver::from_owned_fd(errors)?);
            Ok((Ends { streams: [stdin, stdout, stderr], terminal: None }, Some(output)))
        }
    }
}

/// A program with all that it starts. Dropping it ends them all.
pub struct Tree {
    /// The supervisor.
    id: u32,
    output: Mutex<Option<(Stdout, Stderr)>>,
    /// A byte to it is a signal for the program's group; its end is the end of the tree.
    control: UnixStream,
    end: tokio::sync::Mutex<End>,
    admission: Admission,
}

/// What the supervisor said of the end, as far as it came.
#[derive(Default)]
struct End {
    word: [u8; word::SIZE],
    size: usize,
}

impl Tree {
    fn begin(
        id: u32,
        mut control: std::os::unix::net::UnixStream,
        plan: &[u8],
        output: Option<(Stdout, Stderr)>,
        mut admission: Admission,
    ) -> io::Result<Self> {
        let mut said = [0; word::SIZE];
        // A supervisor that gives up before it has read all says why.
        let sent = control.write_all(plan);
        control.read_exact(&mut said).or_else(|lost| sent.and(Err(lost))).map_err(|_| lost())?;
        match said {
            [word::RUNNING, ..] => {}
            [_, number @ ..] => return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(number))),
        }
        control.set_nonblocking(true)?;
        admission.begin(id, &control)?;
        Ok(Self {
            id,
            output: Mutex::new(output),
            control: UnixStream::from_std(control)?,
            end: tokio::sync::Mutex::default(),
            admission,
        })
    }

    /// The process that all of the tree descends from.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The command lines of those of its processes that wait for no other of them: what is going on.
    pub fn command_lines(&self) -> Vec<String> {
        let processes = trees::descendants(self.id).into_iter().skip(1);
        processes.filter(|process| trees::children(*process).is_empty()).filter_map(trees::command_line).collect()
    }

    /// How much memory it may take, in MiB, when it or a process of it was ended for taking more.
    pub fn exceeded_memory(&self) -> Option<u64> {
        self.admission.exceeded_mib()
    }

    /// Whether something that the program had started in the background was ended with it. Known after its end.
    pub fn ended_others(&self) -> bool {
        self.end.try_lock().is_ok_and(|end| end.word[0] == word::ENDED_WITH_OTHERS)
    }

    /// What a captured program writes; once.
    pub fn take_output(&self) -> Option<(Stdout, Stderr)> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for the end of the program and of all that it started. Gives the program's exit code, negative for a
    /// signal. May be dropped and called again.
    ///
    /// # Errors
    /// When the system loses the process.
    pub async fn wait(&self) -> Result<i32> {
        let mut end = self.end.lock().await;
        while end.size < word::SIZE {
            self.control.readable().await.map_err(Error::internal)?;
            let from = end.size;
            match self.control.try_read(&mut end.word[from..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Without a word only a killed supervisor goes, and its processes with it.
                Ok(0) | Err(_) => return Ok(-Signal::KILL.as_raw()),
                Ok(size) => end.size += size,
            }
        }
        let [_, number @ ..] = end.word;
        let status = ExitStatus::from_raw(i32::from_ne_bytes(number));
        Ok(status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1))
    }

    /// Sends a signal to the program and its group.
    pub fn signal(&self, signal: Signal) {
        let number = u8::try_from(signal.as_raw()).expect("a signal's number is small");
        // A supervisor that is gone has nothing left to signal.
        let _ = rustix::net::send(&self.control, &[number], SendFlags::NOSIGNAL);
    }

    /// Asks all of it to end. How long that may take is for the caller to say.
    pub fn ask_to_end(&self) {
        // One that is gone needs no word.
        let _ = rustix::net::send(&self.control, &[END_YOURSELVES], SendFlags::NOSIGNAL);
    }

    /// Ends all of it and waits for that.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn kill(&self) -> Result<i32> {
        // One that is gone needs no word.
        let _ = shutdown(&self.control, Shutdown::Write);
        self.wait().await
    }
}

/// Only a supervisor that was killed says nothing.
fn lost() -> io::Error {
    io::Error::from_raw_os_error(FAILED)
}
