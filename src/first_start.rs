//! The key at start: made when there is none, refused when anyone could know it.

use crate::{
    key_file, server,
    settings::{Secret, Settings},
};
use anyhow::{Result, bail};
use std::{net::SocketAddr, path::Path};

/// The beginnings of the keys that stand in READMEs, in upper case: whoever can read may know them.
const PLACEHOLDERS: [&str; 6] = ["CHANGE_ME", "CHANGEME", "YOUR_API_KEY", "YOUR_SECRET", "VOTRE_CLE", "REPLACE_ME"];

/// Keys shorter than this can be guessed.
const MIN_LENGTH: usize = 16;

/// The key to accept.
#[derive(Debug)]
pub struct Key {
    /// The key itself.
    pub secret: Secret,
    /// Whether it was made just now, so that its owner must be told.
    pub is_new: bool,
}

/// Takes the key from the settings, or makes one and writes it to `.env` of `directory`.
///
/// # Errors
/// When the key is a placeholder, is too short for a bind that others can reach, or `.env` cannot be written.
pub fn key(settings: &Settings, directory: &Path) -> Result<Key> {
    let Some(secret) = settings.api_key.clone() else {
        return Ok(Key { secret: key_file::make(directory)?, is_new: true });
    };
    check(secret.expose(), &settings.host)?;
    key_file::guard(directory)?;
    key_file::tighten(directory);
    Ok(Key { secret, is_new: false })
}

/// The key of a bridge that nobody calls with one: the settings', or one that is kept nowhere.
///
/// # Errors
/// When the system gives no random numbers.
pub fn key_unasked(settings: &Settings, directory: &Path) -> Result<Secret> {
    key_file::guard(directory)?;
    settings.api_key.clone().map_or_else(key_file::random, Ok)
}

/// Whether a key is good enough for a bridge that listens on `host`; one that is short warns on loopback.
///
/// # Errors
/// When the key is a placeholder, or too short for a bind that others can reach.
pub fn check(key: &str, host: &str) -> Result<()> {
    let upper = key.to_uppercase();
    if PLACEHOLDERS.iter().any(|placeholder| upper.starts_with(placeholder)) {
        bail!(
            "MCP_API_KEY is the placeholder {key:?}, which anyone may know: set a key of your own, or remove the line and one is made for you"
        );
    }
    if key.chars().count() < MIN_LENGTH {
        let advice = "use at least 16 characters, or remove the line and one is made for you";
        if !server::is_loopback(host) {
            bail!(
                "MCP_API_KEY is shorter than {MIN_LENGTH} characters, too short for {host}, where others can reach it: {advice}"
            );
        }
        tracing::warn!("MCP_API_KEY is shorter than {MIN_LENGTH} characters: {advice}");
    }
    Ok(())
}

/// What a person needs to know once the server listens.
pub fn welcome(address: SocketAddr, key: &Key, directory: &Path) -> String {
    let url = format!("http://{address}");
    if !key.is_new {
        return format!("MCP Server listens on {url} (docs: {url}/docs). The key is MCP_API_KEY.");
    }
    let secret = key.secret.expose();
    format!(
        "MCP Server listens on {url}\n\n  Docs  {url}/docs\n  Key   {secret}\n        \
         (made just now, kept in {}; not shown again)\n\nTry it:\n\n  \
         curl -s {url}/terminal/execute -H 'Authorization: Bearer {secret}' \
         -H 'Content-Type: application/json' -d '{{\"command\": \"echo hello\"}}'\n",
        directory.join(".env").display()
    )
}

/// What a person needs to know after `key rotate`.
pub fn rotated(key: &Secret, directory: &Path) -> String {
    format!(
        "The key was replaced. A server that runs here takes the new one at once, and no longer the old one.\n\n  \
         Key   {}\n        (kept in {}; not shown again)",
        key.expose(),
        directory.join(".env").display()
    )
}
