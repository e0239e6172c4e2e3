//! The key at start: made when there is none, refused when anyone could know it.

use crate::{
    policy::private,
    server,
    settings::{Secret, Settings},
};
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{net::SocketAddr, path::Path};

/// What `.env` is made from.
const EXAMPLE: &str = include_str!("../.env.example");

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
        return Ok(Key { secret: make(directory)?, is_new: true });
    };
    check(secret.expose(), &settings.host)?;
    Ok(Key { secret, is_new: false })
}

fn check(key: &str, host: &str) -> Result<()> {
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

/// A key of 256 random bits, written to `.env`.
fn make(directory: &Path) -> Result<Secret> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("the system gives no random numbers")?;
    let key = BASE64_URL_SAFE_NO_PAD.encode(bits);
    write(&key, directory)?;
    Ok(Secret::new(key))
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

/// Sets the line `MCP_API_KEY=` of `.env`, which is made from the example when it is missing.
///
/// # Errors
/// When `.env` cannot be read or written.
#[expect(clippy::disallowed_methods, reason = "the bridge's own .env")]
pub fn write(key: &str, directory: &Path) -> Result<()> {
    let path = directory.join(".env");
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => EXAMPLE.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    private::replace(&path, with_key(&before, key).as_bytes()).with_context(|| {
        format!("the new key cannot be written to {}: make the folder writable, or set MCP_API_KEY", path.display())
    })
}

fn with_key(env: &str, key: &str) -> String {
    let line = format!("MCP_API_KEY={key}");
    let is_key = |text: &str| {
        let text = text.trim_start().trim_start_matches("export ").trim_start();
        text.strip_prefix("MCP_API_KEY").is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut lines: Vec<&str> = env.lines().filter(|text| !is_key(text)).collect();
    let place = env.lines().position(is_key).unwrap_or(lines.len());
    lines.insert(place.min(lines.len()), &line);
    lines.join("\n") + "\n"
}
