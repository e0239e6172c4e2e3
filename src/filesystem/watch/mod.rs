//! Watches a directory for changes, whoever makes them.

mod follow;

use super::Files;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::about::Place,
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named},
};
use follow::Follow;
use notify::{Config, RecommendedWatcher, Watcher as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;

/// Events that may wait for a slow client; more are dropped, and it is told so.
const MAX_WAITING: usize = 4096;

/// Watch a file or folder for changes.
///
/// The answer is a stream of server-sent events: `ready` once it watches, then `change` with `{kind, path, timestamp}`,
/// `overflow` when changes came too fast to be told one by one: list the folder anew then; `gone` at the end, when the
/// folder is no longer there.
#[derive(Deserialize, JsonSchema)]
pub struct WatchPath {
    /// The file or folder.
    path: String,
    /// Whether to watch all that is below the folder.
    #[serde(default = "yes")]
    recursive: bool,
}

fn yes() -> bool {
    true
}

/// A watch that has begun.
#[derive(Serialize, JsonSchema)]
pub struct WatchOutput {
    /// The path as sent.
    path: String,
    /// What happens, until it is dropped.
    #[serde(skip)]
    pub watch: Option<Watch>,
}

/// What happened to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "WatchEvent")]
pub struct Happened {
    /// `created`, `modified`, `deleted` or `moved`.
    kind: &'static str,
    /// Where: the path as sent, joined with the names below it.
    path: String,
    /// Where it is now, when it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// When it was seen.
    timestamp: String,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// A change.
    Change(Happened),
    /// Changes were lost.
    Overflow,
    /// What was watched is no longer there.
    Gone,
}

/// A running watch.
pub struct Watch(Follow);

impl Watch {
    /// What happens next; `None` at the end.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        self.0.next().await
    }
}

impl Capability for WatchPath {
    const NAME: &'static str = "filesystem_watch";
    const ACCESS: Access = Access::Read;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes"}"#;
    type Service = Files;
    type Output = WatchOutput;

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        Subjects { is_of_trees: self.recursive, ..files.about(needs, [Place::read(&self.path)]) }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<WatchOutput> {
        files.look(context, |files, cancelled| self.watch(files, cancelled)).await
    }
}

impl WatchPath {
    fn watch(self, files: &Files, cancelled: &CancellationToken) -> Result<WatchOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Read)?;
        let (sender, events) = channel(MAX_WAITING);
        let lost = Arc::new(AtomicBool::new(false));
        let missed = lost.clone();
        let handler = move |event: notify::Result<notify::Event>| match event {
            // What does not fit, and what the system lost, is reported as an overflow.
            Ok(event) if event.need_rescan() => missed.store(true, Ordering::Relaxed),
            Ok(event) => {
                if sender.try_send(event).is_err() {
                    missed.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => tracing::debug!(%error, "a watch missed something"),
        };
        let failed = |error: notify::Error| {
            Error::Unusable(format!(
                "This cannot be watched ({error}): watch fewer folders, or raise the system's limit"
            ))
        };
        let watcher = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false));
        let watcher = Arc::new(Mutex::new(watcher.map_err(failed)?));
        // It looks around before it watches: what comes after that is told.
        let follow = Follow::new(&path, &self, events, lost, watcher, cancelled)?;
        follow.start().map_err(failed)?;
        let watch = Some(Watch(follow));
        Ok(WatchOutput { path: self.path, watch })
    }
}
