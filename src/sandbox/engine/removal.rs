//! Removing containers, whatever the engine does meanwhile.

use super::Engine;
use bollard::{Docker, errors::Error as EngineError, query_parameters::RemoveContainerOptionsBuilder};
use std::time::Duration;

/// The first pauses between attempts, in milliseconds.
const PAUSES: [u64; 3] = [100, 400, 1600];

/// The pause after those, for an engine that is gone.
const LONG_PAUSE: Duration = Duration::from_secs(15);

/// How long it is tried, in long pauses: an hour.
const LONG_PAUSES: usize = 240;

/// When to look for a container of which it is not known whether it was made, in seconds from the attempt before: a
/// busy engine makes it long after the connection that asked for it is gone.
const LATE: [u64; 3] = [1, 9, 50];

impl Engine {
    /// Removes a container by force, running or not. While the engine does not answer it is tried again, until the
    /// server stops: then the next start removes it.
    pub(crate) async fn remove(&self, docker: &Docker, id: &str) {
        let short = PAUSES.map(Duration::from_millis).into_iter();
        for (attempt, pause) in short.chain(std::iter::repeat_n(LONG_PAUSE, LONG_PAUSES)).enumerate() {
            match remove(docker, id).await {
                Ok(()) => return,
                Err(cause) => tracing::debug!(id, %cause, "a container is not removed yet"),
            }
            if attempt < PAUSES.len() {
                tokio::time::sleep(pause).await;
            } else if !self.pauses(pause).await {
                break;
            }
        }
        tracing::warn!(id, "a container could not be removed: the next start tries again");
    }

    /// Removes a container that may not have been made, or not yet.
    pub(crate) async fn remove_if_made(&self, docker: &Docker, name: &str) {
        self.remove(docker, name).await;
        for pause in LATE.map(Duration::from_secs) {
            if !self.pauses(pause).await {
                break;
            }
            self.remove(docker, name).await;
        }
    }

    /// Waits; false when the server stops meanwhile.
    async fn pauses(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.closing.cancelled()).await.is_err()
    }
}

/// One that is gone already is removed, too.
async fn remove(docker: &Docker, id: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(id, Some(options)).await {
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        other => other,
    }
}
