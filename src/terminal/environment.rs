//! The environment of a command: the server's, less what is the server's alone.

use crate::settings::{Settings, TABLE};
use std::ffi::{OsStr, OsString};

/// What commands inherit.
#[derive(Clone, Debug)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The process's environment without the bridge's settings, and without any variable that holds the key.
    pub(crate) fn inherited(settings: &Settings) -> Self {
        let key = settings.api_key.as_ref().map(|key| key.expose().to_owned()).filter(|key| !key.is_empty());
        let holds_key = |value: &OsStr| key.as_ref().is_some_and(|key| value.to_string_lossy().contains(key));
        let inherited = std::env::vars_os().filter(|(name, value)| !is_setting(name) && !holds_key(value));
        Self(inherited.collect())
    }

    /// Its variables.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// Whether a variable is a setting of the bridge: all are its own business, and some are secrets.
fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("MCP_") || TABLE.iter().any(|setting| setting.name == name))
}
