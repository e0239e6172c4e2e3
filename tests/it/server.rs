//! The harness: a real server on a free port over a scratch directory.
#![allow(dead_code, reason = "each file of tests uses the part it needs")]

use serde_json::{Value, json};
use skynet_bridge::{bridge::Bridge, caller::Keys, server, settings::Settings};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The key of every test server.
pub(crate) const KEY: &str = "test-key-0123456789abcdef";

/// A real server on a free port over a directory that is deleted on drop.
pub(crate) struct Server {
    pub url: String,
    pub http: reqwest::Client,
    pub bridge: Arc<Bridge>,
    home: PathBuf,
    directory: TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Where a request has its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyIn {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `Authorization: KEY`
    Plain,
    Body,
    Query,
}

impl KeyIn {
    pub(crate) const ALL: [Self; 4] = [Self::Bearer, Self::Plain, Self::Body, Self::Query];

    fn named(name: &str) -> Self {
        let named = Self::ALL.into_iter().find(|way| format!("{way:?}").eq_ignore_ascii_case(name));
        named.unwrap_or_else(|| panic!("BRIDGE_TEST_KEY is bearer, plain, body or query, not {name}"))
    }
}

/// What a request got.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Reply {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer is complete");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    /// The sentence of an error.
    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_else(|| panic!("no sentence in {self:?}"))
    }

    /// The body of a success; fails the test for anything else.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_settings(&[]).await
    }

    /// With settings as in `.env`, on top of the defaults.
    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::in_directory(scratch(), settings).await
    }

    /// Why a bridge with these settings does not open.
    pub(crate) fn try_settings(settings: &[(&str, &str)]) -> Result<(), String> {
        let directory = scratch();
        let settings = Settings::from_pairs(settings.iter().copied()).map_err(|error| format!("{error:#}"))?;
        Bridge::open(settings, Keys::new(KEY), directory.path()).map(drop).map_err(|error| format!("{error:#}"))
    }

    /// Over a directory that is there already.
    pub(crate) async fn in_directory(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        Self::with_router(directory, settings, server::router).await
    }

    /// Over a directory that the test keeps.
    pub(crate) async fn at_directory(home: &Path, settings: &[(&str, &str)]) -> Self {
        Self::over(scratch(), home.to_owned(), settings, server::router).await
    }

    /// With another service over the bridge.
    pub(crate) async fn with_router(
        directory: TempDir,
        settings: &[(&str, &str)],
        router: impl FnOnce(Arc<Bridge>) -> axum::Router,
    ) -> Self {
        let home = directory.path().to_owned();
        Self::over(directory, home, settings, router).await
    }

    /// Over a directory that the test keeps, with settings that are made already.
    pub(crate) async fn with(home: PathBuf, settings: Settings) -> Self {
        Self::open(scratch(), home, settings, server::router).await
    }

    async fn over(
        directory: TempDir,
        home: PathBuf,
        settings: &[(&str, &str)],
        router: impl FnOnce(Arc<Bridge>) -> axum::Router,
    ) -> Self {
        // No engine unless a test asks for one: what the machine has must not change what other tests see.
        let engine = ("DOCKER_HOST", "unix:///no/engine/for/this/test.sock");
        // Tests look at fields: how a model is shown them has tests of its own.
        let fields = ("MCP_OUTPUT_SCHEMAS", "on");
        let settings = [engine, fields].into_iter().chain(settings.iter().copied());
        let settings = Settings::from_pairs(settings).expect("the test's settings are valid");
        Self::open(directory, home, settings, router).await
    }

    async fn open(
        directory: TempDir,
        home: PathBuf,
        settings: Settings,
        router: impl FnOnce(Arc<Bridge>) -> axum::Router,
    ) -> Self {
        install_crypto();
        let max_connections = settings.max_connections;
        let bridge = Bridge::open(settings, Keys::new(KEY), &home).expect("the bridge opens");
        let bridge = Arc::new(bridge);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let stop = CancellationToken::new();
        let task = tokio::spawn(server::serve(listener, router(bridge.clone()), max_connections, stop.clone()));
        Self { url, http: client(), bridge, home, directory, stop, task }
    }

    /// A path in the server's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// The same path as an argument.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path(name).to_str().expect("scratch paths are UTF-8").to_owned()
    }

    /// Puts a file there, and the folders above it.
    pub(crate) fn with_file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the scratch directory")).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// Calls with the key, in the way that `BRIDGE_TEST_KEY` names.
    pub(crate) async fn post(&self, path: &str, arguments: Value) -> Reply {
        let way = std::env::var("BRIDGE_TEST_KEY").map_or(KeyIn::Bearer, |name| KeyIn::named(&name));
        self.post_with(way, path, arguments).await
    }

    /// Calls with the key in a certain place.
    pub(crate) async fn post_with(&self, way: KeyIn, path: &str, mut arguments: Value) -> Reply {
        let request = self.request(path);
        let request = match way {
            KeyIn::Bearer => request.bearer_auth(KEY),
            KeyIn::Plain => request.header("authorization", KEY),
            KeyIn::Query => request.query(&[("auth", KEY)]),
            KeyIn::Body => {
                arguments["auth"] = KEY.into();
                request
            }
        };
        request.json(&arguments).pipe(Reply::send).await
    }

    /// Calls a capability by its name and insists on success.
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Value {
        self.post(&route(name), arguments).await.ok()
    }

    /// A POST without a key.
    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.http.get(format!("{}{path}", self.url)).pipe(Reply::send).await
    }

    /// Today's history entries.
    pub(crate) async fn history(&self) -> Vec<Value> {
        let entries = self.bridge.history.read(&skynet_bridge::clock::today()).await.expect("the history is readable");
        entries.unwrap_or_default()
    }

    /// The outcomes of today's calls, once there are `count`: a call that nobody waits for is recorded after its end.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<String> {
        self.outcomes_where(count, |_| true).await
    }

    /// The outcomes of an action's calls, once there are `count`.
    pub(crate) async fn outcomes_of(&self, action: &str, count: usize) -> Vec<String> {
        self.outcomes_where(count, |line| line["action"] == action).await
    }

    async fn outcomes_where(&self, count: usize, counts: impl Fn(&Value) -> bool) -> Vec<String> {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let lines = self.history().await.into_iter().filter(&counts);
            let outcomes: Vec<String> = lines.map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
            if outcomes.len() >= count {
                return outcomes;
            }
            assert!(std::time::Instant::now() < end, "only {outcomes:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops as SIGTERM does and gives back the directory.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.task.await.expect("the server ends by itself");
        self.bridge.close().await;
        self.directory
    }
}

impl Reply {
    pub(crate) async fn send(request: reqwest::RequestBuilder) -> Self {
        Self::of(request.send().await.expect("the server answers")).await
    }
}

/// Reads left to right: `request.pipe(Reply::send)`.
pub(crate) trait Pipe: Sized {
    fn pipe<T>(self, next: impl FnOnce(Self) -> T) -> T {
        next(self)
    }
}

impl Pipe for reqwest::RequestBuilder {}

/// The route of a capability, by its name.
pub(crate) fn route(name: &str) -> String {
    match name.strip_prefix("sandbox_session_") {
        Some(action) => format!("/sandbox/session/{action}"),
        None => format!("/{}", name.replacen('_', "/", 1)),
    }
}

/// A directory under the system's temporary one: home may lie where the policy refuses.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("bridge-test-").tempdir_in("/tmp").expect("/tmp is writable")
}

/// A client that follows nothing and asks no proxy.
pub(crate) fn client() -> reqwest::Client {
    install_crypto();
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(60)).build().expect("a plain client can be made")
}

fn install_crypto() {
    // The second call finds one in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// Waits until `holds`; fails the test when it does not within the deadline.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A body without anything in it.
pub(crate) fn nothing() -> Value {
    json!({})
}
