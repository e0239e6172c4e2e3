//! The bridge: every service, and the one way to have something done by them.

mod record;

pub use record::Record;

use crate::{
    agents::Agents,
    arguments::Arguments,
    caller::{Access, Caller, Keys, Limits},
    capability::{Capability, Context},
    catalog::{self, Entry, Reply},
    control::{Calls, Control, EndWork, Person},
    error::{Error, Result},
    filesystem::Files,
    history::History,
    internet::{FetchUrl, Internet, Receivers, Saved},
    memory::Memory,
    owner::{Claim, Owner},
    policy::{Workspace, confine::Report, private},
    sandbox::Sandbox,
    settings::Settings,
    terminal::{Terminal, processes::Processes},
};
use anyhow::{Context as _, ensure};
use serde_json::json;
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
    /// The agents that have a key of their own.
    pub(crate) agents: Arc<Agents>,
    /// How the person is known.
    pub(crate) person: Person,
    /// What callers may use at once.
    pub limits: Arc<Limits>,
    /// What was asked.
    pub history: Arc<History>,
    files: Files,
    terminal: Terminal,
    processes: Arc<Processes>,
    memory: Memory,
    internet: Internet,
    sandbox: Arc<Sandbox>,
    calls: Arc<Calls>,
    control: Control,
    owner: Owner,
}

/// How long something takes its turn among those that run at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// As long as it runs.
    Call,
    /// Only where it begins: what lasts for hours takes no turn from the calls.
    Hours,
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
    files: Files, terminal: Terminal, processes: Processes, memory: Memory, internet: Internet, sandbox: Sandbox, history: History, agents: Agents,
    control: Control,
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
        let agents = Arc::new(Agents::open(&folder)?);
        keys.open_to(agents.clone());
        let (calls, sandbox) = (Arc::<Calls>::default(), Arc::new(Sandbox::open(&workspace, &settings)?));
        let control =
            Control::new(agents.clone(), calls.clone(), end_work(terminal.processes().clone(), sandbox.clone()));
        Ok(Self {
            history: Arc::new(history),
            processes: terminal.processes().clone(),
            terminal,
            memory: Memory::open(&settings, &folder)?,
            internet: Internet::open(&settings, receivers(&files))?,
            files,
            sandbox,
            agents,
            person: Person::open(&folder)?,
            calls,
            control,
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
    pub async fn call(&self, entry: &Entry, context: &Context, arguments: Arguments) -> Result<Box<dyn Reply>> {
        let record = Record::begin(self, context, entry.action, || entry.preview(&arguments, &self.keys.secrets()));
        let work = entry.run(self, context, arguments);
        let (reply, mut record) = self.recorded(record, context, entry.access, Lasting::Call, work).await?;
        record.ends(&Ok(()));
        Ok(reply)
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
        let preview = || catalog::preview::<C>(&arguments, &self.keys.secrets());
        let record = Record::begin(self, context, C::ACTION, preview);
        let work = async { catalog::decode::<C>(arguments, context).await?.run(self.as_ref(), context).await };
        self.recorded(record, context, C::ACCESS, Lasting::Call, work).await
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
        let record = Record::begin(self, context, Some(action), || json!({}));
        let (done, mut record) = self.recorded(record, context, access, Lasting::Hours, work).await?;
        record.ends(&Ok(()));
        Ok(done)
    }

    async fn recorded<T>(
        &self,
        mut record: Record,
        context: &Context,
        access: Access,
        lasting: Lasting,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Record)> {
        let _stops_other_threads = context.cancelled.clone().drop_guard();
        let stop = record.stop();
        let result = async {
            context.caller.may(access)?;
            let running = self.limits.begin(&context.caller)?;
            let _running = (lasting == Lasting::Call).then_some(running);
            context.holding.within(&self.limits);
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(context.caller.stopped()),
                done = work => done,
            }
        }
        .await;
        if result.is_err() {
            record.ends(&result);
        }
        Ok((result?, record))
    }

    /// Records one that was refused before its caller was known. A flood of them is recorded in part only.
    pub fn record_refusal(&self, action: Option<&'static str>, error: &Error) {
        if !self.limits.may_record_refusal() {
            return;
        }
        let context = Context::new(Caller::unknown());
        Record::begin(self, &context, action, || json!({})).outcome = error.outcome();
    }

    /// How firmly commands are held.
    pub fn confinement(&self) -> &Report {
        self.terminal.confinement()
    }

    /// Ends what runs and writes what waits, at a normal stop.
    pub async fn close(&self) {
        self.terminal.close().await;
        self.sandbox.close().await;
        self.memory.close().await;
        self.agents.close();
        self.history.close();
        self.owner.release();
    }
}

/// What an agent, or all of them, left running is ended here: the person's rules know no domain.
fn end_work(processes: Arc<Processes>, sandbox: Arc<Sandbox>) -> EndWork {
    Box::new(move |name| {
        let (processes, sessions) = (processes.clone(), sandbox.end_sessions(name));
        let name = name.map(str::to_owned);
        Box::pin(async move { processes.stop_all(name.as_deref()).await + sessions })
    })
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
