//! Processes that fork. The first one is a copy of the server from when it was small; it has nothing open and forks stages.
//! A stage has made what all programs share of their confinement, and forks a supervisor for each of them. So a program is
//! started quickly however much memory the server holds by then, and the view of the disk is made once for many.
//!
//! Everything here that runs in one of them makes system calls on what was prepared before the fork, and nothing else: it
//! was copied from a process with many threads.
#![expect(unsafe_code, reason = "forks, and closes what it does not own")]

use super::{
    plan::{receive_number, receive_texts},
    signals::{ignore, reset_signals},
    supervisor,
};
use crate::policy::confine::{
    Confinement, FAILED, Failure, MOVED, MountTable, Restrictions, View, await_end, exit, fork, steadily,
};
use rustix::{
    fs::{Mode, OFlags},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        Shutdown, recvmsg, send, sendmsg, shutdown,
    },
    pipe::{PipeFlags, pipe_with},
    process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit, set_dumpable_behavior},
};
use std::{
    ffi::c_int,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::{MaybeUninit, size_of},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where such a process has its end of the socket to the server. What is received takes the numbers below.
const CHANNEL: RawFd = 10;

/// The most descriptors that come at once: a program's three streams, its supervisor's end of the control socket, and the
/// kernel's rules on paths.
const MOST_GIVEN: usize = 5;

/// An answer is a number, or below zero an error's number and, above these bits, which step of the view it comes from.
const ERROR_BITS: u32 = 12;

/// Starts the processes that all programs descend from.
pub(crate) struct ForkServer {
    state: Arc<Mutex<State>>,
    /// Its end is the end of the thread that watches what is mounted, where stages have mounts of their own.
    _watching: Option<OwnedFd>,
}

struct State {
    first: SharedFirst,
    stage: Option<Stage>,
}

/// Profiles whose programs are held to other places have stages of their own, which one process forks.
type SharedFirst = Arc<Mutex<Option<First>>>;

/// The process that forks stages. Dropping it ends it, and not what it forked.
struct First {
    process: libc::pid_t,
    channel: Channel,
}

/// A process that forks supervisors. Dropping it ends it, and not what it forked.
struct Stage {
    channel: Channel,
    view: Option<View>,
}

/// The server's end of a socket to one of them.
struct Channel(UnixStream);

impl ForkServer {
    /// One whose first process is as small as the server is now.
    ///
    /// # Errors
    /// When the system is out of something.
    pub(crate) fn open(confinement: &Confinement) -> io::Result<Self> {
        let first = Arc::new(Mutex::new(Some(First::start(confinement.restrictions())?)));
        Self::with(first, confinement)
    }

    /// One for another view of the disk: what else the confinement restricts is the same.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn beside(&self, confinement: &Confinement) -> io::Result<Self> {
        Self::with(self.lock().first.clone(), confinement)
    }

    fn with(first: SharedFirst, confinement: &Confinement) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State { first, stage: None }));
        let has_mounts = confinement.restrictions().is_some_and(Restrictions::has_processes);
        let watching = has_mounts.then(|| watch_mounts(&state)).transpose()?;
        Ok(Self { state, _watching: watching })
    }

    /// Forks a supervisor, which takes the descriptors of `given` as its own, from 0 on. Returns its process id.
    ///
    /// # Errors
    /// The system's; [`crate::policy::confine::FAILED`] when programs cannot be confined.
    pub(crate) fn fork(&self, confinement: &Confinement, given: &[BorrowedFd<'_>]) -> io::Result<u32> {
        let mut state = self.lock();
        let is_current = |stage: &&mut Stage| stage.view.as_ref().is_none_or(|view| confinement.is_current(view));
        if let Some(stage) = state.stage.as_mut().filter(is_current) {
            match stage.channel.ask(given) {
                // It was killed: another one takes its place.
                Err(error) if is_gone(&error) => {}
                answer => return answer,
            }
        }
        state.renew(confinement)?.channel.ask(given)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the stage whenever the machine's mounts change: it has a copy of each, so what is unmounted would stay in use as
/// long as it lives. Watches until what it gives is dropped.
fn watch_mounts(state: &Arc<Mutex<State>>) -> io::Result<OwnedFd> {
    let (end, watching) = pipe_with(PipeFlags::CLOEXEC)?;
    let (watched, mounts) = (Arc::downgrade(state), MountTable::open()?);
    let watch = move || {
        while mounts.wait(&end)
            && let Some(state) = watched.upgrade()
        {
            state.lock().unwrap_or_else(PoisonError::into_inner).stage = None;
        }
    };
    std::thread::Builder::new().name("mounts".into()).spawn(watch)?;
    Ok(watching)
}

impl State {
    /// Makes a stage for the disk as it is now. While what is denied is moved around it is looked for again.
    fn renew(&mut self, confinement: &Confinement) -> io::Result<&mut Stage> {
        let stage = steadily(|| self.make_stage(confinement))?;
        Ok(self.stage.insert(stage))
    }

    fn make_stage(&mut self, confinement: &Confinement) -> io::Result<Stage> {
        let view = confinement.view()?;
        let (channel, its_end) = UnixStream::pair()?;
        let given = [its_end.as_fd()];
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = first.as_mut().map(|first| first.channel.ask(&given));
        match asked.unwrap_or(Err(io::ErrorKind::BrokenPipe.into())) {
            Err(error) if is_gone(&error) => {
                first.insert(First::start(confinement.restrictions())?).channel.ask(&given)?;
            }
            asked => drop(asked?),
        }
        drop((its_end, first));
        let mut channel = Channel(channel);
        let steps = view.as_ref().map(View::steps).unwrap_or_default();
        channel.0.write_all(&steps.len().to_ne_bytes())?;
        channel.0.write_all(steps)?;
        match channel.answer() {
            Ok(_) => Ok(Stage { channel, view }),
            Err(failure) => Err(told(failure, view.as_ref())),
        }
    }
}

impl First {
    fn start(restrictions: Option<&Restrictions>) -> io::Result<Self> {
        let (channel, its_end) = UnixStream::pair()?;
        // SAFETY: the child makes system calls and nothing else.
        match unsafe { fork(0)? } {
            // SAFETY: as above.
            0 => unsafe { fork_loop(its_end.as_raw_fd(), restrictions) },
            process => Ok(Self { process, channel: Channel(channel) }),
        }
    }
}

impl Drop for First {
    fn drop(&mut self) {
        // One that was killed has no end of it open any more.
        let _ = shutdown(&self.channel.0, Shutdown::Both);
        // It ends at once: it only ever waits for the channel.
        await_end(self.process);
    }
}

impl Channel {
    /// Hands over descriptors to be forked with, and gives the new process's id.
    fn ask(&mut self, given: &[BorrowedFd<'_>]) -> io::Result<u32> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_GIVEN))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(given)), "there is room for all that is ever given");
        let count = [u8::try_from(given.len()).expect("they are few")];
        sendmsg(&self.0, &[IoSlice::new(&count)], &mut ancillary, SendFlags::NOSIGNAL)?;
        self.answer().map_err(|failure| failure.error)
    }

    /// A number that is no error.
    fn answer(&mut self) -> Result<u32, Failure> {
        let mut answer = [0; size_of::<i32>()];
        self.0.read_exact(&mut answer).map_err(|error| Failure { step: 0, error })?;
        let answer = i32::from_ne_bytes(answer);
        u32::try_from(answer).map_err(|_| {
            let number = answer.unsigned_abs();
            let error = (number & ((1 << ERROR_BITS) - 1)).cast_signed();
            Failure { step: (number >> ERROR_BITS) as usize, error: io::Error::from_raw_os_error(error) }
        })
    }
}

/// Says at which place a view failed. Callers are told that there is no confinement, and no places.
fn told(failure: Failure, view: Option<&View>) -> io::Error {
    let is_again = failure.error.raw_os_error() == Some(MOVED);
    let Some(step) = failure.step.checked_sub(1).filter(|_| !is_again) else { return failure.error };
    let place = view.and_then(|view| view.place(step)).unwrap_or_default();
    let error = failure.error;
    tracing::error!("commands cannot be confined and so do not run: {} cannot be covered: {error}", place.display());
    io::Error::from_raw_os_error(FAILED)
}

/// Whether an error says that there is nobody at the other end.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// What the first process does all its life. It ends when the server does.
///
/// # Safety
/// Only in a process that was just forked: it closes all descriptors but that of the channel.
unsafe fn fork_loop(channel: RawFd, restrictions: Option<&Restrictions>) -> ! {
    // SAFETY: as the caller promises.
    let mut channel = unsafe {
        libc::dup2(channel, CHANNEL);
        close_others();
        OwnedFd::from_raw_fd(CHANNEL)
    };
    // Ctrl-C and the end of a terminal are for the server to answer.
    let _ = rustix::process::setsid();
    // No file system is in use for it.
    let _ = rustix::process::chdir(c"/");
    reset_signals();
    ignore(libc::SIGTERM);
    // The kernel reaps what is forked from here on: its end is told to the server by itself.
    ignore(libc::SIGCHLD);
    let _ = rustix::thread::set_name(c"bridge-forks");
    let _ = go_first_when_memory_ends();
    while receive(&channel).is_some() {
        // SAFETY: the child makes system calls and nothing else.
        let process = unsafe { fork(0) };
        if matches!(process, Ok(0)) {
            // SAFETY: one descriptor came, for the child alone.
            unsafe { serve(&mut channel, restrictions) };
        }
        answer_and_close(&channel, number(&process));
    }
    exit(0)
}

/// What a stage does all its life, with its channel as the one descriptor that came. It ends when the server has no more
/// use for it.
///
/// # Safety
/// Only in a process that was just forked, after one descriptor came: it closes all but that.
unsafe fn serve(channel: &mut OwnedFd, restrictions: Option<&Restrictions>) -> ! {
    // SAFETY: as the caller promises.
    unsafe {
        let came = OwnedFd::from_raw_fd(0);
        let _ = rustix::io::dup2(&came, channel);
        drop(came);
        close_others();
    }
    let steps = receive_number(channel.as_fd()).and_then(|size| receive_texts(channel.as_fd(), size));
    let steps = steps.map_err(|error| Failure { step: 0, error });
    let prepared = steps
        .and_then(|steps| restrictions.map_or(Ok(steps), |restrictions| restrictions.prepare(steps).map(|()| steps)));
    answer_and_close(channel, prepared.as_ref().map_or_else(in_one_number, |_| 0));
    let Ok(steps) = prepared else { exit(1) };
    while let Some(given) = receive(channel) {
        // SAFETY: the child makes system calls and nothing else.
        let process = unsafe { restrictions.map_or_else(|| fork(0), |restrictions| restrictions.fork()) };
        if matches!(process, Ok(0)) {
            // SAFETY: that many descriptors came, for the child alone, which has no more use for the channel.
            unsafe {
                libc::close(channel.as_raw_fd());
                supervisor::run(restrictions, steps, given);
            }
        }
        answer_and_close(channel, number(&process));
    }
    exit(0)
}

/// A process, or the error as a negative number.
fn number(process: &io::Result<libc::pid_t>) -> i32 {
    process.as_ref().map_or_else(|error| -error.raw_os_error().unwrap_or(libc::EIO), |process| *process)
}

/// The step and the error as a negative number.
fn in_one_number(failure: &Failure) -> i32 {
    let step = i32::try_from(failure.step).ok().and_then(|step| step.checked_mul(1 << ERROR_BITS)).unwrap_or(0);
    -(step | failure.error.raw_os_error().unwrap_or(libc::EIO))
}

/// Answers, and closes what came.
fn answer_and_close(channel: &OwnedFd, answer: i32) {
    // SAFETY: what came has no owner.
    unsafe { close_from(0, CHANNEL - 1) };
    let _ = send(channel, &answer.to_ne_bytes(), SendFlags::NOSIGNAL);
}

/// Waits for what comes to be forked with: the kernel gives it the lowest numbers, which are all free, and nobody owns it.
/// Returns how many descriptors came; none when the server is gone.
fn receive(channel: &OwnedFd) -> Option<usize> {
    let (mut count, mut space) = ([0], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_GIVEN))]);
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut count)];
    let come = rustix::io::retry_on_intr(|| recvmsg(channel, &mut parts, &mut ancillary, RecvFlags::empty()));
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            descriptors.for_each(std::mem::forget);
        }
    }
    come.is_ok_and(|message| message.bytes == 1).then_some(count[0].into())
}

/// Closes all descriptors but the channel's.
///
/// # Safety
/// As [`close_from`].
unsafe fn close_others() {
    // SAFETY: as the caller promises.
    unsafe {
        close_from(0, CHANNEL - 1);
        close_from(CHANNEL + 1, c_int::MAX);
    }
}

/// Closes the descriptors from `first` to `last`.
///
/// # Safety
/// Nobody may use them any more.
unsafe fn close_from(first: c_int, last: c_int) {
    // SAFETY: as the caller promises. rustix has no such call.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, last, 0) == 0 {
            return;
        }
        // Linux before 5.9: no descriptor has a number past the limit.
        let most = getrlimit(Resource::Nofile).current.and_then(|limit| c_int::try_from(limit).ok());
        for descriptor in first..=last.min(most.unwrap_or(c_int::MAX)) {
            libc::close(descriptor);
        }
    }
}

/// When the machine runs out of memory, a command goes before the server does: what is forked here inherits it.
#[expect(clippy::disallowed_methods, reason = "the kernel's file on this process")]
fn go_first_when_memory_ends() -> io::Result<()> {
    // The files of a process that hides its memory are the superuser's.
    let before = dumpable_behavior()?;
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    let file = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    let _ = file.map(|file| rustix::io::write(&file, b"800"));
    Ok(set_dumpable_behavior(before)?)
}
