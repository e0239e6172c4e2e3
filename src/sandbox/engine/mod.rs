//! The Docker engine, or Podman's likeness of it, wherever it is. Everything goes through its API: nothing here assumes
//! that the engine sees this machine's files.

mod address;
mod diagnosis;
mod owner;
mod removal;
mod ssh;

pub use diagnosis::{Diagnosis, diagnose};

use crate::{error::Error, settings::Settings};
use address::Address;
use bollard::{BollardRequest, Docker, errors::Error as EngineError, query_parameters::ListContainersOptionsBuilder};
use owner::Owner;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The newest API that this code was written against. An older engine's own is taken (Debian 12's speaks 1.41).
const NEWEST_API: (u32, u32) = (1, 47);

/// How long an engine may take to say its version; an SSH connection is made in this time.
const GREETING_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a stop waits for containers to be removed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The contract's word for an engine that does not answer.
const MISSING: &str = "Docker not available. Install Docker to use sandbox.";

/// The engine: found when it is first needed, found again after it went away.
pub(super) struct Engine {
    candidates: Vec<Address>,
    current: Mutex<Option<Arc<Connection>>>,
    owner: Owner,
    /// Work that goes on when its caller is gone: removals above all.
    pub tasks: TaskTracker,
    /// Set when the server stops: what waits for an engine that is gone gives up.
    closing: CancellationToken,
}

/// An engine that answered.
pub(super) struct Connection {
    pub docker: Docker,
    /// Podman takes no seccomp profile through the API, only a path on its machine: its own profile holds there.
    pub is_podman: bool,
}

impl Engine {
    /// # Errors
    /// When a setting cannot be understood.
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            candidates: Address::candidates(settings)?,
            current: Mutex::default(),
            owner: Owner::this(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        }))
    }

    /// The labels of a container for `purpose` that is needed no longer than `lifetime`.
    pub(crate) fn labels(&self, purpose: &str, lifetime: Duration) -> HashMap<String, String> {
        self.owner.labels(purpose, lifetime)
    }

    /// The engine, connected to. The first connection also removes what an earlier server left.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none answers.
    pub(crate) async fn connected(self: &Arc<Self>) -> Result<Arc<Connection>, Error> {
        if let Some(connection) = self.current.lock().expect("no one panics while holding it").clone() {
            return Ok(connection);
        }
        for address in &self.candidates {
            match greet(address).await {
                Ok(connection) => {
                    let connection = Arc::new(connection);
                    self.adopt(&connection);
                    return Ok(connection);
                }
                Err(cause) => tracing::debug!(?address, cause, "no engine"),
            }
        }
        Err(Error::unavailable(MISSING))
    }

    fn adopt(self: &Arc<Self>, connection: &Arc<Connection>) {
        let previous = self.current.lock().expect("no one panics while holding it").replace(connection.clone());
        if previous.is_none() {
            let (engine, connection) = (self.clone(), connection.clone());
            self.tasks.spawn(async move { engine.sweep(&connection).await });
        }
    }

    /// Removes the containers of servers that are gone.
    async fn sweep(&self, connection: &Connection) {
        let filters = HashMap::from([("label".to_owned(), vec![owner::PURPOSE.to_owned()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = match connection.docker.list_containers(Some(options)).await {
            Ok(found) => found,
            Err(cause) => return tracing::warn!(%cause, "the engine does not list its containers"),
        };
        let mine =
            found.into_iter().filter(|one| self.owner.is_abandoned(one.labels.as_ref().unwrap_or(&HashMap::new())));
        for id in mine.filter_map(|container| container.id) {
            tracing::info!(id, "removing a container that an earlier server left");
            self.remove(&connection.docker, &id).await;
        }
    }

    /// An engine's refusal in the domain's words. A lost connection is looked for anew by the next call.
    pub(crate) fn explain(&self, cause: EngineError, image: &str) -> Error {
        match cause {
            EngineError::DockerResponseServerError { status_code: 404, message } if is_about_image(&message) => {
                missing_image(image)
            }
            EngineError::DockerResponseServerError { message, .. } if is_about_gpu(&message) => {
                Error::unavailable(format!(
                    "The engine has no driver for graphics processors: {}. Install the NVIDIA Container Toolkit there, \
                     or set SANDBOX_GPU to none",
                    message.trim()
                ))
            }
            EngineError::DockerResponseServerError { status_code, message } => {
                Error::Failed(format!("The Docker engine refused ({status_code}): {}", message.trim()))
            }
            EngineError::RequestTimeoutError => Error::unavailable("The Docker engine does not answer in time"),
            cause => {
                tracing::warn!(%cause, "the engine went away");
                self.current.lock().expect("no one panics while holding it").take();
                Error::unavailable(MISSING)
            }
        }
    }

    /// Waits until everything that was to be removed is.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("stopping although containers are not removed yet: the next start removes them");
        }
    }
}

/// The contract's word for an image that is not there.
pub(super) fn missing_image(image: &str) -> Error {
    Error::unavailable(format!("Sandbox image '{image}' not found. Build it first: call sandbox_build"))
}

/// "No such image: x" (Docker), "image not known" (Podman).
fn is_about_image(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("image") && ["no such", "not known", "not found"].iter().any(|words| message.contains(words))
}

fn is_about_gpu(message: &str) -> bool {
    let message = message.to_lowercase();
    ["could not select device driver", "nvidia", "unresolvable cdi devices"].iter().any(|words| message.contains(words))
}

/// Asks for the version and pins the client to an API that both sides know: bollard negotiates but sends paths without
/// a version, which an engine takes for its newest.
async fn greet(address: &Address) -> Result<Connection, String> {
    let docker = address.client().map_err(|cause| cause.to_string())?;
    let asked = tokio::time::timeout(GREETING_TIMEOUT, docker.version()).await;
    let version = asked.map_err(|_| "it does not answer in time".to_owned())?.map_err(|cause| cause.to_string())?;
    let api = version.api_version.as_deref().and_then(parse_api).unwrap_or(NEWEST_API).min(NEWEST_API);
    let components = version.components.unwrap_or_default();
    let is_podman = components.iter().any(|part| part.name.starts_with("Podman"));
    tracing::info!(?address, version = version.version, api = format!("{}.{}", api.0, api.1), "using the engine");
    let docker = docker.with_request_modifier(move |request| versioned(request, api));
    Ok(Connection { docker, is_podman })
}

fn parse_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The same request to `/vMAJOR.MINOR/…`.
fn versioned(mut request: BollardRequest, (major, minor): (u32, u32)) -> BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", http::uri::PathAndQuery::as_str);
    let Ok(path) = format!("/v{major}.{minor}{path}").parse() else { return request };
    parts.path_and_query = Some(path);
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}
