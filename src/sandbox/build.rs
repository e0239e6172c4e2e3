//! Builds the image in which code runs, from files that are part of this program.

use super::{Sandbox, engine::Engine};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use bollard::{errors::Error as EngineError, query_parameters::BuildImageOptionsBuilder};
use futures::StreamExt;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, Weak},
    time::Duration,
};
use tokio::sync::watch;

/// What an engine is sent: `sandbox/` of the sources.
const CONTEXT: [(&str, &[u8]); 2] = [
    ("Dockerfile", include_bytes!("../../sandbox/Dockerfile")),
    (".dockerignore", include_bytes!("../../sandbox/.dockerignore")),
];

/// How long a build may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How much of a failed build's output its error shows, in characters: the cause stands at the end.
const SHOWN: usize = 2_000;

/// Build the sandbox's image.
///
/// Takes minutes the first time, at most 5. Needs Docker and its access to an image registry, to Debian's packages and
/// to PyPI. Two calls at once share one build.
#[derive(Deserialize, JsonSchema)]
pub struct BuildImage {}

/// What was built.
#[derive(Serialize, JsonSchema)]
pub struct BuildOutput {
    /// The image's name.
    image: String,
    /// What happened, in a sentence.
    message: String,
}

/// The build under way, if there is one.
pub(super) type Shared = Mutex<Weak<watch::Sender<Step>>>;

/// How far a build is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `Step 3/9 : …`, as the engine says it.
    Running {
        done: u32,
        total: Option<u32>,
        line: String,
    },
    Done,
    NoEngine,
    TimedOut,
    Failed(String),
}

/// What engines, apt and pip say where they reach nobody.
static NO_NETWORK: LazyLock<Regex> = LazyLock::new(|| {
    let words = "(?i)no such host|dial tcp|i/o timeout|tls handshake timeout|temporary failure (in name resolution|resolving)|\
                 could not resolve|network is unreachable|failed to establish a new connection";
    Regex::new(words).expect("the tests try it")
});

const WITHOUT_NETWORK: &str = "The engine reached no registry or no source of packages: look at its network and its proxy \
                               (docker info), name a base image that is there already (SANDBOX_BASE_IMAGE), or bring a \
                               finished image with docker load and name it (SANDBOX_IMAGE)";

impl Capability for BuildImage {
    const NAME: &'static str = "sandbox_build";
    const ACCESS: Access = Access::Execute;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = Sandbox;
    type Output = BuildOutput;

    async fn run(self, sandbox: &Sandbox, context: &Context) -> Result<BuildOutput> {
        sandbox.unless_stopping(sandbox.build(context)).await
    }
}

impl Sandbox {
    /// Joins the build under way or starts one, and follows it to its end.
    async fn build(&self, context: &Context) -> Result<BuildOutput> {
        let mut steps = self.join_build();
        loop {
            let step = steps.borrow_and_update().clone();
            match step {
                Step::Running { done, total, line } => context.report(done.into(), total.map(f64::from), line),
                Step::Done => break,
                // The sentence is made anew for each who waits.
                Step::NoEngine => return Err(self.engine.connected().await.err().unwrap_or_else(lost)),
                Step::TimedOut => {
                    let message = format!("Docker build timed out after {}s", TIMEOUT.as_secs());
                    return Err(Error::TimedOut(message));
                }
                Step::Failed(output) => {
                    let hint = NO_NETWORK.is_match(&output).then(|| WITHOUT_NETWORK.to_owned());
                    return Err(Error::Failed(format!("Docker build failed: {output}")).with_hint(|| hint));
                }
            }
            steps.changed().await.map_err(Error::internal)?;
        }
        // What waits was started from the image before.
        self.pool.clear();
        Ok(BuildOutput { image: self.image.clone(), message: "Sandbox image built successfully".to_owned() })
    }

    fn join_build(&self) -> watch::Receiver<Step> {
        let mut shared = self.building.lock().expect("no one panics while holding it");
        if let Some(running) = shared.upgrade() {
            return running.subscribe();
        }
        let first = Step::Running { done: 0, total: None, line: "looking for the engine".to_owned() };
        let (sender, receiver) = watch::channel(first);
        let sender = Arc::new(sender);
        *shared = Arc::downgrade(&sender);
        let build = Build { engine: self.engine.clone(), image: self.image.clone(), base: self.base_image.clone() };
        self.engine.tasks.spawn(async move {
            // When the last who follows goes away, the connection closes, and the engine stops building.
            let last = tokio::select! {
                last = tokio::time::timeout(TIMEOUT, build.run(&sender)) => last.unwrap_or(Step::TimedOut),
                () = sender.closed() => return tracing::info!("the build is cancelled: nobody waits for it"),
            };
            sender.send_replace(last);
        });
        receiver
    }
}

fn lost() -> Error {
    Error::unavailable("The Docker engine went away during the build: try again")
}

struct Build {
    engine: Arc<Engine>,
    image: String,
    base: String,
}

impl Build {
    async fn run(&self, steps: &watch::Sender<Step>) -> Step {
        let Ok(connection) = self.engine.connected().await else { return Step::NoEngine };
        let arguments = HashMap::from([("BASE_IMAGE", self.base.as_str())]);
        let options = BuildImageOptionsBuilder::default().t(&self.image).rm(true).forcerm(true).buildargs(&arguments);
        let context = bollard::body_full(context().into());
        let mut messages = connection.docker.build_image(options.build(), None, Some(context));
        let (mut output, mut done, mut total) = (String::new(), 0, None);
        while let Some(message) = messages.next().await {
            let message = match message {
                Ok(message) => message,
                Err(EngineError::DockerResponseServerError { message, .. }) => return Step::Failed(end_of(&message)),
                Err(EngineError::DockerStreamError { error }) => return Step::Failed(end_of(&(output + &error))),
                Err(cause) => {
                    self.engine.explain(cause, &self.image);
                    return Step::NoEngine;
                }
            };
            for line in message.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
                tracing::info!("build: {line}");
                if let Some((step, of)) = step_of(line) {
                    (done, total) = (step, Some(of));
                }
                steps.send_replace(Step::Running { done, total, line: line.to_owned() });
            }
            output.extend(message.stream);
            // Only the end is ever shown.
            if output.len() > 64 * 1024 {
                output = end_of(&output);
            }
        }
        Step::Done
    }
}

/// `Step 3/9 : RUN …` of the classic builder.
fn step_of(line: &str) -> Option<(u32, u32)> {
    let (step, of) = line.strip_prefix("Step ")?.split_once(" :")?.0.split_once('/')?;
    Some((step.parse().ok()?, of.parse().ok()?))
}

fn end_of(output: &str) -> String {
    let output = output.trim();
    let from = output.char_indices().rev().nth(SHOWN - 1).map_or(0, |(place, _)| place);
    output[from..].to_owned()
}

/// The build context as a tar archive.
fn context() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in CONTEXT {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content).expect("a vector takes everything");
    }
    archive.into_inner().expect("a vector takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_build_are_counted() {
        assert_eq!(step_of("Step 3/9 : RUN apt-get update"), Some((3, 9)));
        assert_eq!(step_of(" ---> abc"), None);
    }

    #[test]
    fn the_end_of_a_long_output_is_shown() {
        let output = format!("{}é", "x".repeat(5000));
        assert_eq!((end_of(&output).chars().count(), end_of(&output).chars().last()), (SHOWN, Some('é')));
    }
}
