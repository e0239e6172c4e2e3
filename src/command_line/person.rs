//! The person at the command line: whose bridge it is, and how they give their passphrase.

use super::hidden_line;
use crate::{
    bridge::Bridge,
    control::{LONGEST_PASSPHRASE, Passphrase},
    settings::Secret,
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    io::{BufRead, Read},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// The person of the bridge in a directory.
pub(crate) struct Person<'a> {
    /// The bridge's directory.
    pub(crate) directory: &'a Path,
    /// Whether a passphrase comes on standard input, a line each, and not from the terminal.
    from_stdin: bool,
    /// What they gave before.
    given: Mutex<Option<Secret>>,
}

impl<'a> Person<'a> {
    /// They give a passphrase only when it is asked for.
    pub(crate) fn of(directory: &'a Path, from_stdin: bool) -> Self {
        Self { directory, from_stdin, given: Mutex::default() }
    }

    /// The passphrase that they gave before.
    pub(crate) fn given(&self) -> Option<Secret> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for the passphrase, without showing it.
    ///
    /// # Errors
    /// When none is given, or there is nobody to ask.
    pub(crate) async fn ask(&self) -> Result<Secret> {
        let passphrase = self.line("Passphrase: ").await?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(passphrase.clone());
        Ok(passphrase)
    }

    /// Asks for it before something that needs it, where one is set: nothing is refused then, and recorded as refused, only
    /// since it was not asked for yet.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn ask_if_set(&self) -> Result<()> {
        if self.given().is_none() && Passphrase::is_asked_for_in(&Bridge::folder_in(self.directory)) {
            self.ask().await?;
        }
        Ok(())
    }

    /// Asks for a new passphrase, at a terminal twice.
    ///
    /// # Errors
    /// When none is given, the two differ, or there is nobody to ask.
    pub(crate) async fn ask_new(&self) -> Result<Secret> {
        let new = self.line("New passphrase: ").await?;
        if !self.from_stdin {
            let again = self.line("The same again: ").await?;
            ensure!(new == again, "the two differ, so nothing was changed: say it again");
        }
        Ok(new)
    }

    async fn line(&self, prompt: &str) -> Result<Secret> {
        if self.from_stdin {
            return read_line();
        }
        match hidden_line::ask(prompt).await? {
            Some(line) => Ok(line),
            None => bail!(
                "your passphrase is needed for this, and there is no terminal to ask you at: say it at one, or give the \
                 passphrase on standard input with --passphrase-stdin"
            ),
        }
    }
}

/// The next line of standard input.
fn read_line() -> Result<Secret> {
    let mut line = String::new();
    // As much as tells that it is too long, with the end of the line.
    let mut input = std::io::stdin().lock().take(LONGEST_PASSPHRASE as u64 + 2);
    input.read_line(&mut line).context("standard input holds no text")?;
    let line = line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    ensure!(!line.is_empty(), "standard input has no line with the passphrase that is needed");
    Ok(Secret::new(line))
}
