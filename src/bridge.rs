//! The bridge: every service, the catalog of what it can do, and the one way to have it done.

mod record;

pub use record::Record;

use crate::{
    arguments::{self, Arguments},
    caller::{Access, Caller, Keys, Limits},
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::{self, Files},
    history::History,
    internet::{self, FetchUrl, Internet, Receivers, Saved},
    memory::{self, Memory},
    owner::{Claim, Owner},
    policy::{Workspace, confine::Report, private},
    sandbox::{self, Sandbox},
    settings::Settings,
    terminal::{
        self, Terminal,
        processes::{self, Processes},
    },
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Everything that a call can reach.
pub struct Bridge {
    /// As they were at start.
    pub settings: Arc<Settings>,
    /// Who may come in.
    pub keys: Arc<Keys>,
    /// What callers may use at once.
    pub limits: Arc<Limits>,
    /// What was asked.
    pub history: Arc<History>,
    files: Files,
    terminal: Terminal,
    processes: Arc<Processes>,
    memory: Memory,
    internet: Internet,
    sandbox: Sandbox,
    owner: Owner,
}

/// Lets a capability ask for the service it runs on.
macro_rules! services {
    ($($field:ident: $service:ty),* $(,)?) => {$(
        impl AsRef<$service> for Bridge {
            fn as_ref(&self) -> &$service {
                &self.$field
            }
        }
    )*};
}

services! {
    files: Files, terminal: Terminal, processes: Processes, memory: Memory, internet: Internet, sandbox: Sandbox, history: History,
}

/// Something that shows capabilities to the outside: REST, MCP.
pub trait Face {
    /// Shows one.
    fn show<C: Capability>(&mut self)
    where
        Bridge: AsRef<C::Service>;
}

/// A list of capabilities, for faces that are made from one.
pub trait Catalog {
    /// Shows each capability to a face, in a reader's order.
    fn show(face: &mut impl Face);
}

/// The catalog of this bridge.
pub struct Everything;

impl Catalog for Everything {
    fn show(face: &mut impl Face) {
        catalog(face);
    }
}

/// Everything the bridge can do, once. A new capability is one line here.
pub fn catalog(face: &mut impl Face) {
    face.show::<filesystem::ReadFile>();
    face.show::<filesystem::ReadMany>();
    face.show::<filesystem::WriteFile>();
    face.show::<filesystem::EditFile>();
    face.show::<filesystem::PatchFiles>();
    face.show::<filesystem::ListDirectory>();
    face.show::<filesystem::SearchFiles>();
    face.show::<filesystem::StatPath>();
    face.show::<filesystem::ShowTree>();
    face.show::<filesystem::MakeDirectory>();
    face.show::<filesystem::MovePath>();
    face.show::<filesystem::CopyPath>();
    face.show::<filesystem::DeletePath>();
    face.show::<filesystem::UploadStatus>();
    face.show::<filesystem::PackArchive>();
    face.show::<filesystem::ExtractArchive>();
    face.show::<filesystem::ListChanges>();
    face.show::<filesystem::UndoChanges>();
    face.show::<terminal::ExecuteCommand>();
    face.show::<terminal::CheckCommand>();
    face.show::<terminal::TerminalInfo>();
    face.show::<processes::StartProcess>();
    face.show::<processes::PollProcess>();
    face.show::<processes::SendInput>();
    face.show::<processes::WaitFor>();
    face.show::<processes::ListProcesses>();
    face.show::<processes::SearchOutput>();
    face.show::<processes::SignalProcess>();
    face.show::<processes::StopProcess>();
    face.show::<processes::ResizeTerminal>();
    face.show::<processes::OpenTicket>();
    face.show::<memory::AddEntry>();
    face.show::<memory::AddEntries>();
    face.show::<memory::QueryMemory>();
    face.show::<memory::RecallMemory>();
    face.show::<memory::GetEntry>();
    face.show::<memory::ListEntries>();
    face.show::<memory::UpdateEntry>();
    face.show::<memory::DeleteEntries>();
    face.show::<memory::ListTags>();
    face.show::<memory::ExportEntries>();
    face.show::<memory::ImportEntries>();
    face.show::<memory::ReadHistory>();
    face.show::<memory::ClearMemory>();
    face.show::<memory::RestoreEntries>();
    face.show::<internet::FetchUrl>();
    face.show::<internet::SearchWeb>();
    face.show::<sandbox::RunCode>();
    face.show::<sandbox::BuildImage>();
    face.show::<sandbox::StartSession>();
    face.show::<sandbox::RunInSession>();
    face.show::<sandbox::SessionFiles>();
    face.show::<sandbox::ListSessions>();
    face.show::<sandbox::StopSession>();
    face.show::<sandbox::ExecuteNotebook>();
}

/// What is fetched goes into files by their own rules: the two domains do not know each other.
fn receivers(files: &Files) -> Receivers {
    let (checked, saved, read) = (files.clone(), files.clone(), files.clone());
    Receivers {
        check: Box::new(move |context, path| checked.place_for_new(context, path).map(drop)),
        save: Box::new(move |context, path, bytes| {
            let files = saved.clone();
            Box::pin(async move {
                let (sha256, change) = files.save_new(context, FetchUrl::NAME, path, bytes).await?;
                Ok(Saved { path: path.to_owned(), sha256, change_id: change.change_id })
            })
        }),
        text_of: Box::new(move |context, names, bytes| {
            let (files, names) = (read.clone(), names.map(str::to_owned));
            Box::pin(async move { files.text_of_document(context, names.each_ref().map(String::as_str), bytes).await })
        }),
    }
}

impl Bridge {
    /// Opens the services over `directory`: relative paths, `memory/` and `.env` are there.
    ///
    /// # Errors
    /// When something of the bridge's own cannot be made or read; the message names it and how to fix it.
    /// [`crate::owner::AlreadyOwned`] when another process has the folder.
    pub fn open(settings: Settings, keys: Keys, directory: &Path) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let keys = Arc::new(keys);
        let folder = Self::folder_in(directory);
        ensure!(
            !is_link(&folder),
            "{} is a link, and whoever may write here could put another folder in its place: move the folder that it \
             leads to here, or mount it here, or start the bridge where that is",
            folder.display()
        );
        let owner = own(&folder)?;
        private::restrict_permissions(&folder);
        let history = History::open(folder.join("history")).with_context(|| {
            format!("{} cannot be made: it must be a folder that this user may write", folder.join("history").display())
        })?;
        let workspace = Workspace::open(&settings, directory)?;
        let terminal = Terminal::open(&settings, &workspace, &folder, keys.clone())?;
        let files = Files::open(&workspace, &settings, &folder)?;
        Ok(Self {
            history: Arc::new(history),
            processes: terminal.processes().clone(),
            terminal,
            memory: Memory::open(&settings, &folder)?,
            internet: Internet::open(&settings, receivers(&files))?,
            files,
            sandbox: Sandbox::open(&workspace, &settings)?,
            limits: Arc::new(Limits::new(&settings)),
            settings,
            keys,
            owner,
        })
    }

    /// The folder of a directory's bridge, which one process at a time may own.
    pub fn folder_in(directory: &Path) -> PathBuf {
        directory.join("memory")
    }

    /// The folder that this bridge owns.
    pub fn folder(&self) -> &Path {
        self.owner.folder()
    }

    /// Says to those who look into the folder where this bridge serves HTTP.
    pub fn announce(&self, url: &str) {
        if let Err(error) = self.owner.announce(url) {
            tracing::warn!(%error, "other programs of this folder are not told the bridge's address");
        }
    }

    /// The one way in: authorise, limit, decode, run, record. Every face ends here.
    ///
    /// Dropping the future stops the work and records the call as cancelled.
    ///
    /// # Errors
    /// What the policy, the decoding or the capability refuse, in the words that every face shows.
    pub async fn call<C: Capability>(&self, context: &Context, arguments: Arguments) -> Result<C::Output>
    where
        Self: AsRef<C::Service>,
    {
        let (output, mut record) = self.begin::<C>(context, arguments).await?;
        record.ends(&Ok(()));
        Ok(output)
    }

    /// The same for what goes on when the capability has answered: its line is written when the record is dropped, with
    /// what the record was told.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn begin<C: Capability>(&self, context: &Context, arguments: Arguments) -> Result<(C::Output, Record)>
    where
        Self: AsRef<C::Service>,
    {
        let mut record = Record::begin(self, context, C::ACTION, || self.preview::<C>(&arguments));
        let _stops_other_threads = context.cancelled.clone().drop_guard();
        let result = async {
            context.caller.may(C::ACCESS)?;
            let _running = self.limits.begin(context.caller.name())?;
            context.holding.within(&self.limits);
            decode::<C>(arguments, context).await?.run(self.as_ref(), context).await
        }
        .await;
        if result.is_err() {
            record.ends(&result);
        }
        Ok((result?, record))
    }

    /// How firmly commands are held.
    pub fn confinement(&self) -> &Report {
        self.terminal.confinement()
    }

    /// A call's arguments, as its history line shows them.
    fn preview<C: Capability>(&self, arguments: &Arguments) -> Value {
        arguments::preview::<C>(arguments, C::IS_RECORDED, &self.keys.secrets())
    }

    /// Records a call that was refused before its caller was known. A flood of them is recorded in part only.
    pub fn record_refusal<C: Capability>(&self, error: &Error) {
        if !self.limits.may_record_refusal() {
            return;
        }
        let context = Context::new(Caller::owner("unknown"));
        Record::begin(self, &context, C::ACTION, || json!({})).outcome = error.outcome();
    }

    /// Does what is no call but lasts, such as a terminal's socket, in the same steps: authorise, limit, run, record as
    /// `action`. Dropping the future records it as cancelled.
    ///
    /// # Errors
    /// When the caller may not, and what `work` fails with.
    pub async fn perform<T>(
        &self,
        context: &Context,
        action: &'static str,
        access: Access,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut record = Record::begin(self, context, Some(action), || json!({}));
        let _stops_other_threads = context.cancelled.clone().drop_guard();
        let result = async {
            context.caller.may(access)?;
            // It counts where it begins; what lasts for hours takes no turn from the calls.
            drop(self.limits.begin(context.caller.name())?);
            work.await
        }
        .await;
        record.ends(&result);
        result
    }

    /// Records one who was refused before it was known who it is.
    pub fn record_refused_visit(&self, action: &'static str, error: &Error) {
        if !self.limits.may_record_refusal() {
            return;
        }
        let context = Context::new(Caller::owner("unknown"));
        Record::begin(self, &context, Some(action), || json!({})).outcome = error.outcome();
    }

    /// Ends what runs and writes what waits, at a normal stop.
    pub async fn close(&self) {
        self.terminal.close().await;
        self.sandbox.close().await;
        self.memory.close().await;
        self.history.close();
        self.owner.release();
    }
}

/// Decodes what a capability takes. What is large is held within the limits, and decoded where nobody waits for it.
async fn decode<C: Capability>(arguments: Arguments, context: &Context) -> Result<C> {
    let arguments = arguments.for_a_change(C::ACCESS != Access::Read);
    if !arguments.is_large() {
        return context.take_decoded(arguments.decode());
    }
    let measured = tokio::task::spawn_blocking(move || (arguments.decoded_size::<C>(), arguments));
    let (size, arguments) = measured.await.map_err(Error::internal)?;
    context.holding.more(size).await?;
    let decoded = tokio::task::spawn_blocking(move || arguments.decode()).await;
    context.take_decoded(decoded.map_err(Error::internal)?)
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own folder, at start, before any caller")]
fn is_link(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink())
}

/// Claims the memory's folder: two bridges over one memory would overwrite each other.
fn own(folder: &Path) -> anyhow::Result<Owner> {
    let claim = Owner::claim(folder).with_context(|| {
        format!("{} cannot be made: it must be a folder that this user may write", folder.display())
    })?;
    match claim {
        Claim::Owned(owner) => Ok(owner),
        Claim::HeldBy(held) => Err(held.into()),
    }
}
