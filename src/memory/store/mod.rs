//! The durable store: what is acknowledged is on disk, whatever happens next.
//!
//! One at a time writes: appends a change to the journal, waits for the disk, applies it to the state in the process,
//! and answers. An add that finds nobody writing is done where the call runs; everything else goes to one thread, and
//! what waits there meanwhile shares the next fsync. The two index files follow.

mod batch;
mod capacity;
mod document;
mod index_file;
mod journal;
mod markdown;
mod new_contents;
mod opening;
mod publisher;
mod reconcile;
mod removed;
mod same;
mod schedule;
mod state;
mod writer;
mod writer_slot;

pub(crate) use batch::{Added, Draft, made_ids};
pub(crate) use capacity::Capacity;
pub(crate) use document::document;
pub(crate) use journal::Change;
pub(crate) use new_contents::NewContents;
pub(crate) use removed::{Removed, Retention};
pub(crate) use same::same_hash;
pub(crate) use state::{State, now};
pub(crate) use writer::Done;

use crate::{
    blocking::blocking,
    clock,
    error::{Error, Result},
};
use anyhow::Context as _;
use memory_ranking::Analyser;
use publisher::Publisher;
use removed::RemovedEntries;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};
use tokio::sync::{oneshot, watch};
use writer::{Request, Writer};
use writer_slot::WriterSlot;

/// A memory of at most so many entries is looked at in well under a millisecond.
const LOOKED_AT_IN_PLACE: usize = 500;

/// The memory of one folder. The caller sees to it that no other process has the folder.
pub(crate) struct Store {
    publisher: Arc<Publisher>,
    writer: Arc<WriterSlot>,
    analyser: Arc<Analyser>,
    /// Whether the ranking is there.
    ranked: watch::Receiver<bool>,
    running: Mutex<Option<Running>>,
}

/// What ends at a stop.
struct Running {
    requests: Sender<Request>,
    threads: Vec<JoinHandle<()>>,
}

impl Store {
    /// Opens a folder, or makes a new memory in it, that grows to `capacity`. What is there already stays, however much.
    ///
    /// # Errors
    /// When its files cannot be read or made; the message says which and why.
    pub(crate) fn open(folder: &Path, capacity: Capacity, retention: Retention) -> anyhow::Result<Self> {
        let analyser = Arc::new(Analyser::default());
        let publisher = Arc::new(opening::open(folder, &analyser)?);
        let removed = RemovedEntries::open(folder, retention)
            .context("memory/undo/entries cannot be used: it must be a folder that this user may write")?;
        let (requests, received) = channel();
        let (changed, changes) = channel();
        let writer = Writer::new(Arc::clone(&publisher), removed, changed, capacity);
        let writer = Arc::new(WriterSlot::new(writer));
        let files = schedule::Schedule::new(Arc::clone(&publisher));
        let (done, ranked) = watch::channel(publisher.state().ranking().is_some());
        let turn = Arc::clone(&writer);
        let mut threads = vec![
            std::thread::Builder::new().name("memory".into()).spawn(move || turn.run(&received))?,
            std::thread::Builder::new().name("memory-files".into()).spawn(move || files.run(&changes))?,
        ];
        if !*ranked.borrow() {
            let (publisher, analyser) = (Arc::clone(&publisher), Arc::clone(&analyser));
            let rank = move || rank(&publisher, &analyser, &done);
            threads.push(std::thread::Builder::new().name("memory-ranking".into()).spawn(rank)?);
        }
        let running = Mutex::new(Some(Running { requests, threads }));
        Ok(Self { publisher, writer, analyser, ranked, running })
    }

    /// What turns texts into terms for the ranking.
    pub(crate) fn analyser(&self) -> &Analyser {
        &self.analyser
    }

    /// Waits until the entries can be ranked: a second or so after a start with a hundred thousand of them.
    ///
    /// # Errors
    /// When that failed.
    pub(crate) async fn wait_until_ranked(&self) -> Result<()> {
        let mut ranked = self.ranked.clone();
        if *ranked.borrow() {
            return Ok(());
        }
        ranked.wait_for(|ranked| *ranked).await.map_err(Error::internal)?;
        Ok(())
    }

    /// Looks at the state, every edit of the index file that was made before the call included. Away from the threads
    /// that serve everybody when there is much to look at.
    ///
    /// # Errors
    /// When the bridge is stopping.
    pub(crate) async fn read<T: Send + 'static>(&self, look: impl FnOnce(&State) -> T + Send + 'static) -> Result<T> {
        if self.publisher.is_edited() {
            self.job(|writer| {
                writer.read_edits();
                Ok(())
            })
            .await?;
        }
        if self.publisher.state().len() <= LOOKED_AT_IN_PLACE {
            return Ok(look(&self.publisher.state()));
        }
        let publisher = Arc::clone(&self.publisher);
        blocking(move || look(&publisher.state())).await
    }

    /// Looks at the state as it is in the process, from a thread of its own.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.publisher.state())
    }

    /// Adds entries, all or none; returns when they are on disk.
    ///
    /// # Errors
    /// [`Error::Conflict`] for an id that is taken, [`Error::Full`] when the disk or the memory is.
    pub(crate) async fn add(&self, drafts: Vec<Draft>) -> Result<Vec<Added>> {
        let (reply, answer) = oneshot::channel();
        if let Err(request) = self.writer.take_now(Request::Add(drafts, reply)) {
            self.send(request)?;
        }
        answer.await.map_err(|_| gone())?
    }

    /// Decides on the present state and does what was decided; returns when it is on disk. What it takes away is kept to
    /// be restored.
    ///
    /// # Errors
    /// What the decision refuses, or [`Error::Full`].
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T)> + Send + 'static,
    ) -> Result<Done<T>> {
        self.job(|writer| writer.change(decide)).await
    }

    /// Decides how to bring back what a change took away, the newest one without a name, and does it. Gives the change's
    /// name.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a change that is not kept, what the decision refuses, or [`Error::Full`].
    pub(crate) async fn restore<T: Send + 'static>(
        &self,
        change_id: Option<String>,
        decide: impl FnOnce(&State, Vec<Removed>) -> Result<(Vec<Change>, T)> + Send + 'static,
    ) -> Result<(String, Done<T>)> {
        self.job(move |writer| writer.restore(change_id.as_deref(), decide)).await
    }

    async fn job<T: Send + 'static>(&self, work: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |writer: &mut Writer| {
            // Who asked may be gone; the work is done anyway.
            let _ = reply.send(work(writer));
        });
        self.send(Request::Job(job))?;
        answer.await.map_err(|_| gone())?
    }

    fn send(&self, request: Request) -> Result<()> {
        let running = self.running.lock().expect("no one panics while holding it");
        let sender = &running.as_ref().ok_or_else(closed)?.requests;
        self.writer.announce();
        sender.send(request).map_err(|_| gone())
    }

    /// Finishes what was asked and writes the files.
    pub(crate) fn close(&self) {
        let running = self.running.lock().expect("no one panics while holding it").take();
        let Some(Running { requests, threads }) = running else { return };
        drop(requests);
        for thread in threads {
            // A thread that panicked has said so; its work is in the journal.
            let _ = thread.join();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ranks a large memory beside everything else that goes on after a start.
fn rank(publisher: &Publisher, analyser: &Arc<Analyser>, done: &watch::Sender<bool>) {
    let snapshot = publisher.state().snapshot();
    let ranking = snapshot.rank(analyser);
    publisher.state_mut().take_ranking(ranking, &snapshot);
    done.send_replace(true);
}

/// Under which name a damaged file is kept beside its place.
fn aside(path: &Path) -> PathBuf {
    let when = clock::timestamp().replace([':', '.'], "-");
    let [name, kind] = [path.file_stem(), path.extension()].map(|part| part.unwrap_or_default().to_string_lossy());
    path.with_file_name(format!("{name}.damaged-{when}.{kind}"))
}

fn closed() -> Error {
    Error::unavailable("The bridge is stopping: the memory takes no more requests")
}

fn gone() -> Error {
    Error::internal(anyhow::anyhow!("the memory's writer is gone"))
}
