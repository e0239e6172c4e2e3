//! The bridge: every service, and the three ways to have something done by them: [`Bridge::call`], [`Bridge::begin`] and
//! [`Bridge::perform`], which take the same steps.

mod authorization;
mod deletions;
mod elicitation;
mod keep;
mod operation;
mod questions;
mod record;
mod views;

pub use record::Record;

use crate::{
    agents::Agents,
    approvals::Approvals,
    arguments::{self, Arguments},
    caller::{Caller, Keys, Limits},
    capability::{Capability, Context},
    catalog::{self, Entry, Prepared, Reply},
    control::{AgentControl, Calls, Control, EndWork, Passphrase, Person},
    error::{Error, Result},
    filesystem::Files,
    history::History,
    internet::Internet,
    memory::Memory,
    oauth::OAuth,
    owner::{Claim, Owner},
    permissions::{Permissions, Subjects},
    policy::{Workspace, confine::Report, private},
    sandbox::Sandbox,
    services::{Services, receivers},
    settings::Settings,
    terminal::{Terminal, processes::Processes},
    tool_list::ToolList,
};
use anyhow::{Context as _, anyhow, ensure};
use authorization::{Call, Turn};
use deletions::Deletions;
use operation::{Operation, SentArguments};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use views::Views;

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
    /// What clients of MCP are shown that name no list.
    pub tool_list: ToolList,
    /// What was asked.
    pub history: Arc<History>,
    views: Arc<Views>,
    calls: Arc<Calls>,
    deletions: Deletions,
    owner: Owner,
}

/// A call whose type only its capability knows.
struct Whole(Box<dyn Prepared>);

impl Bridge {
    /// Opens the services over `directory`: relative paths, `memory/` and `.env` are there.
    ///
    /// # Errors
    /// When something of the bridge's own cannot be made or read; the message names it and how to fix it.
    /// [`crate::owner::AlreadyOwned`] when another process has the folder.
    pub fn open(settings: Settings, keys: Keys, directory: &Path) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let keys = Arc::new(keys);
        let tool_list =
            ToolList::parse(&settings.mcp_tools).map_err(|why| anyhow!("MCP_TOOLS is not understood: {why}"))?;
        let folder = Self::folder_in(directory);
        ensure!(
            !is_link(&folder),
            "{} is a link, and whoever may write here could put another folder in its place: move the folder that it \
             leads to here, or mount it here, or start the bridge where that is",
            folder.display()
        );
        let owner = own(&folder)?;
        private::restrict_permissions(&folder);
        let history = Arc::new(History::open(folder.join("history")).with_context(|| {
            format!("{} cannot be made: it must be a folder that this user may write", folder.join("history").display())
        })?);
        let workspace = Workspace::open(&settings, directory)?;
        let terminal = Terminal::open(&settings, &workspace, &folder, keys.clone())?;
        let files = Files::open(&workspace, &settings, &folder)?;
        let agents = Arc::new(Agents::open(&folder)?);
        let permissions = Arc::new(Permissions::open(directory, settings.clone(), catalog::tools())?);
        agents.follow_profiles(permissions.clone());
        views::warn_of_unusable(&permissions.current(), &agents, &settings, directory);
        keys.open_to(agents.clone());
        let (calls, sandbox) = (Arc::<Calls>::default(), Sandbox::open(&workspace, &settings)?);
        let approvals = Approvals::new(agents.clone(), keep::keep(agents.clone(), permissions.clone()));
        let approvals = approvals.patient_for(Duration::from_secs(settings.approval_wait));
        let end_work = end_work(terminal.processes().clone(), sandbox.clone());
        let passphrase = Passphrase::open_or_make(&folder)
            .with_context(|| format!("{} cannot be written: this user must be able to", folder.display()))?;
        let control = AgentControl::new(agents.clone(), passphrase);
        let internet = Internet::open(&settings, receivers(&files))?;
        let oauth = authorization_server(&settings, &folder, &agents, &internet, &keys)?;
        let control = Control::new(control, calls.clone(), Arc::new(approvals), end_work).with_oauth(oauth);
        let services = Services {
            processes: terminal.processes().clone(),
            terminal,
            memory: Arc::new(Memory::open(&settings, &folder)?),
            internet,
            files,
            sandbox,
            history: history.clone(),
            agents: agents.clone(),
            control: Arc::new(control),
        };
        Ok(Self {
            tool_list,
            history,
            views: Arc::new(Views::new(permissions, directory, settings.clone(), Arc::new(services))),
            agents,
            person: Person::open(&folder)?,
            calls,
            deletions: Deletions::default(),
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

    /// The services of the bridge itself, for what no agent asks for.
    pub(crate) fn services(&self) -> &Services {
        self.views.whole()
    }

    /// What waits for the person.
    fn approvals(&self) -> &Approvals {
        &self.services().control.approvals
    }

    /// Authorise, limit, decode, decide, run, record: what every face does with a call.
    ///
    /// Dropping the future stops the work and records the call as cancelled.
    ///
    /// # Errors
    /// What the policy, the decoding, the permissions or the capability refuse, in the words that every face shows.
    pub async fn call(&self, entry: &Entry, context: &Context, arguments: Arguments) -> Result<Box<dyn Reply>> {
        let record = Record::begin(self, context, entry.action, || entry.preview(&arguments, &self.keys.secrets()));
        let operation = Operation::of(entry);
        let work = |turn| async move {
            let scope = self.scope_of(&context.caller).await?;
            let asked = if scope.may_ask(operation) { arguments.clone() } else { Arguments::default() };
            let sent = || SentArguments { digest: asked.digest(), whole: entry.whole(&asked, &self.keys.secrets()) };
            let prepared = Whole(entry.prepare(context, arguments).await?);
            let about = |prepared: &Whole, services: &Services, needs| prepared.0.subjects(services, needs);
            let call = Call { context, scope, operation, turn, sent: &sent };
            let (prepared, _turn, scope) = self.authorize(call, prepared, about).await?;
            prepared.0.run(&scope.services, context).await
        };
        let (reply, mut record) = self.recorded(record, context, work).await?;
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
        Services: AsRef<C::Service>,
    {
        let preview = || catalog::preview::<C>(&arguments, &self.keys.secrets());
        let record = Record::begin(self, context, C::ACTION, preview);
        let operation = Operation::of_type::<C>();
        let work = |turn| async move {
            let scope = self.scope_of(&context.caller).await?;
            let asked = if scope.may_ask(operation) { arguments.clone() } else { Arguments::default() };
            let sent =
                || SentArguments { digest: asked.digest(), whole: arguments::whole::<C>(&asked, &self.keys.secrets()) };
            let request = catalog::decode::<C>(arguments, context).await?;
            let about = |request: &C, services: &Services, needs| request.subjects(services.as_ref(), needs);
            let call = Call { context, scope, operation, turn, sent: &sent };
            let (request, _turn, scope) = self.authorize(call, request, about).await?;
            request.run(scope.services.as_ref().as_ref(), context).await
        };
        self.recorded(record, context, work).await
    }

    /// Does what is no call but lasts, such as a terminal's socket, in the same steps: authorise, limit, decide, run, record
    /// as `action`. It needs what the capability `C` does, and takes no turn from the calls while it lasts. Nobody can say yes
    /// to what it will bring: where the person is asked, `instead` says what to do. Dropping the future records it as
    /// cancelled.
    ///
    /// # Errors
    /// When the caller may not, and what `work` fails with.
    pub async fn perform<C: Capability, T>(
        &self,
        context: &Context,
        action: &'static str,
        instead: &'static str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let record = Record::begin(self, context, Some(action), || json!({}));
        let operation = Operation::of_type::<C>();
        let lasting = |turn| async move {
            let scope = self.scope_of(&context.caller).await?;
            let sent = SentArguments::default;
            let call = Call { context, scope, operation, turn, sent: &sent };
            let about = Subjects { can_be_undone: false, instead: Some(instead), ..Subjects::default() };
            let (_, turn, _) = self.authorize(call, about, |about, _, _| about.clone()).await?;
            drop(turn);
            work.await
        };
        let (done, mut record) = self.recorded(record, context, lasting).await?;
        record.ends(&Ok(()));
        Ok(done)
    }

    async fn recorded<T, W: Future<Output = Result<T>>>(
        &self,
        mut record: Record,
        context: &Context,
        work: impl FnOnce(Turn) -> W,
    ) -> Result<(T, Record)> {
        let _stops_other_threads = context.cancelled.clone().drop_guard();
        let stop = async {
            record.stop().cancelled_owned().await;
            // A question that waits for it goes with it.
            context.stopped.cancel();
        };
        let result = async {
            context.caller.may_call()?;
            let turn = Turn::take(&self.limits, &context.caller)?;
            context.holding.within(&self.limits);
            tokio::select! {
                biased;
                () = stop => Err(context.caller.stopped()),
                done = work(turn) => done,
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
        self.services().terminal.confinement()
    }

    /// Ends what runs and writes what waits, at a normal stop.
    pub async fn close(&self) {
        self.services().terminal.close().await;
        self.services().sandbox.close().await;
        self.services().memory.close().await;
        self.agents.close();
        self.history.close();
        self.owner.release();
    }
}

/// What an agent, or all of them, left running is ended here: the person's rules know no domain.
fn end_work(processes: Processes, sandbox: Sandbox) -> EndWork {
    Box::new(move |name| {
        let (processes, sessions) = (processes.clone(), sandbox.end_sessions(name));
        let name = name.map(str::to_owned);
        Box::pin(async move { processes.stop_all(name.as_deref()).await + sessions })
    })
}

/// What lets clients of the web in, where the bridge has a public address.
fn authorization_server(
    settings: &Settings,
    folder: &Path,
    agents: &Arc<Agents>,
    internet: &Internet,
    keys: &Keys,
) -> anyhow::Result<Option<Arc<OAuth>>> {
    if settings.public_url.is_empty() {
        return Ok(None);
    }
    let internet = internet.clone();
    let fetch = Box::new(move |url| {
        let internet = internet.clone();
        Box::pin(async move { internet.document(url).await.map_err(|error| error.to_string()) }) as _
    });
    let oauth = Arc::new(OAuth::open(settings.public_url.clone(), folder, agents.clone(), fetch)?);
    keys.open_to_web(oauth.clone());
    Ok(Some(oauth))
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
