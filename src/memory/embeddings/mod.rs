//! Meaning beyond words, where a server for embeddings is set: entries are turned into vectors in the background.

mod provider;
mod vectors;

use super::{
    entry::{Entry, key},
    store::{NewContents, Store},
};
use crate::settings::Settings;
use anyhow::{Context, Result};
use provider::Provider;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, RwLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use vectors::Vectors;

/// Texts of one request to the server.
const BATCH: usize = 64;

/// How long what comes is gathered before it is sent: a server may count requests.
const GATHER: Duration = Duration::from_millis(200);

/// How long a server that failed is left alone.
const PAUSE: Duration = Duration::from_secs(15);

/// How long a question may wait for its vector.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the vectors of a batch may take.
const BATCH_PATIENCE: Duration = Duration::from_secs(120);

/// The vectors of the memory and the server that makes them.
pub(crate) struct Embeddings {
    questions: Provider,
    vectors: Arc<RwLock<Vectors>>,
    /// When the server last failed a question, and why.
    failed: Mutex<Option<(Instant, String)>>,
    worker: Mutex<Option<(DropGuard, JoinHandle<()>)>>,
}

/// A question's meaning.
pub(crate) struct Asked {
    vectors: Arc<RwLock<Vectors>>,
    vector: Vec<f32>,
}

impl Embeddings {
    /// Starts the work that the settings ask for; `None` when they ask for none.
    ///
    /// # Errors
    /// When the file of vectors cannot be opened.
    pub(crate) fn open(settings: &Settings, folder: &Path, store: &Arc<Store>) -> Result<Option<Self>> {
        let Some(url) = settings.memory_embeddings_url.as_deref() else { return Ok(None) };
        let (model, key) = (&settings.memory_embeddings_model, &settings.memory_embeddings_key);
        let path = folder.join("index_memory.vectors");
        let vectors = Vectors::open(&path, model)
            .with_context(|| format!("{} cannot be opened: it must be a file of this user", path.display()))?;
        let vectors = Arc::new(RwLock::new(vectors));
        let worker = Worker {
            provider: Provider::new(url, model, key.clone(), BATCH_PATIENCE)?,
            vectors: Arc::clone(&vectors),
            new: store.look(|state| Arc::clone(state.new_contents())),
            store: Arc::clone(store),
            failing: false,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("memory-meaning".into()).spawn(move || worker.run(&stopped))?;
        Ok(Some(Self {
            questions: Provider::new(url, model, key.clone(), TIMEOUT)?,
            vectors,
            failed: Mutex::new(None),
            worker: Mutex::new(Some((stop.drop_guard(), thread))),
        }))
    }

    /// The meaning of a question; the error says why there is none, for the caller to read.
    pub(crate) async fn ask(&self, question: &str) -> Result<Asked, String> {
        if let Some((when, why)) = &*self.failed.lock().expect("no one panics while holding it")
            && when.elapsed() < PAUSE
        {
            return Err(why.clone());
        }
        match self.questions.embed(&[question.to_owned()]).await {
            Ok(mut vectors) => {
                *self.failed.lock().expect("no one panics while holding it") = None;
                Ok(Asked { vectors: Arc::clone(&self.vectors), vector: vectors.remove(0) })
            }
            Err(error) => {
                let why = format!("The embeddings server cannot be used ({error:#}): ranked by the words alone");
                *self.failed.lock().expect("no one panics while holding it") = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    /// Ends the work in the background, also where a server has not answered yet.
    pub(crate) fn close(&self) {
        let worker = self.worker.lock().expect("no one panics while holding it").take();
        if let Some((stop, thread)) = worker {
            drop(stop);
            // A panic in there has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Embeddings {
    fn drop(&mut self) {
        self.close();
    }
}

impl Asked {
    /// How near each of some contents is to the question, by their keys.
    pub(crate) fn similarity(&self, keys: &[u64]) -> Vec<f32> {
        let vectors = self.vectors.read().expect("no one panics while changing it");
        keys.iter().map(|key| vectors.similarity(*key, &self.vector).unwrap_or(0.0)).collect()
    }
}

/// The thread that makes vectors.
struct Worker {
    provider: Provider,
    vectors: Arc<RwLock<Vectors>>,
    store: Arc<Store>,
    new: Arc<NewContents>,
    failing: bool,
}

impl Worker {
    fn run(mut self, stopped: &CancellationToken) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return tracing::warn!("no thread for embeddings could be started") };
        runtime.block_on(stopped.run_until_cancelled(async {
            self.follow();
            loop {
                match self.batch() {
                    Some(entries) => self.embed(entries).await,
                    None => {
                        self.new.wait().await;
                        tokio::time::sleep(GATHER).await;
                    }
                }
            }
        }));
    }

    /// Wants to see each entry whose content has no vector.
    fn follow(&self) {
        self.store.look(|state| {
            let known = self.vectors.read().expect("no one panics while changing it");
            state.follow_contents(|key| known.contains(key));
        });
    }

    /// The next entries whose contents need a vector; `None` when there is nothing to do.
    fn batch(&self) -> Option<Vec<Arc<Entry>>> {
        loop {
            let ids = self.new.take(BATCH);
            if ids.is_empty() {
                return None;
            }
            let entries: Vec<Arc<Entry>> =
                self.store.look(|state| ids.iter().filter_map(|id| state.get(id).cloned()).collect());
            let known = self.vectors.read().expect("no one panics while changing it");
            let is_missing =
                |entry: &Arc<Entry>| !entry.content.trim().is_empty() && !known.contains(key(&entry.content));
            let missing: Vec<Arc<Entry>> = entries.into_iter().filter(is_missing).collect();
            if !missing.is_empty() {
                return Some(missing);
            }
        }
    }

    /// Makes the vectors of contents. What a server fails at is tried again after a while.
    async fn embed(&mut self, entries: Vec<Arc<Entry>>) {
        let contents: BTreeMap<u64, &str> =
            entries.iter().map(|entry| (key(&entry.content), &*entry.content)).collect();
        let texts: Vec<String> = contents.values().map(|text| (*text).to_owned()).collect();
        match self.provider.embed(&texts).await {
            Ok(vectors) => {
                self.failing = false;
                if self.keep(&contents.into_keys().collect::<Vec<_>>(), &vectors) {
                    self.follow();
                    // One whose vectors are of another length each time would be asked forever.
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Err(error) => {
                if !self.failing {
                    tracing::warn!("the embeddings server cannot be used: {error:#}; recall goes by the words alone");
                }
                self.failing = true;
                entries.iter().for_each(|entry| self.new.note(&entry.id));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whether the vectors there were before had to go, for they were of another length.
    fn keep(&self, keys: &[u64], vectors: &[Vec<f32>]) -> bool {
        let mut known = self.vectors.write().expect("no one panics while changing it");
        let before = known.len();
        if let Err(error) = known.add(keys, vectors) {
            tracing::warn!(%error, "memory/index_memory.vectors cannot be written; its vectors last until the stop");
        }
        known.len() < before + keys.len()
    }
}
