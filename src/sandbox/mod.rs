//! Code that runs apart from this machine, in a container of a Docker engine.

mod build;
mod container;
mod engine;
mod exec;
mod files;
mod language;
mod launcher;
mod limits;
mod notebook;
mod pool;
mod run;
mod session;
mod transcript;

pub use build::BuildImage;
pub use engine::{Diagnosis, diagnose};
pub use notebook::ExecuteNotebook;
pub use run::RunCode;
pub use session::{ListSessions, RunInSession, SessionFiles, StartSession, StopSession};

use crate::{
    error::{Error, Result},
    policy::Workspace,
    settings::Settings,
};
use engine::Engine;
use language::Languages;
use limits::Limits;
use pool::Pool;
use session::Sessions;
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long a run waits for others to end, as the terminal does.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// When to try again after that.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The engine and what runs on it, for those who read files within one workspace. Clones share the engine.
#[derive(Clone)]
pub struct Sandbox {
    image: String,
    base_image: String,
    engine: Arc<Engine>,
    limits: Limits,
    languages: Arc<Languages>,
    pool: Arc<Pool>,
    sessions: Arc<Sessions>,
    running: Arc<Semaphore>,
    max_concurrent: usize,
    output_bytes: usize,
    building: Arc<build::Shared>,
    stopping: CancellationToken,
    workspace: Arc<Workspace>,
}

impl Sandbox {
    /// Takes the sandbox's settings and looks, in the background, for an engine and for what an earlier server left.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn open(workspace: &Arc<Workspace>, settings: &Settings) -> anyhow::Result<Self> {
        let engine = Engine::open(settings)?;
        let limits = Limits::open(settings)?;
        if tokio::runtime::Handle::try_current().is_ok() {
            let first = engine.clone();
            engine.tasks.spawn(async move { first.connected().await.is_ok() });
        }
        Ok(Self {
            image: settings.sandbox_image.to_string(),
            base_image: settings.sandbox_base_image.to_string(),
            pool: Arc::new(Pool::new(&engine, &limits, settings)),
            sessions: Arc::new(Sessions::open(settings)),
            languages: Arc::new(Languages::open(&settings.sandbox_languages)?),
            running: Arc::new(Semaphore::new(settings.sandbox_max_concurrent)),
            max_concurrent: settings.sandbox_max_concurrent,
            output_bytes: settings.sandbox_output_bytes,
            building: Arc::default(),
            stopping: CancellationToken::new(),
            workspace: workspace.clone(),
            engine,
            limits,
        })
    }

    /// The same for those who read files within another workspace.
    pub(crate) fn within(&self, workspace: &Arc<Workspace>) -> Self {
        Self { workspace: workspace.clone(), ..self.clone() }
    }

    /// Ends the sessions of an agent, or of all; says how many.
    pub(crate) fn end_sessions(&self, agent: Option<&str>) -> usize {
        self.sessions.end(agent)
    }

    /// Ends what runs and removes every container.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.pool.close();
        self.sessions.end(None);
        self.engine.close().await;
    }

    /// A place among those that may run at once.
    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let place = tokio::time::timeout(MAX_WAIT, self.running.clone().acquire_owned()).await;
        match place {
            Ok(place) => place.map_err(Error::internal),
            Err(_) => Err(Error::Unavailable {
                message: format!(
                    "{} programs run in the sandbox, the most that SANDBOX_MAX_CONCURRENT allows: try again",
                    self.max_concurrent
                ),
                retry_after: Some(RETRY_AFTER),
            }),
        }
    }

    /// Does it unless the server stops first.
    async fn unless_stopping<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.stopping.cancelled() => Err(Error::unavailable("The server is stopping")),
        }
    }
}

/// `N` random bytes in hexadecimal.
fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
