//! The key at start: made when there is none, refused when anyone could know it.

use crate::{
    key_file, server,
    settings::{Secret, Settings},
};
use anyhow::{Result, bail};
use std::path::Path;

/// The beginnings of the keys that stand in READMEs, in upper case: whoever can read may know them.
const PLACEHOLDERS: [&str; 6] = ["CHANGE_ME", "CHANGEME", "YOUR_API_KEY", "YOUR_SECRET", "VOTRE_CLE", "REPLACE_ME"];

/// Keys shorter than this can be guessed.
const MIN_LENGTH: usize = 16;

/// The key to accept.
#[derive(Debug)]
pub struct Key {
    /// The key itself.
    pub secret: Secret,
    /// Whether nobody has seen it, so that its owner must be told.
    pub is_unseen: bool,
}

/// Takes the key from the settings, or makes one and writes it to `.env` of `directory`.
///
/// # Errors
/// When the key is a placeholder, is too short for a bind that others can reach, or `.env` cannot be written.
pub fn key(settings: &Settings, directory: &Path) -> Result<Key> {
    let Some(secret) = settings.api_key.clone() else {
        return Ok(Key { secret: key_file::make(directory)?, is_unseen: true });
    };
    check(secret.expose(), &settings.host)?;
    key_file::guard(directory)?;
    key_file::restrict_permissions(directory);
    Ok(Key { secret, is_unseen: key_file::is_unseen(directory) })
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
