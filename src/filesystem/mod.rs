//! Files and folders of this machine, within what the policy allows.
//!
//! Every capability checks its paths into [`crate::policy::SafePath`] and works on those. The disk is asked on blocking
//! threads; what walks or reads for long watches the call's cancellation.

mod about;
#[cfg_attr(not(target_os = "linux"), path = "appenders_elsewhere.rs")]
mod appenders;
mod archive;
mod attributes;
mod basis;
mod copy;
mod delete;
mod diff;
mod digest;
mod document;
mod download;
mod edit;
mod encoding;
mod extents;
mod ignored;
mod lines;
mod list;
mod make_folder;
mod nearest;
mod page;
mod patch;
mod read;
mod read_many;
mod reasons;
mod received;
mod relocate;
mod replacement;
mod search;
mod stat;
mod tree;
mod undo;
mod upload;
mod walk;
mod watch;
mod write;

pub use archive::{ExtractArchive, PackArchive};
pub use copy::CopyPath;
pub use delete::DeletePath;
pub use document::run_if_asked as read_document_if_asked;
pub use download::{DownloadFile, DownloadOutput};
pub use edit::EditFile;
pub use list::ListDirectory;
pub use make_folder::MakeDirectory;
pub use patch::PatchFiles;
pub use read::{LARGE_MEDIA, ReadFile};
pub use read_many::ReadMany;
pub use relocate::MovePath;
pub use search::SearchFiles;
pub use stat::StatPath;
pub use tree::ShowTree;
pub use undo::{Changed, ListChanges, UndoChanges};
pub use upload::{Upload, UploadFile, UploadOutput, UploadStatus};
pub use watch::{Watch, WatchEvent, WatchPath};
pub use write::WriteFile;

use crate::{
    blocking::blocking,
    capability::Context,
    error::{Error, Result},
    policy::{
        Workspace,
        paths::{Intent, Named},
    },
    settings::Settings,
};
use basis::ChangedSince;
use std::{path::Path, sync::Arc};
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio_util::sync::CancellationToken;
use undo::Undo;
use upload::Parts;

/// The files of this machine.
#[derive(Clone)]
pub struct Files {
    workspace: Arc<Workspace>,
    undo: Arc<Undo>,
    parts: Arc<Parts>,
    documents: Arc<document::Readers>,
    /// The most that is read into memory for one call, in bytes.
    max_read: u64,
    /// One change at a time, so that what was there before it is what it found.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// Room for changes that are put together before their turn.
    preparing: Arc<Semaphore>,
}

/// The most changes prepared at once: each holds a thread, even while it waits for its turn.
const MAX_PREPARING: usize = 32;

impl Files {
    /// Works within `workspace`; what can be undone is kept below `memory`.
    ///
    /// # Errors
    /// When the undo journal cannot be used.
    pub fn open(workspace: &Arc<Workspace>, settings: &Settings, memory: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            undo: Arc::new(Undo::open(workspace, settings, memory)?),
            parts: Arc::new(Parts::open(&memory.join("undo/parts"))?),
            documents: Arc::new(document::Readers::new()),
            workspace: workspace.clone(),
            max_read: settings.max_request_mib.saturating_mul(1024 * 1024),
            changing: Arc::default(),
            preparing: Arc::new(Semaphore::new(MAX_PREPARING)),
        })
    }

    /// The same files for those who work within another workspace: changes take turns with everybody's.
    pub(crate) fn within(&self, workspace: &Arc<Workspace>) -> Self {
        Self { workspace: workspace.clone(), undo: Arc::new(self.undo.within(workspace)), ..self.clone() }
    }

    /// How many bytes the file at a path has; 0 where there is none that may be read.
    fn size_of(&self, path: &str) -> u64 {
        let path = self.workspace.resolve(path, Named::File, Intent::Read);
        path.ok().and_then(|path| path.found().filter(|found| found.is_file()).map(|found| found.size)).unwrap_or(0)
    }

    /// Does blocking work that only looks.
    async fn look<T: Send + 'static>(
        &self,
        context: &Context,
        work: impl FnOnce(&Self, &CancellationToken) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (files, cancelled) = (self.clone(), context.cancelled.clone());
        let done = blocking(move || work(&files, &cancelled));
        done.await?.map_err(reasons::explained)
    }

    /// Does blocking work that changes something. It waits for its turn without a thread, and once it has begun it
    /// ends, even when the caller goes away.
    async fn change<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let turn = self.changing.clone().lock_owned().await;
        let files = self.clone();
        let done = blocking(move || {
            let _turn = turn;
            work(&files)
        });
        done.await?.map_err(reasons::explained)
    }

    /// Does blocking work that puts something together out of sight while others change files, and only then takes its
    /// [`Self::turn`]. Once it has begun it ends.
    async fn change_late<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let room = self.preparing.clone().acquire_owned().await.map_err(Error::internal)?;
        let files = self.clone();
        let done = blocking(move || {
            let _room = room;
            work(&files)
        });
        done.await?.map_err(reasons::explained)
    }

    /// Waits until no other change is being made, in the work of [`Self::change_late`].
    fn turn(&self) -> OwnedMutexGuard<()> {
        self.changing.clone().blocking_lock_owned()
    }

    /// The same as [`Self::change`] for what is made of what a file holds: anew, where another program changes that
    /// before it is replaced.
    async fn change_anew<T: Send + 'static>(&self, work: impl Fn(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let is_stale = |done: &Result<T>| done.as_ref().is_err_and(ChangedSince::is_cause);
        self.change(move |files| {
            let tried = (1..TRIES).map(|_| work(files)).find(|done| !is_stale(done));
            tried.unwrap_or_else(|| work(files))
        })
        .await
    }
}

/// How many times a change is tried when another program keeps changing the file.
const TRIES: usize = 20;

/// Fails when the call is over.
fn go_on(cancelled: &CancellationToken) -> Result<()> {
    if cancelled.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}
