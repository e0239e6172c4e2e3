//! Asks for a line at the person's terminal that the terminal does not show.

use super::{
    screen::{Signals, Told, without_echo},
    typed_line::{Typed, TypedLine},
};
use crate::settings::Secret;
use anyhow::{Context as _, Result, bail};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
};
use tokio::sync::oneshot;

/// Asks it. None where this program has no terminal.
///
/// # Errors
/// When the person gives none, or the terminal goes away.
pub(super) async fn ask(prompt: &str) -> Result<Option<Secret>> {
    let Some(mut terminal) = terminal() else { return Ok(None) };
    let mut signals = Signals::listen()?;
    let reader = terminal.try_clone().context("the terminal cannot be read")?;
    let restored = without_echo(&terminal).context("the terminal would show what you type")?;
    write!(terminal, "{prompt}").context("the terminal cannot be written to")?;
    let (sender, typed) = oneshot::channel();
    // Reading a terminal cannot be given up: the thread ends with the line or with the program.
    std::thread::spawn(move || drop(sender.send(read(reader))));
    let typed = async {
        tokio::select! {
            typed = typed => typed.ok().flatten(),
            () = leaving(&mut signals) => None,
        }
    }
    .await;
    drop(restored);
    writeln!(terminal).context("the terminal cannot be written to")?;
    match typed {
        Some(typed) => Ok(Some(typed)),
        None => bail!("nothing was done, since no passphrase was given"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the person's own terminal, whatever standard input is")]
fn terminal() -> Option<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").ok()
}

/// Key by key: what comes after the line is for who asks next.
fn read(mut terminal: File) -> Option<Secret> {
    let (mut line, mut key) = (TypedLine::default(), [0]);
    while terminal.read(&mut key).ok()? == key.len() {
        match line.press(key[0]) {
            Typed::More => {}
            Typed::Whole(text) => return Some(text),
            Typed::Left => return None,
        }
    }
    None
}

async fn leaving(signals: &mut Signals) {
    while !matches!(signals.next().await, Told::Leave) {}
}
