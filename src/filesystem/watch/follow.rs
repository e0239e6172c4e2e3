//! Makes of what the system tells what a client wants to know: a rename is one change, a file that the bridge replaced
//! was modified, and what lies in a folder that just came is told too.

use super::{Happened, WatchEvent, WatchPath};
use crate::{
    clock,
    error::Result,
    filesystem::{
        page::shown,
        replacement::is_temporary,
        walk::{Next, walk},
    },
    policy::{Folder, SafePath, Workspace, paths::Intent},
};
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{ModifyKind, RenameMode},
};
use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc::Receiver, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long the second half of a rename may take; without it, the thing went elsewhere.
const RENAME: Duration = Duration::from_millis(100);

/// Of so many paths it is known whether they are there.
const MAX_KNOWN: usize = 100_000;

/// What a watch knows.
pub(crate) struct Follow {
    workspace: Arc<Workspace>,
    sent: String,
    real: PathBuf,
    recursive: bool,
    /// It is no folder: its folder is watched, and it alone matters.
    is_single: bool,
    events: Receiver<Event>,
    lost: Arc<AtomicBool>,
    watcher: Arc<Mutex<RecommendedWatcher>>,
    /// What is there, so that a replaced file is told from a new one and nothing is new twice.
    known: BTreeSet<PathBuf>,
    /// The first half of a rename.
    leaving: Option<(PathBuf, Option<usize>)>,
    told: VecDeque<WatchEvent>,
    is_over: bool,
}

impl Follow {
    /// Begins with what is at `path` now.
    ///
    /// # Errors
    /// When it is not there or cannot be read, or the call is over.
    pub(crate) fn new(
        path: &SafePath,
        request: &WatchPath,
        events: Receiver<Event>,
        lost: Arc<AtomicBool>,
        watcher: Arc<Mutex<RecommendedWatcher>>,
        cancelled: &CancellationToken,
    ) -> Result<Self> {
        let is_single = !path.existing()?.is_folder();
        let recursive = request.recursive && !is_single;
        let mut known = BTreeSet::from([path.real().to_owned()]);
        if !is_single {
            known.extend(all_in(&path.open_folder()?, recursive, cancelled)?);
        }
        Ok(Self {
            workspace: path.workspace().clone(),
            sent: request.path.clone(),
            real: path.real().to_owned(),
            recursive,
            is_single,
            events,
            lost,
            watcher,
            known,
            leaving: None,
            told: VecDeque::new(),
            is_over: false,
        })
    }

    /// Begins to watch.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn start(&self) -> notify::Result<()> {
        // A file that is replaced is another file under its name: its folder tells.
        let watched = if self.is_single { self.real.parent().unwrap_or(&self.real) } else { &self.real };
        watch(&self.watcher, watched, self.recursive)
    }

    /// What happens next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Some(told);
            }
            if self.is_over {
                return None;
            }
            let event = match self.leaving {
                None => self.events.recv().await?,
                Some(_) => match timeout(RENAME, self.events.recv()).await {
                    Ok(event) => event?,
                    Err(_) => {
                        self.has_left();
                        continue;
                    }
                },
            };
            if self.lost.swap(false, Ordering::Relaxed) {
                self.told.push_back(WatchEvent::Overflow);
            }
            self.happened(event).await;
        }
    }

    async fn happened(&mut self, event: Event) {
        let tracker = event.tracker();
        let rename = match event.kind {
            EventKind::Modify(ModifyKind::Name(mode)) => Some(mode),
            _ => None,
        };
        let is_second_half = self.leaving.as_ref().is_some_and(|(_, leaving)| *leaving == tracker);
        if !(is_second_half && rename.is_some()) {
            self.has_left();
        }
        let mut paths = event.paths.into_iter();
        let Some(path) = paths.next() else { return };
        match (event.kind, rename) {
            (_, Some(RenameMode::From)) if path == self.real => self.ends(),
            (_, Some(RenameMode::From)) if tracker.is_some() => self.leaving = Some((path, tracker)),
            // The event that names both follows.
            (_, Some(RenameMode::To)) if is_second_half => {}
            (_, Some(RenameMode::To)) => self.came(path, true).await,
            (_, Some(RenameMode::Both)) => {
                self.leaving = None;
                if let Some(to) = paths.next() {
                    self.moved(path, to).await;
                }
            }
            (EventKind::Create(_), _) => self.came(path, false).await,
            (EventKind::Remove(_), _) => self.went(&path),
            (EventKind::Modify(_), None) => self.tell("modified", &path, None),
            _ => {}
        }
    }

    /// What left did not come back under another name.
    fn has_left(&mut self) {
        if let Some((path, _)) = self.leaving.take() {
            self.went(&path);
        }
    }

    fn went(&mut self, path: &Path) {
        let was_known = self.forget(path);
        if path == self.real && !self.is_single {
            self.ends();
        } else if was_known || self.known.len() >= MAX_KNOWN {
            self.tell("deleted", path, None);
        }
    }

    fn ends(&mut self) {
        self.told.push_back(WatchEvent::Gone);
        self.is_over = true;
    }

    async fn moved(&mut self, from: PathBuf, to: PathBuf) {
        // What replaces a file is written beside it first: its new name is what matters.
        if self.is_hidden(&from) {
            return self.came(to, true).await;
        }
        if self.is_hidden(&to) {
            return self.went(&from);
        }
        self.forget(&from);
        self.known.insert(to.clone());
        self.tell("moved", &from, Some(&to));
        let inner = self.inside(&to).await;
        self.known.extend(inner);
    }

    /// Something has a name now: it is new, or it `replaces` what had the name.
    async fn came(&mut self, path: PathBuf, replaces: bool) {
        if self.is_hidden(&path) {
            return;
        }
        if !self.know(&path) {
            // What is made under a name that is known was found in its folder before.
            if replaces {
                self.tell("modified", &path, None);
            }
            return;
        }
        self.tell("created", &path, None);
        for inner in self.inside(&path).await {
            if self.know(&inner) {
                self.tell("created", &inner, None);
            }
        }
    }

    /// What lies in a folder, once nothing in it can be missed any more.
    async fn inside(&self, folder: &Path) -> Vec<PathBuf> {
        if !self.recursive {
            return Vec::new();
        }
        let (workspace, watcher, path) = (self.workspace.clone(), self.watcher.clone(), folder.to_owned());
        let found = tokio::task::spawn_blocking(move || {
            let folder = workspace.resolve_real(&path, Intent::Read)?.open_folder()?;
            if let Err(error) = watch(&watcher, &path, true) {
                tracing::debug!(%error, "a new folder cannot be watched");
            }
            all_in(&folder, true, &CancellationToken::new())
        });
        // Anything but a folder has nothing in it.
        found.await.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Notes that a path is there; false when that was known.
    fn know(&mut self, path: &Path) -> bool {
        self.known.len() >= MAX_KNOWN || self.known.insert(path.to_owned())
    }

    /// Notes that a path is gone, with all below it; false when it was not known to be there.
    fn forget(&mut self, path: &Path) -> bool {
        let from = self.known.range(path.to_owned()..);
        let gone: Vec<PathBuf> = from.take_while(|known| known.starts_with(path)).cloned().collect();
        for gone in &gone {
            self.known.remove(gone);
        }
        gone.first().is_some_and(|first| first == path)
    }

    fn is_hidden(&self, path: &Path) -> bool {
        let below = path.strip_prefix(&self.real).unwrap_or(Path::new(""));
        (self.is_single && path != self.real)
            || below.components().any(|part| is_temporary(part.as_os_str()))
            || !self.workspace.allows(path, Intent::Read)
            || self.workspace.lies_in_moved(path)
    }

    fn tell(&mut self, kind: &'static str, path: &Path, to: Option<&Path>) {
        if self.is_hidden(path) || to.is_some_and(|to| self.is_hidden(to)) {
            return;
        }
        let named = |path: &Path| shown(&self.sent, path.strip_prefix(&self.real).unwrap_or(Path::new("")));
        let happened = Happened { kind, path: named(path), to: to.map(named), timestamp: clock::timestamp() };
        self.told.push_back(WatchEvent::Change(happened));
    }
}

fn watch(watcher: &Mutex<RecommendedWatcher>, path: &Path, recursive: bool) -> notify::Result<()> {
    let mode = if recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    watcher.lock().expect("no one panics while holding it").watch(path, mode)
}

fn all_in(folder: &Folder, recursive: bool, cancelled: &CancellationToken) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let next = if recursive { Next::Into } else { Next::Past };
    walk(folder, None, usize::MAX - 2, cancelled, &mut |visit| {
        all.push(folder.real().join(visit.path));
        Ok(if all.len() < MAX_KNOWN { next } else { Next::Stop })
    })?;
    Ok(all)
}
