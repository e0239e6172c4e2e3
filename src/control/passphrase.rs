//! The person's passphrase: what shows that a yes comes from the person, and not from a program that runs as their user.
//!
//! Of it only an Argon2id hash is kept, in a file beside the owner's token. Every doubt about that file is a no.

use super::delay::Delay;
use crate::{
    blocking::blocking,
    capability::Context,
    error::{Error, Result},
    policy::{paths::Directory, private},
    settings::Secret,
};
use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio::sync::Mutex;

/// The name of the file in the bridge's folder. It is for its owner alone, as the folder is, and denied to the file routes
/// and to commands.
const FILE: &str = "owner.passphrase";

/// What stands in the file where there is no passphrase.
const NONE: &str = "none";

/// How long the file's text is, in bytes. Programs that run have this very file covered: it is written over and never
/// replaced, so that every text has the same length.
const LENGTH: usize = 160;

/// The shortest passphrase, in characters (NIST SP 800-63B-4, section 3.1.1.2, for one that is not the only factor).
const SHORTEST: usize = 8;

/// The longest, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// A hash that asks for more memory than this (256 MiB, in KiB) is none of ours.
const MAX_MEMORY: u32 = 256 * 1024;

/// A hash that asks for more passes or lanes than this is none of ours.
const MAX_COST: u32 = 16;

/// The passphrase of a bridge's person.
pub(crate) struct Passphrase(Arc<Mutex<State>>);

struct State {
    folder: PathBuf,
    /// What the file held when it was opened, or was written here since.
    kept: Kept,
    delay: Delay,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    /// There is no passphrase.
    Unset,
    /// The hash of the passphrase, as a PHC string.
    Set(String),
    /// The file is damaged: why.
    Damaged(String),
}

impl Passphrase {
    /// That of a bridge's folder. A damaged one is a no to whatever needs it.
    pub(crate) fn open(folder: &Path) -> Self {
        let state = State { folder: folder.to_owned(), kept: read(folder), delay: Delay::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The same, and its file is there from now on, so that the confinement of commands covers it before it holds anything.
    ///
    /// # Errors
    /// When it can't be made.
    pub(crate) fn open_or_make(folder: &Path) -> std::io::Result<Self> {
        if !is_there(folder) {
            private::replace(&folder.join(FILE), padded(NONE).as_bytes())?;
        }
        Ok(Self::open(folder))
    }

    /// Whether that of a folder is set, or was and is damaged.
    pub(crate) fn is_set_in(folder: &Path) -> bool {
        read(folder) != Kept::Unset
    }

    /// Whether that of a folder is set and whole.
    pub(crate) fn is_asked_for_in(folder: &Path) -> bool {
        matches!(read(folder), Kept::Set(_))
    }

    /// Lets a call of the person go on that gives an agent more than it had.
    ///
    /// One is tried at a time, however many come at once, and what was tried counts also when its caller went away.
    ///
    /// # Errors
    /// [`Error::PassphraseNeeded`] when the call came without it, [`Error::WrongPassphrase`] when it is another one,
    /// [`Error::TooMany`] soon after a wrong one, [`Error::Refused`] when the file is damaged or was changed by others.
    pub(crate) async fn confirm(&self, context: &Context) -> Result<()> {
        let (mut state, presented) = (self.0.clone().lock_owned().await, context.passphrase().cloned());
        blocking(move || state.confirm(presented.as_ref(), Instant::now())).await?
    }

    /// Sets another one, or removes it. The call brings the one of before, where there is one.
    ///
    /// # Errors
    /// As [`Self::confirm`]; [`Error::Invalid`] for one that is too short or too long; when the disk refuses.
    pub(crate) async fn set(&self, context: &Context, new: Option<Secret>) -> Result<()> {
        let (mut state, presented) = (self.0.clone().lock_owned().await, context.passphrase().cloned());
        blocking(move || {
            state.confirm(presented.as_ref(), Instant::now())?;
            state.set(new.as_ref())
        })
        .await?
    }
}

impl State {
    fn confirm(&mut self, presented: Option<&Secret>, now: Instant) -> Result<()> {
        let there = read(&self.folder);
        let hash = match &self.kept {
            Kept::Damaged(why) => return Err(damaged(why)),
            kept if there != *kept => return Err(changed_by_others(&self.folder)),
            Kept::Unset => return Ok(()),
            Kept::Set(hash) => hash,
        };
        let presented = presented.ok_or(Error::PassphraseNeeded)?;
        self.delay.check(now)?;
        if is_right(presented, hash) {
            self.delay = Delay::default();
            return Ok(());
        }
        self.delay.add(Instant::now());
        Err(Error::WrongPassphrase)
    }

    fn set(&mut self, new: Option<&Secret>) -> Result<()> {
        let kept = match new {
            Some(new) => {
                check(new)?;
                let hash = Argon2::default().hash_password(new.expose().as_bytes());
                Kept::Set(hash.map_err(|error| Error::internal(anyhow::anyhow!("no hash: {error}")))?.to_string())
            }
            None => Kept::Unset,
        };
        let text = padded(if let Kept::Set(hash) = &kept { hash } else { NONE });
        match is_there(&self.folder) {
            true => private::overwrite(&Directory::own(&self.folder)?, FILE, 0, text.as_bytes())?,
            false => private::replace(&self.folder.join(FILE), text.as_bytes())?,
        }
        self.kept = kept;
        Ok(())
    }
}

/// Reads the file. Where there is none, nothing was set.
fn read(folder: &Path) -> Kept {
    let path = folder.join(FILE);
    let text = Directory::own(folder).and_then(|folder| private::read_own(&folder, FILE));
    let text = match text {
        Ok(None) => return Kept::Unset,
        Ok(Some(text)) => text,
        // No bridge was here yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Kept::Unset,
        Err(error) => return Kept::Damaged(format!("{} cannot be used: {error}", path.display())),
    };
    match text.trim_end() {
        NONE => Kept::Unset,
        hash if is_hash(hash) => Kept::Set(hash.to_owned()),
        _ => Kept::Damaged(format!("{} is damaged", path.display())),
    }
}

/// Whether something has the file's name.
fn is_there(folder: &Path) -> bool {
    let found = Directory::own(folder).and_then(|folder| folder.look(FILE.as_ref()));
    !found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Whether a text is a hash that can be held against a passphrase, at a cost that is bounded.
fn is_hash(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let is_whole = hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some();
    let params = Params::try_from(&hash);
    let is_bounded = params.is_ok_and(|params| {
        params.m_cost() <= MAX_MEMORY && params.t_cost() <= MAX_COST && params.p_cost() <= MAX_COST
    });
    is_whole && is_bounded
}

fn is_right(presented: &Secret, hash: &str) -> bool {
    let presented = presented.expose().as_bytes();
    presented.len() <= LONGEST
        && PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(presented, &hash).is_ok())
}

fn check(new: &Secret) -> Result<()> {
    let text = new.expose();
    if text.chars().count() < SHORTEST || text.len() > LONGEST || text.chars().any(char::is_control) {
        let how = format!("Input should be {SHORTEST} characters at least and {LONGEST} bytes at most, in one line");
        return Err(Error::invalid("new_passphrase", how));
    }
    Ok(())
}

fn padded(text: &str) -> String {
    format!("{text:<width$}\n", width = LENGTH - 1)
}

fn damaged(why: &str) -> Error {
    let how = "Bring back a copy of it and start the bridge again; or, if you are sure that you want none, remove it, start the \
               bridge again, and set a passphrase anew with `mcp-server owner passphrase`";
    Error::Refused(format!("Nothing is approved: {why}")).with_hint(|| Some(how.to_owned()))
}

fn changed_by_others(folder: &Path) -> Error {
    let path = folder.join(FILE);
    let why = format!("Nothing is approved: {} was changed while the bridge runs, and not by it", path.display());
    let how = "Find out by whom: an agent may have done it. When it is as you want it, start the bridge again";
    Error::Refused(why).with_hint(|| Some(how.to_owned()))
}
