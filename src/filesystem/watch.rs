//! Watches a directory for changes, whoever makes them.

use super::{Files, page::shown};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    policy::{
        Workspace,
        paths::{Intent, Named},
    },
};
use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{ModifyKind, RenameMode},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

/// Events that may wait for a slow client; more are dropped, and it is told so.
const MAX_WAITING: usize = 4096;

/// Watch a file or folder for changes.
///
/// The answer is a stream of server-sent events: `ready` once it watches, then `change` with `{kind, path, timestamp}`,
/// and `overflow` when changes came too fast to be told one by one: list the folder anew then.
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
    /// Always true: a failure is an error.
    success: bool,
    /// The path as sent.
    path: String,
    /// When it began.
    timestamp: String,
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

/// A running watch.
pub struct Watch {
    events: Receiver<Option<Happened>>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// What happens next: a change, or `Some(None)` when changes were lost; `None` at the end.
    pub async fn next(&mut self) -> Option<Option<Happened>> {
        self.events.recv().await
    }
}

impl Capability for WatchPath {
    const NAME: &'static str = "filesystem_watch";
    const ACCESS: Access = Access::Read;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes"}"#;
    type Service = Files;
    type Output = WatchOutput;

    async fn run(self, files: &Files, context: &Context) -> Result<WatchOutput> {
        files.look(context, |files, _| self.watch(files)).await
    }
}

impl WatchPath {
    fn watch(self, files: &Files) -> Result<WatchOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Read)?;
        path.existing()?;
        let (sender, events) = channel(MAX_WAITING);
        let seen = Seen {
            workspace: files.workspace.clone(),
            sent: self.path.clone(),
            real: path.real().to_owned(),
            sender,
            lost: false,
        };
        let failed = |error: notify::Error| {
            Error::Unusable(format!(
                "This cannot be watched ({error}): watch fewer folders, or raise the system's limit"
            ))
        };
        let mut watcher = RecommendedWatcher::new(seen.handler(), Config::default().with_follow_symlinks(false));
        let mode = if self.recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        watcher.as_mut().map_or(Ok(()), |watcher| watcher.watch(path.real(), mode)).map_err(failed)?;
        let watch = Some(Watch { events, _watcher: watcher.map_err(failed)? });
        Ok(WatchOutput { success: true, path: self.path, timestamp: clock::timestamp(), watch })
    }
}

/// Tells a client what the system tells of changes.
struct Seen {
    workspace: Arc<Workspace>,
    sent: String,
    real: PathBuf,
    sender: Sender<Option<Happened>>,
    /// Changes were dropped, and the client does not know yet.
    lost: bool,
}

impl Seen {
    fn handler(mut self) -> impl FnMut(notify::Result<Event>) {
        move |event| match event {
            Ok(event) if event.need_rescan() => self.lost = true,
            Ok(event) => self.happened(&event),
            Err(error) => tracing::debug!(%error, "a watch missed something"),
        }
    }

    fn happened(&mut self, event: &Event) {
        let kind = match event.kind {
            EventKind::Create(_) => "created",
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => "deleted",
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => "created",
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => "moved",
            EventKind::Modify(_) => "modified",
            EventKind::Access(_) | EventKind::Any | EventKind::Other => return,
        };
        match (kind, event.paths.as_slice()) {
            // What replaces a file is written beside it first: its new name is what matters.
            ("moved", [from, to]) if is_ours(from) => self.tell("modified", to, None),
            ("moved", [from, to]) => self.tell(kind, from, Some(to)),
            (_, paths) => paths.iter().for_each(|path| self.tell(kind, path, None)),
        }
    }

    fn tell(&mut self, kind: &'static str, path: &Path, to: Option<&Path>) {
        let is_hidden = |path: &Path| is_ours(path) || !self.workspace.allows(path, Intent::Read);
        if is_hidden(path) || to.is_some_and(is_hidden) {
            return;
        }
        if self.lost && self.sender.try_send(None).is_ok() {
            self.lost = false;
        }
        let named = |path: &Path| shown(&self.sent, path.strip_prefix(&self.real).unwrap_or(Path::new("")));
        let happened = Happened { kind, path: named(path), to: to.map(named), timestamp: clock::timestamp() };
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Some(happened)) {
            self.lost = true;
        }
    }
}

/// Something of the bridge's own that is not meant to stay.
fn is_ours(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b".bridge-"))
}
