//! The sandbox on a real engine. Without one these tests say so in one line and pass, unless `BRIDGE_TEST_ENGINE` is
//! `required`.

mod endurance;
mod engine_lost;
mod forgery;
mod hostile;
mod image;
mod lifecycle;
mod notebooks;
mod over_mcp;
mod proxy;
mod refusals;
mod remote;
mod runs;
mod sessions;

use crate::server::Server;
use std::{
    io::Write as _,
    process::{Command, Output},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Debian with bash, python3 and node, made by `tests/engine.sh base`.
pub(crate) const IMAGE: &str = "bridge-test/base";

/// Where the engine of the tests is, if one answers and has the image.
static ENGINE: LazyLock<Option<String>> = LazyLock::new(|| {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let found = Command::new("docker").args(["image", "inspect", IMAGE]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(host);
    }
    assert!(
        !is_required(),
        "no Docker engine with the image {IMAGE}: run tests/engine.sh up, then tests/engine.sh base"
    );
    // Straight to the terminal: what a passing test prints is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: the sandbox's tests, for no Docker engine with the image {IMAGE} answers (tests/engine.sh up; base)"
    );
    None
});

/// Whether a missing engine, or what else these tests need, is a failure.
pub(crate) fn is_required() -> bool {
    std::env::var("BRIDGE_TEST_ENGINE").is_ok_and(|value| value == "required")
}

/// A server on the tests' engine; `None` when there is none.
pub(crate) async fn with_engine(settings: &[(&str, &str)]) -> Option<Server> {
    let host = ENGINE.as_deref()?;
    let engine = [("DOCKER_HOST", host), ("SANDBOX_IMAGE", IMAGE)];
    let all: Vec<_> = engine.into_iter().chain(settings.iter().copied()).collect();
    Some(Server::with_settings(&all).await)
}

/// What the docker command says.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker is installed");
    let Output { status, stdout, stderr } = output;
    assert!(status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("docker speaks UTF-8").trim().to_owned()
}

/// A name of the tests' image that one test has for itself: its containers are told apart by it.
pub(crate) struct Tag {
    pub name: String,
}

impl Tag {
    /// `None` without an engine.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Self::of(IMAGE, name)
    }

    /// A name for another image.
    pub(crate) fn of(image: &str, name: &str) -> Option<Self> {
        ENGINE.as_ref()?;
        let name = format!("{image}:{name}-{}", std::process::id());
        docker(&["tag", image, &name]);
        Some(Self { name })
    }

    /// How many containers it has, running or not.
    pub(crate) fn containers(&self) -> usize {
        let all = docker(&["ps", "-a", "--format", "{{.Image}}"]);
        all.lines().filter(|image| *image == self.name).count()
    }

    /// Whether a process with this in its command line runs in one of them.
    pub(crate) fn runs(&self, words: &str) -> bool {
        let all = docker(&["ps", "--format", "{{.Image}} {{.ID}}"]);
        let ids = all.lines().filter_map(|line| line.strip_prefix(&self.name));
        let mut processes = ids.map(|id| Command::new("docker").args(["top", id.trim()]).output());
        processes.any(|listed| listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains(words)))
    }

    /// Waits until it has so many.
    pub(crate) async fn reaches(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.containers() != count {
            assert!(Instant::now() < deadline, "{} has {} containers, not {count}", self.name, self.containers());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        docker(&["rmi", "--no-prune", &self.name]);
    }
}

/// A server on the engine, or the end of the test.
macro_rules! server_or_skip {
    ($($setting:expr),* $(,)?) => {
        match $crate::sandbox::with_engine(&[$($setting),*]).await {
            Some(server) => server,
            None => return,
        }
    };
}
use server_or_skip;
