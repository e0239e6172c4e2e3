//! What is kept of the agents, in `memory/agents.json`.

use crate::{permissions::PRESETS, policy::private};
use anyhow::{Context as _, Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{io::ErrorKind, path::Path, sync::Arc};

/// The form of the file that this program writes.
const VERSION: u32 = 1;

/// The profile of an agent of which nothing else is said.
const TRUSTED: &str = PRESETS[0];

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    version: u32,
    /// Whether no agent may call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) paused: bool,
    pub(super) agents: Vec<Record>,
}

/// What is kept of one agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Its name.
    pub(crate) name: String,
    /// What is kept of its key; absent where the key is `MCP_API_KEY`, or was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_sha256: Option<String>,
    /// When it was made, in local time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) created: String,
    /// When its key ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
    /// When its key was revoked, in local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<String>,
    /// What it may do: the name of a profile.
    #[serde(default = "trusted", skip_serializing_if = "is_trusted")]
    pub(crate) profile: Arc<str>,
    /// What it is for, in the person's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
    /// Whether the person paused it by name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) paused: bool,
    /// What it may use at most.
    #[serde(default, skip_serializing_if = "Bounds::are_none")]
    pub(crate) bounds: Bounds,
    /// When it last called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Seen>,
}

/// What an agent may use at most, beside what every caller may.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    /// Calls a second; absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) calls_per_second: Option<u32>,
    /// Calls at once; absent: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) calls_at_once: Option<u32>,
    /// MiB that it may send and be sent within a day; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mib_a_day: Option<u32>,
}

fn trusted() -> Arc<str> {
    TRUSTED.into()
}

fn is_trusted(profile: &Arc<str>) -> bool {
    **profile == *TRUSTED
}

impl Bounds {
    /// The same, where 0 is no limit of its own, as on the command line.
    pub(crate) fn without_zeros(self) -> Self {
        let own = |most: Option<u32>| most.filter(|most| *most > 0);
        let Self { calls_per_second, calls_at_once, mib_a_day } = self;
        Self { calls_per_second: own(calls_per_second), calls_at_once: own(calls_at_once), mib_a_day: own(mib_a_day) }
    }

    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// When an agent last called, and with what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub(crate) struct Seen {
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// What its client calls itself: name and version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) client: String,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            name: String::new(),
            key_sha256: None,
            created: String::new(),
            expires: None,
            revoked: None,
            profile: trusted(),
            note: String::new(),
            paused: false,
            bounds: Bounds::default(),
            seen: None,
        }
    }
}

impl Record {
    /// Whether its key ended by itself.
    pub(crate) fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= chrono::Utc::now().timestamp())
    }
}

impl File {
    pub(super) fn new(paused: bool, agents: Vec<Record>) -> Self {
        Self { version: VERSION, paused, agents }
    }

    /// Reads it; without one there is no agent yet.
    ///
    /// # Errors
    /// When it is damaged or cannot be read: nobody is let in by a guess.
    #[expect(clippy::disallowed_methods, reason = "the bridge's own file, not a path that a caller names")]
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::new(false, Vec::new())),
            read => read.with_context(|| format!("{shown} cannot be read: this user must be able to"))?,
        };
        let file: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{shown} is damaged: bring back a copy of it, or remove it and give each agent a new key with \
                 `mcp-server agent add`"
            )
        })?;
        ensure!(file.version == VERSION, "{shown} was written by a later version: use that, or remove the file");
        Ok(file)
    }

    /// Writes it, as a whole.
    ///
    /// # Errors
    /// When the disk refuses; the old file is whole then.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut json = serde_json::to_vec_pretty(self).expect("records are plain data");
        json.push(b'\n');
        private::replace(path, &json)
    }
}
