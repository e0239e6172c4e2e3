//! The screen of a process with a terminal, as a person would see it.

use crate::{excerpt::incomplete, terminal::drawn::rows_of};
use avt::{ScreenKind, Terminal};
use schemars::JsonSchema;
use serde::Serialize;

/// Screens of more cells are not kept: people's have some thousands, and each takes memory in the bridge.
const MAX_CELLS: usize = 100_000;

/// A screen that follows what is written to it.
pub(crate) struct Screen {
    terminal: Terminal,
    /// The beginning of a character whose rest is still to come.
    begun: Vec<u8>,
}

/// What is on a screen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// The rows from the top, without blanks at their ends.
    rows: Vec<String>,
    /// Where the cursor is.
    cursor: Cursor,
    /// How many columns the screen has.
    cols: usize,
    /// Whether a program draws on the whole screen (the alternate screen of editors and pagers).
    alternate: bool,
}

/// Where a cursor is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Cursor {
    /// Its row, counted from 0.
    row: usize,
    /// Its column, counted from 0.
    col: usize,
    /// Whether the program shows it.
    visible: bool,
}

impl Screen {
    /// An empty one; `None` when it would be too large.
    pub(crate) fn new((columns, rows): (u16, u16)) -> Option<Self> {
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let terminal = Terminal::new(columns, rows).ok().filter(|_| columns * rows <= MAX_CELLS)?;
        Some(Self { terminal, begun: Vec::new() })
    }

    /// Takes in what was written.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        let whole = self.begun.len() - incomplete(&self.begun);
        self.terminal.feed(&*String::from_utf8_lossy(&self.begun[..whole]));
        self.begun.drain(..whole);
    }

    /// Changes its size as its terminal's changes; a size that is too large leaves it as it is.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        if usize::from(columns) * usize::from(rows) <= MAX_CELLS {
            self.terminal.resize(columns.into(), rows.into());
        }
    }

    /// What is on it now.
    pub(crate) fn shown(&self) -> Shown {
        let cursor = self.terminal.cursor();
        let cols = self.terminal.size().0;
        Shown {
            rows: rows_of(&self.terminal),
            // Behind the last column the next character will go to the next row.
            cursor: Cursor { row: cursor.row, col: cursor.col.min(cols - 1), visible: cursor.visible },
            cols,
            alternate: self.terminal.active_screen_kind() == ScreenKind::Alternate,
        }
    }
}
