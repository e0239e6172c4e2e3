//! The bridge: every service, the catalog of what it can do, and the one way to have it done.

use crate::{
    arguments::{self, Arguments},
    caller::{Caller, Keys, Limits},
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::{self, Files},
    history::{Entry, History},
    internet::{self, Internet},
    memory::{self, Memory},
    owner::{Claim, Owner},
    policy::{Workspace, private},
    sandbox::{self, Sandbox},
    settings::Settings,
    terminal::{self, Terminal},
};
use anyhow::Context as _;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
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
    files: Files, terminal: Terminal, memory: Memory, internet: Internet, sandbox: Sandbox, history: History,
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
    face.show::<filesystem::WriteFile>();
    face.show::<filesystem::ListDirectory>();
    face.show::<filesystem::SearchFiles>();
    face.show::<terminal::ExecuteCommand>();
    face.show::<terminal::TerminalInfo>();
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

impl Bridge {
    /// Opens the services over `directory`: relative paths, `memory/` and `.env` are there.
    ///
    /// # Errors
    /// When something of the bridge's own cannot be made or read; the message names it and how to mend it.
    /// [`crate::owner::Held`] when another process has the folder.
    pub fn open(settings: Settings, keys: Keys, directory: &Path) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let keys = Arc::new(keys);
        let folder = Self::folder_in(directory);
        let owner = own(&folder)?;
        private::tighten(&folder);
        let history = History::open(folder.join("history")).with_context(|| {
            format!("{} cannot be made: it must be a folder that this user may write", folder.join("history").display())
        })?;
        let workspace = Workspace::open(&settings, directory)?;
        Ok(Self {
            history: Arc::new(history),
            files: Files::open(&workspace, &settings)?,
            terminal: Terminal::open(&settings, directory)?,
            memory: Memory::open(&settings, &folder)?,
            internet: Internet::open(&settings)?,
            limits: Arc::new(Limits::new(&settings)),
            sandbox: Sandbox::open(&workspace, &settings)?,
