//! One container: started with its streams attached, removed by force when it is dropped.

use super::{
    engine::{Connection, Engine},
    limits::{Limits, USER, WORKSPACE},
};
use crate::error::{Error, Result};
use bollard::{
    container::LogOutput,
    errors::Error as EngineError,
    models::ContainerCreateBody,
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions, StartContainerOptions,
    },
};
use futures::Stream;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::io::AsyncWrite;

/// How long making and starting a container may take: an engine that is busy takes seconds, one that hangs for ever.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a refused start waits for what was made to be removed.
const REMOVAL_TIME: Duration = Duration::from_secs(3);

/// How long a container whose streams ended may take to end.
const END_TIME: Duration = Duration::from_secs(1);

/// What a container writes, frame by frame.
pub(super) type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, EngineError>> + Send>>;
/// A container's standard input.
pub(super) type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// What to start.
pub(super) struct Spec {
    pub image: String,
    /// What it is for, for its label: `run`, `session`.
    pub purpose: &'static str,
    pub command: Vec<String>,
    pub environment: Vec<String>,
    /// How long it can be needed at most.
    pub lifetime: Duration,
}

/// A container that runs, and its streams.
pub(super) struct Started {
    pub container: Container,
    pub input: Input,
    pub output: Output,
}

/// A container of ours. Dropping it removes it, running or not.
pub(super) struct Container {
    id: String,
    connection: Arc<Connection>,
    engine: Arc<Engine>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The engine was asked to make it and has not answered.
    Asked,
    Made,
    Removed,
}

/// Makes, attaches and starts. The work goes on when the caller is gone, so that what was made is also removed.
///
/// # Errors
/// When there is no engine or no such image, or the engine refuses; nothing is left then.
pub(super) async fn start(engine: &Arc<Engine>, limits: &Limits, spec: Spec) -> Result<Started> {
    let (engine, limits, image) = (engine.clone(), limits.clone(), spec.image.clone());
    let tasks = engine.tasks.clone();
    let work = tasks.spawn(async move {
        let connection = engine.connected().await?;
        let made = tokio::time::timeout(START_TIMEOUT, make(&engine, &connection, &limits, spec)).await;
        match made {
            Ok(Ok(started)) => Ok(started),
            Ok(Err(cause)) => Err(engine.explain(cause, &image)),
            Err(_) => Err(Error::unavailable("The Docker engine does not start a container in time")),
        }
    });
    work.await.map_err(Error::internal)?
}

async fn make(
    engine: &Arc<Engine>,
    connection: &Arc<Connection>,
    limits: &Limits,
    spec: Spec,
) -> Result<Started, EngineError> {
    let docker = &connection.docker;
    let name = format!("bridge-sandbox-{}", super::random_hex::<6>());
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let body = body(spec, limits, engine, connection.is_podman);
    let mut container =
        Container { id: name, connection: connection.clone(), engine: engine.clone(), stage: Stage::Asked };
    match docker.create_container(Some(options), body).await {
        Ok(made) => (container.id, container.stage) = (made.id, Stage::Made),
        Err(cause) => {
            if matches!(cause, EngineError::DockerResponseServerError { .. }) {
                container.stage = Stage::Removed;
            }
            return Err(cause);
        }
    }
    let attach = AttachContainerOptionsBuilder::default().stdin(true).stdout(true).stderr(true).stream(true).build();
    let started = async {
        let streams = docker.attach_container(&container.id, Some(attach)).await?;
        docker.start_container(&container.id, None::<StartContainerOptions>).await?;
        Ok(streams)
    };
    match started.await {
        Ok(streams) => Ok(Started { container, input: streams.input, output: streams.output }),
        Err(cause) => {
            // Gone before the answer, where the engine is there to do it.
            let _ = tokio::time::timeout(REMOVAL_TIME, container.remove()).await;
            Err(cause)
        }
    }
}

fn body(spec: Spec, limits: &Limits, engine: &Engine, is_podman: bool) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(spec.image),
        labels: Some(engine.labels(spec.purpose, spec.lifetime)),
        // An image's own entrypoint would change what is run.
        entrypoint: Some(spec.command),
        cmd: Some(vec![]),
        env: Some(spec.environment),
        user: Some(USER.to_owned()),
        working_dir: Some(WORKSPACE.to_owned()),
        hostname: Some("sandbox".to_owned()),
        // Halves the start: no network is set up at all.
        network_disabled: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The end of our stream is the end of the program's input.
        stdin_once: Some(true),
        healthcheck: Some(bollard::models::HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
        host_config: Some(limits.host_config(is_podman)),
        ..ContainerCreateBody::default()
    }
}

impl Container {
    /// Removes it by force and waits until it is gone (about 0.1 s).
    pub(crate) async fn remove(mut self) {
        let removal = self.spawn_removal();
        self.stage = Stage::Removed;
        // On a task of its own: a caller that goes away meanwhile does not stop it.
        let _ = removal.await;
    }

    /// Sends a signal to its first process.
    pub(crate) async fn signal(&self, name: &str) -> Result<(), EngineError> {
        let options = bollard::query_parameters::KillContainerOptionsBuilder::default().signal(name).build();
        self.connection.docker.kill_container(&self.id, Some(options)).await
    }

    /// The exit code of the first process and whether the memory limit was hit, once its streams have ended; `None` when
    /// the engine does not know (any more), or when it goes on and only its streams were lost.
    pub(crate) async fn end(&self) -> Option<(i64, bool)> {
        let end_by = tokio::time::Instant::now() + END_TIME;
        loop {
            let inspected = self.connection.docker.inspect_container(&self.id, None::<InspectContainerOptions>).await;
            let state = inspected.ok()?.state?;
            if state.running != Some(true) {
                return Some((state.exit_code?, state.oom_killed.unwrap_or(false)));
            }
            if tokio::time::Instant::now() > end_by {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The engine it runs on.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Its name for the engine.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// An engine's refusal about it, in the domain's words.
    pub(crate) fn explain(&self, cause: EngineError) -> Error {
        self.engine.explain(cause, "of this container")
    }

    fn spawn_removal(&self) -> tokio::task::JoinHandle<()> {
        let (id, stage, connection, engine) =
            (self.id.clone(), self.stage, self.connection.clone(), self.engine.clone());
        self.engine.tasks.spawn(async move {
            match stage {
                Stage::Asked => engine.remove_if_made(&connection.docker, &id).await,
                _ => engine.remove(&connection.docker, &id).await,
            }
        })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Outside a runtime nothing can be sent: the next start's sweep removes it.
        if self.stage != Stage::Removed && tokio::runtime::Handle::try_current().is_ok() {
            self.spawn_removal();
        }
    }
}
