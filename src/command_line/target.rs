//! Which bridge the command line talks to.

use super::{
    CommandLine,
    control::{Door, answered},
};
use crate::{
    bridge::Bridge,
    env_file,
    owner::{AlreadyOwned, Owner},
    policy::paths::Directory,
    server::address,
    settings::{Secret, Settings, key_in_environment},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long anything that is asked may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The bridge of a directory.
pub struct Target {
    /// The server's directory.
    pub directory: PathBuf,
    /// Where it serves, or would: `http://127.0.0.1:7860`.
    pub url: String,
    /// The process that has the directory now.
    pub owner: Option<AlreadyOwned>,
    /// Whether the command line says where it is.
    is_named: bool,
    key: Option<Secret>,
}

impl Target {
    /// The bridge of `directory`: where it says that it serves, or else where the settings and the command line say.
    pub fn find(command: &CommandLine, settings: &Settings, directory: &Path) -> Self {
        let owner = Owner::of(&Bridge::folder_in(directory));
        let is_named = command.host.is_some() || command.port.is_some();
        let announced = owner.as_ref().and_then(|held| held.url.clone()).filter(|_| !is_named);
        let url = announced.unwrap_or_else(|| address::local_url(&settings.host, settings.port.number));
        Self { directory: directory.to_owned(), url, owner, is_named, key: settings.api_key.clone() }
    }

    /// The key of its settings.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn key(&self) -> Result<&Secret> {
        self.key.as_ref().with_context(|| {
            format!(
                "there is no key in .env of {} or the environment: start mcp-server there once, and it makes one, or say \
                 --directory where its .env is",
                self.directory.display()
            )
        })
    }

    /// Which bridge it is and whether it runs, in words.
    pub fn described(&self) -> String {
        let state = match &self.owner {
            Some(AlreadyOwned { pid: Some(pid), url: Some(_), .. }) => format!("which runs now (process {pid})"),
            Some(AlreadyOwned { pid: Some(pid), .. }) => {
                format!("which runs now without HTTP (process {pid}, for one client)")
            }
            Some(_) => "which runs now".to_owned(),
            None => "which does not run now".to_owned(),
        };
        format!("the bridge of {} at {}, {state}", self.directory.display(), self.url)
    }

    /// The way to it as its person: where it runs with a control socket, and no other is meant by an address.
    ///
    /// # Errors
    /// When this user cannot come in.
    pub(crate) async fn door(&self) -> Result<Option<Door>> {
        if self.is_named { Ok(None) } else { Door::to(&self.directory).await }
    }

    /// Asks the running bridge, as its person where that can be: `POST` of `body` to `route`.
    ///
    /// # Errors
    /// When it does not run or refuses; the message says how to fix it.
    pub async fn ask(&self, route: &str, body: &Value) -> Result<Value> {
        if let Some(door) = self.door().await? {
            return door.ask(route, body, None).await;
        }
        let request = http().post(format!("{}{route}", self.url)).bearer_auth(self.key()?.expose()).json(body);
        let reply = request.send().await.with_context(|| {
            format!(
                "no bridge answers at {}: start mcp-server in {}, or say --directory of the one that runs",
                self.url,
                self.directory.display()
            )
        })?;
        let status = reply.status();
        let answer: Value = reply.json().await.with_context(|| format!("another program answers at {}", self.url))?;
        answered(status, answer)
    }
}

/// A client for this machine's own server.
#[expect(clippy::disallowed_methods, reason = "asks this machine's own server, at the user's terminal")]
pub(crate) fn http() -> reqwest::Client {
    // A second call finds one in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().expect("a plain client can be made")
}

/// Fails in a directory that never had a bridge and has no key for one.
///
/// # Errors
/// When it is such a directory, or its `.env` cannot be read.
pub(crate) fn require_bridge(directory: &Path) -> Result<()> {
    let was_here = Owner::was_in(&Bridge::folder_in(directory)) || key_in_environment().is_some();
    let has_bridge = was_here || env_file::key(&Directory::own(directory)?, directory)?.is_some();
    ensure!(
        has_bridge,
        "there is no bridge in {}: start mcp-server there once, or name the folder of yours with --directory",
        directory.display()
    );
    Ok(())
}
