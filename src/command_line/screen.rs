//! The person's own terminal: raw or key by key while this program has it, and as it was afterwards, however that comes.

use rustix::{
    stdio::{stdin, stdout},
    termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr},
};
use std::{
    fs::File,
    io::{self, Write},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The terminal, in another mode until this is dropped.
pub(crate) struct Screen {
    before: Termios,
}

impl Screen {
    /// Makes the terminal raw; `None` when standard input is no terminal.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn take() -> io::Result<Option<Self>> {
        Self::changed(Termios::make_raw)
    }

    /// Has keys come as they are pressed, and not shown; `None` when standard input is no terminal.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn take_keys() -> io::Result<Option<Self>> {
        Self::changed(|modes| modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO)
    }

    fn changed(change: impl FnOnce(&mut Termios)) -> io::Result<Option<Self>> {
        if !isatty(stdin()) {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut changed = before.clone();
        change(&mut changed);
        tcsetattr(stdin(), OptionalActions::Now, &changed)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = io::stdout().flush();
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.before);
    }
}

/// A terminal whose keys come as they are pressed, all of them, and are not shown, until this is dropped.
pub(crate) struct Unechoed {
    terminal: File,
    before: Termios,
}

/// Has a terminal not show what is typed.
///
/// # Errors
/// When the system refuses.
pub(crate) fn without_echo(terminal: &File) -> io::Result<Unechoed> {
    let terminal = terminal.try_clone()?;
    let before = tcgetattr(&terminal)?;
    let mut changed = before.clone();
    changed.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    tcsetattr(&terminal, OptionalActions::Flush, &changed)?;
    Ok(Unechoed { terminal, before })
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Columns and rows of the terminal, when standard output is one.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// What the system tells a client: a new size, and that it should go.
pub(crate) struct Signals {
    resized: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// One of them.
pub(crate) enum Told {
    /// The terminal has another size.
    Resized,
    /// The client should go.
    Leave,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.resized.recv() => Told::Resized,
            _ = self.terminate.recv() => Told::Leave,
            _ = self.hangup.recv() => Told::Leave,
        }
    }
}
