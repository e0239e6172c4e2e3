//! The key in `.env`: written there, replaced there, and followed there while the bridge runs.

use crate::{
    bridge::Bridge,
    env_file,
    policy::{
        own_files::{self, ENV, OwnFiles},
        paths::{Directory, Identity},
        private,
    },
    settings::{self, KEY, Secret},
};
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    ffi::OsStr,
    ops::Range,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// What `.env` is made from.
const EXAMPLE: &str = include_str!("../.env.example");

/// Is there from when a key was made until it was shown to somebody.
const UNSEEN: &str = ".key-unseen";

/// The beginnings of the keys that stand in READMEs, in upper case: whoever can read may know them.
const PLACEHOLDERS: [&str; 6] = ["CHANGE_ME", "CHANGEME", "YOUR_API_KEY", "YOUR_SECRET", "VOTRE_CLE", "REPLACE_ME"];

/// Keys shorter than this can be guessed.
const MIN_LENGTH: usize = 16;

/// Makes a key of 256 random bits and writes it to `.env` of `directory`. It [`is_unseen`] from then on.
///
/// # Errors
/// When there are no random numbers or `.env` cannot be written.
pub fn make(directory: &Path) -> Result<Secret> {
    let key = random()?;
    let mark = unseen(directory);
    let folder = mark.parent().expect("it lies in the bridge's folder");
    private::create_folder(folder).and_then(|()| private::replace(&mark, b"")).with_context(|| {
        format!("{} cannot be used: it must be a folder that this user may write", folder.display())
    })?;
    write(key.expose(), directory)?;
    Ok(key)
}

/// Whether nobody has seen the key that was made for `.env` of `directory`.
pub fn is_unseen(directory: &Path) -> bool {
    unseen(directory).exists() && !settings::is_in_environment(KEY)
}

/// Notes that the key was shown.
#[expect(clippy::disallowed_methods, reason = "the bridge's own file, not a path that a caller names")]
pub fn was_seen(directory: &Path) {
    // Where it cannot be removed, the key is shown once more.
    let _ = std::fs::remove_file(unseen(directory));
}

fn unseen(directory: &Path) -> PathBuf {
    Bridge::folder_in(directory).join(UNSEEN)
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
        if !settings::is_loopback(host) {
            bail!(
                "MCP_API_KEY is shorter than {MIN_LENGTH} characters, too short for {host}, where others can reach it: {advice}"
            );
        }
        tracing::warn!("MCP_API_KEY is shorter than {MIN_LENGTH} characters: {advice}");
    }
    Ok(())
}

/// Makes a key of 256 random bits.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random() -> Result<Secret> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("the system gives no random numbers")?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bits)))
}

/// Replaces the key in `.env` of `directory` by a new one, which a bridge that runs there accepts at once.
///
/// # Errors
/// When the environment sets the key, which would win, or `.env` cannot be written.
pub fn rotate(directory: &Path) -> Result<Secret> {
    if settings::is_in_environment(KEY) {
        bail!("{KEY} is set in the environment, which wins over .env: change it there, and restart the server");
    }
    make(directory)
}

/// Sets the line `MCP_API_KEY=` of `.env`, which is made from the example when it is missing.
///
/// # Errors
/// When `.env` cannot be read or written, or is not trusted.
pub fn write(key: &str, directory: &Path) -> Result<()> {
    let path = directory.join(ENV.name);
    let unreadable = || format!("{} cannot be read", path.display());
    let folder = Directory::own(directory).with_context(unreadable)?;
    let there = private::read_own(&folder, ENV.name).with_context(unreadable)?;
    if there.as_ref().is_some_and(|text| own_files::is_doubted(&folder, directory, &ENV, text)) {
        bail!("{} {}", path.display(), ENV.doubted);
    }
    let before = there.clone().unwrap_or_else(|| EXAMPLE.to_owned());
    let after = with_key(&before, key);
    let written = match difference(&before, &after) {
        // Programs that run now have this very file covered, and not one that takes its place.
        Some(part) if there.is_some() => {
            private::overwrite(&folder, ENV.name, part.start as u64, &after.as_bytes()[part])
        }
        _ => private::replace(&path, after.as_bytes()),
    };
    // Where there is no memory no bridge has run commands yet.
    written.inspect(|()| drop(own_files::remember_made(&folder, directory, &ENV))).with_context(|| {
        format!("the new key cannot be written to {}: make the folder writable, or set {KEY}", path.display())
    })
}

/// Makes a `.env` without any setting where there is none.
///
/// # Errors
/// When it cannot be made where a command could.
pub fn reserve(directory: &Path) -> Result<()> {
    Directory::own(directory).and_then(|folder| own_files::reserve(&folder, &ENV)).with_context(|| {
        let file = directory.join(ENV.name);
        format!("{} is not there and cannot be made, so that a command could make one: make it", file.display())
    })
}

/// The part in which two texts of one length differ: as long as the key of `.env` is one that was made here.
fn difference(before: &str, after: &str) -> Option<Range<usize>> {
    let differs = |(one, other): (u8, u8)| one != other;
    let first = before.bytes().zip(after.bytes()).position(differs)?;
    let last = before.bytes().rev().zip(after.bytes().rev()).position(differs)?;
    (before.len() == after.len()).then(|| first..after.len() - last)
}

/// Leaves `.env` to its owner alone, where there is one.
pub fn restrict_permissions(directory: &Path) {
    private::restrict_to_owner(&directory.join(ENV.name));
}

/// Gives the key of `.env` whenever it has become another, for [`crate::caller::Keys::following`]; `None` when the
/// environment sets the key, which wins. The file counts only in the folder that has this name now, whatever folder has
/// it later. A key that may not be used at `host` is not followed, and said so once; so is one in a file that others
/// could have written.
pub fn follow(directory: &Path, current: &Secret, host: &str) -> Option<crate::caller::Source> {
    if settings::is_in_environment(KEY) {
        return None;
    }
    let folder = Directory::own(directory).ok()?;
    let file = OwnFiles::of(directory).ok()?;
    let last = Mutex::new((stamp(&folder), current.clone()));
    let (directory, host) = (directory.to_owned(), host.to_owned());
    Some(Box::new(move || {
        let mut last = last.lock().expect("no one panics while holding it");
        // Taken before the file is read: what changes in between is read again.
        let now = stamp(&folder);
        if now == last.0 {
            return None;
        }
        last.0 = now;
        if !file.counts(&ENV) {
            return None;
        }
        let key = usable_key(&folder, &directory, &host)
            .inspect_err(|error| tracing::warn!("the key stays as it was: {error:#}"))
            .ok()?;
        // What took its place after it was judged is judged at the next request.
        (key != last.1 && stamp(&folder) == now).then(|| {
            last.1 = key.clone();
            key.expose().to_owned()
        })
    }))
}

fn usable_key(folder: &Directory, directory: &Path, host: &str) -> Result<Secret> {
    let key = env_file::key(folder, directory)?.with_context(|| format!("{KEY} is no longer set in {}", ENV.name))?;
    check(key.expose(), host)?;
    Ok(key)
}

/// What changes whenever a file is written, replaced, or given to somebody else.
type Stamp = Option<(i64, u64, Identity)>;

fn stamp(folder: &Directory) -> Stamp {
    let found = folder.look(OsStr::new(ENV.name)).ok()?;
    Some((found.changed, found.size, found.identity))
}

fn with_key(env: &str, key: &str) -> String {
    let line = format!("{KEY}={key}");
    let is_key = |text: &str| settings::assignment(text).is_some_and(|(name, _)| name == KEY);
    let mut lines: Vec<&str> = env.lines().filter(|text| !is_key(text)).collect();
    let place = env.lines().position(is_key).unwrap_or(lines.len());
    lines.insert(place.min(lines.len()), &line);
    lines.join("\n") + "\n"
}
