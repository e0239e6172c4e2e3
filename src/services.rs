//! What capabilities run on: each domain's service, as it is for those who may use the same places of the machine.

use crate::{
    agents::Agents,
    approvals::Approvals,
    control::{AgentControl, Control},
    error::Error,
    filesystem::Files,
    history::History,
    internet::{Internet, Receivers, Saved},
    memory::Memory,
    permissions::{HostCheck, TagCheck},
    policy::Workspace,
    sandbox::Sandbox,
    settings::Settings,
    terminal::{Terminal, processes::Processes},
};
use std::{path::Path, sync::Arc};

/// Everything that a call can reach. Clones share what is kept and what runs.
#[derive(Clone)]
pub struct Services {
    pub(crate) files: Files,
    pub(crate) terminal: Terminal,
    pub(crate) processes: Processes,
    pub(crate) memory: Arc<Memory>,
    pub(crate) internet: Internet,
    pub(crate) sandbox: Sandbox,
    pub(crate) history: Arc<History>,
    pub(crate) agents: Arc<Agents>,
    pub(crate) control: Arc<Control>,
}

/// Lets a capability ask for the service it runs on.
macro_rules! services {
    ($($field:ident: $service:ty),* $(,)?) => {$(
        impl AsRef<$service> for Services {
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

impl AsRef<AgentControl> for Services {
    fn as_ref(&self) -> &AgentControl {
        &self.control.of_agents
    }
}

impl AsRef<Approvals> for Services {
    fn as_ref(&self) -> &Approvals {
        &self.control.approvals
    }
}

impl Services {
    /// The same for those who are held to other settings.
    ///
    /// # Errors
    /// When one of them cannot be used on this host.
    pub(crate) fn within(&self, settings: &Settings, directory: &Path) -> anyhow::Result<Self> {
        let workspace = Workspace::open(settings, directory)?;
        let terminal = self.terminal.within(settings, &workspace)?;
        Ok(Self {
            files: self.files.within(&workspace),
            processes: terminal.processes().clone(),
            terminal,
            sandbox: self.sandbox.within(&workspace),
            ..self.clone()
        })
    }

    /// The same for those whose fetches are held to these hosts.
    pub(crate) fn fetching(&self, check: Option<HostCheck>) -> Self {
        let check = check.map(|check| Arc::new(move |host: &str| check(host).map_err(Error::Refused)) as _);
        Self { internet: self.internet.within(check, receivers(&self.files)), ..self.clone() }
    }

    /// The same for those who recall entries of the memory with these tags alone.
    pub(crate) fn recalling(self, check: Option<TagCheck>) -> Self {
        let Some(check) = check else { return self };
        Self { memory: Arc::new(self.memory.within(check.into())), ..self }
    }
}

/// What is fetched goes into files by their own rules: the two domains do not know each other.
pub(crate) fn receivers(files: &Files) -> Receivers {
    use crate::{capability::Capability, internet::FetchUrl};
    let [checked, named, saved, read] = std::array::from_fn(|_| files.clone());
    Receivers {
        check: Box::new(move |context, path| checked.place_for_new(context, path).map(drop)),
        about: Box::new(move |needs, path| named.about_new(needs, path)),
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
