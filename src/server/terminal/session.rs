//! One watcher at its socket. What it types and what it is shown go their own ways: one that stops reading can still
//! press Ctrl-C.

use super::messages::{FromClient, FromServer};
use crate::{
    error::{Error, Result},
    problem::described,
    terminal::processes::{Event, Process, Stream, Watcher},
};
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures::{
    Sink, SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How often a silent socket is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// Answers to what the client asked that may wait to be sent.
const WAITING: usize = 16;

/// A watcher and its process.
pub(crate) struct Session {
    process: Arc<Process>,
    watcher: Watcher,
    /// How many bytes were typed.
    pub typed: u64,
    /// How many bytes were shown.
    pub shown: u64,
}

impl Session {
    /// Brings a watcher to its socket.
    pub(crate) fn new(process: Arc<Process>, watcher: Watcher) -> Self {
        Self { process, watcher, typed: 0, shown: 0 }
    }

    /// Runs until the process is over and all was shown, or the client goes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn run(&mut self, socket: &mut WebSocket, cursor: u64) -> Result<()> {
        let Self { process, watcher, typed, shown } = self;
        if say(socket, &ready(process, cursor)).await.is_err() {
            return Ok(());
        }
        let (mut sink, mut stream) = socket.split();
        let (answers, waiting) = mpsc::channel(WAITING);
        tokio::select! {
            ended = show(watcher, &mut sink, waiting, shown) => ended,
            () = listen(process, &mut stream, &answers, typed) => Ok(()),
        }
    }
}

fn ready(process: &Process, cursor: u64) -> FromServer {
    let state = process.state();
    FromServer::Ready {
        id: process.record.id(),
        command: process.record.command.clone(),
        pty: process.record.pty,
        cols: state.size.map(|(columns, _)| columns),
        rows: state.size.map(|(_, rows)| rows),
        cursor,
        end: state.end,
        status: state.status(),
    }
}

/// Sends a message as JSON.
///
/// # Errors
/// When the client is gone.
pub(crate) async fn say<S: Sink<Message, Error = axum::Error> + Unpin>(
    socket: &mut S,
    message: &FromServer,
) -> Result<(), axum::Error> {
    let text = serde_json::to_string(message).expect("a message is plain data");
    socket.send(Message::Text(text.into())).await
}

/// Sends what happens until it is over or the client takes nothing any more.
async fn show(
    watcher: &mut Watcher,
    sink: &mut SplitSink<&mut WebSocket, Message>,
    mut answers: mpsc::Receiver<FromServer>,
    shown: &mut u64,
) -> Result<()> {
    let mut current = None;
    loop {
        let messages = tokio::select! {
            event = watcher.next() => told(event?, &mut current, shown),
            Some(answer) = answers.recv() => Outgoing::Go(vec![text(&answer)]),
            () = tokio::time::sleep(PING_EVERY) => Outgoing::Go(vec![Message::Ping(Bytes::new())]),
        };
        let (messages, is_last) = match messages {
            Outgoing::Go(messages) => (messages, false),
            Outgoing::Last(message) => (vec![message], true),
        };
        for message in messages {
            // One that takes nothing any more is hung up on by its connection.
            if sink.send(message).await.is_err() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

enum Outgoing {
    Go(Vec<Message>),
    Last(Message),
}

fn text(message: &FromServer) -> Message {
    Message::Text(serde_json::to_string(message).expect("a message is plain data").into())
}

fn told(event: Event, current: &mut Option<Stream>, shown: &mut u64) -> Outgoing {
    Outgoing::Go(match event {
        Event::Output { runs, .. } => {
            let mut messages = Vec::with_capacity(2 * runs.len());
            for run in runs {
                let before = current.replace(run.stream).unwrap_or(first(run.stream));
                if before != run.stream {
                    messages.push(text(&FromServer::Stream { stream: run.stream }));
                }
                *shown += run.bytes.len() as u64;
                messages.push(Message::Binary(run.bytes.into()));
            }
            messages
        }
        Event::Missed { bytes, cursor } => vec![text(&FromServer::Missed { bytes, cursor })],
        Event::Resized(cols, rows) => vec![text(&FromServer::Resized { cols, rows })],
        Event::Ended(ending) => {
            return Outgoing::Last(text(&FromServer::Exit { status: ending.status, exit_code: ending.exit_code }));
        }
    })
}

/// The stream that a client assumes until it is told.
fn first(stream: Stream) -> Stream {
    if stream == Stream::Terminal { Stream::Terminal } else { Stream::Stdout }
}

/// Does what the client says until it goes.
async fn listen(
    process: &Process,
    stream: &mut SplitStream<&mut WebSocket>,
    answers: &mpsc::Sender<FromServer>,
    typed: &mut u64,
) {
    while let Some(Ok(message)) = stream.next().await {
        let done = match message {
            Message::Binary(bytes) => input(process, &bytes, typed).await,
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(said) => obey(process, said, typed).await,
                Err(error) => Err(Error::Unusable(format!(
                    "{}: send bytes as binary, or a type of input, resize, signal or eof",
                    described(&error, text.as_bytes())
                ))),
            },
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        };
        if let Err(error) = done {
            // A client that asks faster than it reads misses some of its refusals.
            let _ = answers.try_send(FromServer::Error { detail: error.to_string() });
        }
    }
}

async fn obey(process: &Process, said: FromClient, typed: &mut u64) -> Result<()> {
    match said {
        FromClient::Input { text } => input(process, text.as_bytes(), typed).await,
        FromClient::Resize { cols, rows } => resize(process, cols, rows),
        FromClient::Signal { signal } => process.signal(&signal).map(|_| ()),
        FromClient::Eof => process.running()?.end_input().await,
    }
}

async fn input(process: &Process, bytes: &[u8], typed: &mut u64) -> Result<()> {
    process.running()?.write(bytes).await?;
    *typed += bytes.len() as u64;
    Ok(())
}

/// Gives the terminal the client's size.
///
/// # Errors
/// For a size that no terminal has, and for a process without one.
pub(crate) fn resize(process: &Process, columns: u16, rows: u16) -> Result<()> {
    if !(1..=1000).contains(&columns) || !(1..=1000).contains(&rows) {
        return Err(Error::Unusable("A terminal has 1 to 1000 columns and rows".into()));
    }
    process.resize(columns, rows)
}
