//! All processes: those that run, and those that ran within the last day.

use super::{
    journal::{Journal, Past},
    log::Log,
    process::{Ending, Process, Record, State, Status},
    running::{Adopted, Output, Running, StartRequest},
    tickets::Tickets,
};
use crate::{
    arguments::clean_beginning,
    blocking::blocking,
    caller::{Caller, Keys, since_agents},
    clock,
    error::{Error, Result},
    policy::{confine::Level, private},
    settings::Settings,
    terminal::spawn::Spawner,
};
use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many processes that are over are remembered at most, however young they are.
const MAX_PAST: usize = 1000;

/// How many more than that there may be before the oldest are removed: not one at each start.
const SLACK: usize = 100;

/// How often a start looks for what is too old.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// How many may watch at once, over all processes.
const MAX_WATCHERS: usize = 256;

/// How much of a command line is kept, in characters.
const COMMAND_MAX: usize = 16 << 10;

const MIB: u64 = 1024 * 1024;

/// The processes of the bridge, for those whose programs one spawner starts. Clones share them.
#[derive(Clone)]
pub struct Processes {
    spawner: Arc<Spawner>,
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    max_running: usize,
    pub(super) tickets: Arc<Tickets>,
    seats: Arc<Semaphore>,
}

/// Where a process comes from.
pub struct Origin {
    /// What is run, as the caller sent it.
    pub command: String,
    /// The folder that it runs in.
    pub cwd: PathBuf,
    /// Columns and rows of its terminal, if it gets one.
    pub size: Option<(u16, u16)>,
    /// Who asked for it.
    pub caller: String,
    /// Whether the person was asked about it, too.
    pub is_approved: bool,
}

/// What the tasks that look after processes share.
struct Shared {
    keys: Arc<Keys>,
    folder: PathBuf,
    journal: Journal,
    all: Mutex<Known>,
    /// How much the output of one process may take, in bytes.
    ring: u64,
    /// How much the output of all of them may take, in bytes.
    disk: u64,
    keep: Duration,
}

struct Known {
    next: u64,
    /// When the old were last removed.
    forgot: Instant,
    processes: BTreeMap<u64, Arc<Process>>,
}

impl Processes {
    /// Reads what ran before under `memory`; `spawner` starts what runs from now on. `keys` are in no list.
    ///
    /// # Errors
    /// When the folder cannot be made or its list cannot be read.
    pub fn open(settings: &Settings, memory: &Path, spawner: Arc<Spawner>, keys: Arc<Keys>) -> anyhow::Result<Self> {
        let folder = memory.join("processes");
        let failed = || format!("{} cannot be used: this user must be able to write there", folder.display());
        private::create_folder(&folder).with_context(failed)?;
        let (journal, past) = Journal::open(folder.join("list.jsonl")).with_context(failed)?;
        let processes = past.processes.into_iter().map(|(number, (record, ending))| {
            let log = Log::open(folder.join(record.id()), record.pty);
            let ending = ending.unwrap_or_else(|| Ending::now(Status::Lost, None));
            (number, Process::past(record, log, ending))
        });
        let all = Mutex::new(Known { next: past.next, forgot: Instant::now(), processes: processes.collect() });
        let shared = Shared {
            keys,
            folder,
            journal,
            all,
            ring: settings.process_output_mib.saturating_mul(MIB),
            disk: settings.process_disk_mib.saturating_mul(MIB),
            keep: Duration::from_secs(settings.process_keep_hours.saturating_mul(3600)),
        };
        shared.forget_the_old();
        let max_running = settings.max_processes;
        Ok(Self {
            spawner,
            shared: Arc::new(shared),
            slots: Arc::new(Semaphore::new(max_running.min(Semaphore::MAX_PERMITS))),
            max_running,
            tickets: Arc::default(),
            seats: Arc::new(Semaphore::new(MAX_WATCHERS)),
        })
    }

    /// The same processes for those whose programs another spawner starts.
    pub(crate) fn within(&self, spawner: &Arc<Spawner>) -> Self {
        Self { spawner: spawner.clone(), ..self.clone() }
    }

    /// What starts programs.
    pub fn spawner(&self) -> &Arc<Spawner> {
        &self.spawner
    }

    /// The process id, where a command can use it.
    pub fn shown_pid(&self, process: &Process) -> Option<u32> {
        (self.spawner.confinement().level == Level::None).then_some(process.record.pid)
    }

    /// Starts a process and looks after it from then on.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many run; else as `Running::start`.
    pub async fn start(&self, order: StartRequest, text: String, caller: &str) -> Result<Arc<Process>> {
        let slot = self.slot()?;
        let shared = self.shared.clone();
        let origin = Origin {
            command: text,
            cwd: order.command.directory().to_owned(),
            size: order.size,
            caller: caller.to_owned(),
            is_approved: order.command.is_approved(),
        };
        let spawner = self.spawner.clone();
        let start = move || shared.begin(origin, |output| Running::start(&spawner, &order, output));
        let process = blocking(start).await??;
        tokio::spawn(look_after(self.shared.clone(), process.clone(), slot));
        Ok(process)
    }

    /// A place for one more process, until it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when all are taken.
    pub fn slot(&self) -> Result<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().map_err(|_| {
            let most = self.max_running;
            Error::unavailable(format!(
                "{most} processes run already: stop one (terminal_processes names them) or raise MAX_PROCESSES"
            ))
        })
    }

    /// Looks after a program that runs already, with what it wrote until now.
    ///
    /// # Errors
    /// As `Running::adopt`; the program is ended then.
    pub async fn adopt(&self, slot: OwnedSemaphorePermit, origin: Origin, adopted: Adopted) -> Result<Arc<Process>> {
        let shared = self.shared.clone();
        let begin = move || shared.begin(origin, |output| Running::adopt(adopted, output));
        let process = blocking(begin).await??;
        tokio::spawn(look_after(self.shared.clone(), process.clone(), slot));
        Ok(process)
    }

    fn find(&self, id: &str) -> Option<Arc<Process>> {
        let number = id.trim().strip_prefix("proc_").and_then(|number| number.parse::<u64>().ok());
        number.and_then(|number| self.shared.known().processes.get(&number).cloned())
    }

    /// The process of this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or none any more.
    pub fn get(&self, caller: &Caller, id: &str) -> Result<Arc<Process>> {
        self.find(id)
            .filter(|process| caller.sees(&process.record.caller))
            .ok_or_else(|| Error::NotFound(format!("No process {id:?}: terminal_processes names those that are there")))
    }

    /// The command of a process that runs since the person said yes to it.
    pub(crate) fn approved(&self, id: &str) -> Option<String> {
        self.find(id).filter(|process| process.record.is_approved).map(|process| process.record.command.clone())
    }

    /// Takes a one-time ticket for a process and says who asked for it.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is unknown, used, too old or for another process.
    pub fn take_ticket(&self, ticket: &str, id: &str) -> Result<Caller> {
        self.tickets.take(ticket, id)
    }

    /// A place to watch from, until it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when all are taken.
    pub fn seat(&self) -> Result<OwnedSemaphorePermit> {
        self.seats.clone().try_acquire_owned().map_err(|_| {
            Error::unavailable(format!("{MAX_WATCHERS} watch already: close one, or read with terminal_poll"))
        })
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> Vec<Arc<Process>> {
        self.shared.forget_the_old();
        self.shared.known().processes.values().rev().cloned().collect()
    }

    /// Stops those of an agent, or of all, the whole trees; says how many.
    pub(crate) async fn stop_all(&self, agent: Option<&str>) -> usize {
        let running = self.newest_first().into_iter().filter(|process| process.state().ending.is_none());
        let chosen = running.filter(|process| agent.is_none_or(|agent| agent == since_agents(&process.record.caller)));
        futures::future::join_all(chosen.map(|process| async move { process.stop().await })).await.len()
    }

    /// Stops all that run, the whole trees.
    pub async fn close(&self) {
        self.slots.close();
        self.stop_all(None).await;
    }
}

/// Waits for the end of a process and keeps it.
async fn look_after(shared: Arc<Shared>, process: Arc<Process>, slot: OwnedSemaphorePermit) {
    let Some(ending) = process.finish().await else { return };
    drop(slot);
    let number = process.record.number;
    let kept = blocking(move || shared.journal.ended(number, &ending)).await;
    if let Err(error) = kept {
        tracing::warn!(%error, "the end of a process was not kept");
    }
}

impl Shared {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.all.lock().expect("no one panics while holding it")
    }

    /// Begins a process with `start`; blocks for as long as that takes.
    fn begin(&self, origin: Origin, start: impl FnOnce(Output) -> Result<Arc<Running>>) -> Result<Arc<Process>> {
        if self.is_time_to_forget() {
            self.forget_the_old();
        }
        let number = {
            let mut known = self.known();
            known.next += 1;
            known.next - 1
        };
        let mut record = Record {
            number,
            command: clean_beginning(&origin.command, COMMAND_MAX, &self.keys.secrets()),
            cwd: origin.cwd.to_string_lossy().into_owned(),
            pty: origin.size.is_some(),
            caller: origin.caller,
            is_approved: origin.is_approved,
            started: clock::timestamp(),
            pid: 0,
        };
        let log = Log::create(self.folder.join(record.id()), self.ring, record.pty);
        let state = watch::Sender::new(State { size: origin.size, ..State::default() });
        let grown = {
            let (log, state) = (log.clone(), state.clone());
            Box::new(move || state.send_modify(|state| state.end = log.span().1))
        };
        let running = start(Output { log: log.clone(), grown })?;
        record.pid = running.id();
        let process = Process::begun(record, log, state, running);
        self.known().processes.insert(number, process.clone());
        self.journal.began(&process.record);
        Ok(process)
    }

    fn is_time_to_forget(&self) -> bool {
        let known = self.known();
        known.processes.len() > MAX_PAST + SLACK || known.forgot.elapsed() > FORGET_EVERY
    }

    /// Removes what is too old, and the oldest of what is too much.
    fn forget_the_old(&self) {
        let mut gone = Vec::new();
        {
            let mut known = self.known();
            known.forgot = Instant::now();
            let mut past: Vec<(u64, Arc<Process>, Duration)> = known.processes.values().filter_map(over).collect();
            past.sort_by_key(|(number, _, age)| (*age, std::cmp::Reverse(*number)));
            let mut size = 0;
            for (place, (number, process, age)) in past.into_iter().enumerate() {
                size += process.log.size();
                if age > self.keep || place >= MAX_PAST || size > self.disk {
                    gone.extend(known.processes.remove(&number));
                }
            }
        }
        for process in &gone {
            process.log.remove();
            self.journal.removed(process.record.number);
        }
        if !gone.is_empty() {
            self.journal.tidy(MAX_PAST, || self.past());
        }
    }

    fn past(&self) -> Past {
        let known = self.known();
        let entry = |process: &Arc<Process>| (process.record.clone(), process.state().ending);
        let processes = known.processes.iter().map(|(number, process)| (*number, entry(process))).collect();
        Past { next: known.next, processes }
    }
}

fn over(process: &Arc<Process>) -> Option<(u64, Arc<Process>, Duration)> {
    let age = process.state().ending?.age();
    Some((process.record.number, process.clone(), Duration::from_secs(age.as_secs())))
}
