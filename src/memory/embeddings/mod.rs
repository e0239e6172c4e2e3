//! Meaning beyond words, where a server for embeddings is set: entries are turned into vectors in the background.

mod provider;
mod vectors;

pub use vectors::key;

use super::store::Store;
use crate::settings::Settings;
use anyhow::{Context, Result};
use provider::Provider;
use std::{
    path::Path,
    sync::{Arc, Mutex, RwLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use vectors::Vectors;

/// Texts of one request to the server.
const BATCH: usize = 64;

/// How often the memory is looked at for entries without a vector.
const LOOK: Duration = Duration::from_millis(500);

/// How long a server that failed is left alone.
const PAUSE: Duration = Duration::from_secs(15);

/// How long a question may wait for its vector.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the vectors of a batch may take.
const BATCH_PATIENCE: Duration = Duration::from_secs(120);

/// The vectors of the memory and the server that makes them.
pub struct Embeddings {
    questions: Provider,
    vectors: Arc<RwLock<Vectors>>,
    /// When the server last failed a question, and why.
    failed: Mutex<Option<(Instant, String)>>,
    worker: Mutex<Option<(DropGuard, JoinHandle<()>)>>,
}

/// A question's meaning.
pub struct Asked {
    vectors: Arc<RwLock<Vectors>>,
    vector: Vec<f32>,
}

impl Embeddings {
    /// Starts the work that the settings ask for; `None` when they ask for none.
    ///
    /// # Errors
    /// When the file of vectors cannot be opened.
    pub fn open(settings: &Settings, folder: &Path, store: &Arc<Store>) -> Result<Option<Self>> {
        let Some(url) = settings.memory_embeddings_url.as_deref() else { return Ok(None) };
        let (model, key) = (&settings.memory_embeddings_model, &settings.memory_embeddings_key);
        let path = folder.join("index_memory.vectors");
        let vectors = Vectors::open(&path, model)
            .with_context(|| format!("{} cannot be opened: it must be a file of this user", path.display()))?;
        let vectors = Arc::new(RwLock::new(vectors));
        let worker = Worker {
            provider: Provider::new(url, model, key.clone(), BATCH_PATIENCE)?,
            vectors: Arc::clone(&vectors),
            store: Arc::clone(store),
            seen: None,
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
    pub async fn ask(&self, question: &str) -> Result<Asked, String> {
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
    pub fn close(&self) {
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
    pub fn similarity(&self, keys: &[u64]) -> Vec<f32> {
        let vectors = self.vectors.read().expect("no one panics while changing it");
        keys.iter().map(|key| vectors.similarity(*key, &self.vector).unwrap_or(0.0)).collect()
    }
}

/// The thread that makes vectors.
struct Worker {
    provider: Provider,
    vectors: Arc<RwLock<Vectors>>,
    store: Arc<Store>,
    /// The change up to which every entry has a vector.
    seen: Option<u64>,
    failing: bool,
}

impl Worker {
    fn run(mut self, stopped: &CancellationToken) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return tracing::warn!("no thread for embeddings could be started") };
        runtime.block_on(stopped.run_until_cancelled(async {
            loop {
                let pause = self.work().await;
                tokio::time::sleep(pause).await;
            }
        }));
    }

    /// Makes what is missing; says how long to wait before looking again.
    async fn work(&mut self) -> Duration {
        let (applied, missing) = self.missing();
        for batch in missing.chunks(BATCH) {
            let (keys, texts): (Vec<u64>, Vec<String>) = batch.iter().cloned().unzip();
            match self.provider.embed(&texts).await {
                Ok(vectors) => self.keep(&keys, &vectors),
                Err(error) => {
                    if !self.failing {
                        tracing::warn!(
                            "the embeddings server cannot be used: {error:#}; recall goes by the words alone"
                        );
                    }
                    self.failing = true;
                    return PAUSE;
                }
            }
        }
        self.failing = false;
        self.seen = Some(applied);
        LOOK
    }

    fn keep(&self, keys: &[u64], vectors: &[Vec<f32>]) {
        let mut known = self.vectors.write().expect("no one panics while changing it");
        if let Err(error) = known.add(keys, vectors) {
            tracing::warn!(%error, "memory/index_memory.vectors cannot be written; its vectors last until the stop");
        }
    }

    /// Contents without a vector.
    fn missing(&self) -> (u64, Vec<(u64, String)>) {
        self.store.look(|state| {
            if self.seen == Some(state.applied) {
                return (state.applied, vec![]);
            }
            let known = self.vectors.read().expect("no one panics while changing it");
            let entries = state.entries().filter(|entry| !entry.content.trim().is_empty());
            let keyed = entries.map(|entry| (key(&entry.content), entry));
            let mut missing: Vec<(u64, String)> = keyed
                .filter(|(key, _)| !known.contains(*key))
                .map(|(key, entry)| (key, entry.content.to_string()))
                .collect();
            missing.sort_by_key(|(key, _)| *key);
            missing.dedup_by_key(|(key, _)| *key);
            (state.applied, missing)
        })
    }
}
