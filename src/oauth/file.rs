//! What is kept, in `memory/oauth.json`.

use super::{
    Access,
    client::Client,
    grant::{Grant, Token},
};
use crate::policy::private;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    io::{self, ErrorKind},
    path::Path,
};

/// The form of the file that this program writes.
const VERSION: u32 = 1;

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    version: u32,
    /// Those that registered themselves.
    pub(super) clients: Vec<Client>,
    /// What the person let them do.
    pub(super) grants: Vec<Grant>,
    /// The agents that were made for clients, with whose each is.
    #[serde(default)]
    pub(super) agents: BTreeMap<String, String>,
}

impl File {
    /// Reads it; without one nobody was let in yet.
    ///
    /// # Errors
    /// When it is damaged or cannot be read: nobody is let in by a guess.
    #[expect(clippy::disallowed_methods, reason = "the bridge's own file, not a path that a caller names")]
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, clients: Vec::new(), grants: Vec::new(), agents: BTreeMap::new() });
            }
            read => read.with_context(|| format!("{shown} cannot be read: this user must be able to"))?,
        };
        let file: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{shown} is damaged: bring back a copy of it, or remove it and connect the clients of the web anew")
        })?;
        ensure!(file.version == VERSION, "{shown} is of another version of this program, which must read it");
        Ok(file)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        private::replace(path, &serde_json::to_vec_pretty(self)?)
    }

    /// The access tokens that count: those for addresses of this server.
    pub(super) fn access(&self, issuer: &str) -> HashMap<String, Access> {
        let own = self.grants.iter().filter(|grant| grant.is_for(issuer));
        let tokens = own.flat_map(|grant| grant.access.iter().map(move |token| (grant, token)));
        let opens = |(grant, token): (&Grant, &Token)| {
            let [of, agent, key_sha256] = [&grant.id, &grant.agent, &grant.key_sha256].map(Clone::clone);
            (token.sha256.clone(), Access { grant: of, agent, key_sha256, until: token.until })
        };
        tokens.map(opens).collect()
    }
}
