//! What is said over a process's WebSocket beside the bytes: JSON with a `type`.

use crate::terminal::processes::{Status, Stream};
use serde::{Deserialize, Serialize};

/// The client's first message, when neither a header nor a ticket let it in.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Hello {
    /// The key.
    pub auth: String,
    /// Where in the output to begin: a cursor, or that many bytes before the end when negative. Without it, at the
    /// oldest output that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<i64>,
    /// The width of the client's terminal, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cols: Option<u16>,
    /// The height of the client's terminal, in lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
}

/// What a client says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FromClient {
    /// Text to type; bytes go as binary messages.
    Input {
        /// The text, verbatim.
        text: String,
    },
    /// Its terminal has this size.
    Resize {
        /// Width in characters, 1 to 1000.
        cols: u16,
        /// Height in lines, 1 to 1000.
        rows: u16,
    },
    /// A signal for the process.
    Signal {
        /// Its name, with or without SIG.
        signal: String,
    },
    /// No more input comes.
    Eof,
}

/// What the server says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FromServer {
    /// The client is let in.
    Ready {
        /// The process.
        id: String,
        /// What it runs.
        command: String,
        /// Whether it has a terminal; without one, standard output and standard error are told apart.
        pty: bool,
        /// The terminal's width in characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cols: Option<u16>,
        /// The terminal's height in lines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<u16>,
        /// The cursor of the first byte that comes.
        cursor: u64,
        /// The cursor after what the process had written when the client came in: what comes later is live.
        end: u64,
        /// Where the process is in its life.
        status: Status,
    },
    /// The binary messages from here on are of this stream. Before the first of them: standard output, or the terminal.
    Stream {
        /// The stream.
        stream: Stream,
    },
    /// The client was too slow: this much output is no longer kept.
    Missed {
        /// How many bytes.
        bytes: u64,
        /// The cursor of the next byte that comes.
        cursor: u64,
    },
    /// Someone gave the terminal another size.
    Resized {
        /// Width in characters.
        cols: u16,
        /// Height in lines.
        rows: u16,
    },
    /// What the client asked could not be done. The session goes on, unless the socket is closed after it.
    Error {
        /// Why, and how to fix it.
        detail: String,
    },
    /// The process is over and all its output was sent.
    Exit {
        /// How it ended.
        status: Status,
        /// Its exit code where it is known; negative when a signal ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
}
