//! Passes lines between a client and a bridge, and finds it another bridge when that one goes.

use super::{
    super::mcp::{
        Unreadable,
        message::{self, Meant},
    },
    Place,
};
use anyhow::Result;
use indexmap::IndexMap;
use rmcp::model::ClientJsonRpcMessage;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::pin::Pin;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Lines that may wait between reading and writing.
const WAITING_LINES: usize = 16;

/// A way to a bridge.
pub(crate) struct Upstream {
    lines: mpsc::Receiver<Vec<u8>>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    /// The bridge of this process, where it is one: ends when it is closed, with whether it gave the folder away.
    own: Option<JoinHandle<bool>>,
}

impl Upstream {
    /// Reads lines from the bridge from now on.
    pub(crate) fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + 'static,
        own: Option<JoinHandle<bool>>,
    ) -> Self {
        Self { lines: lines_of(reader), writer: Box::pin(writer), own }
    }

    async fn send(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.writer.write_all(line).await?;
        self.writer.flush().await
    }

    /// Says goodbye and waits until a bridge of this process is closed. True when it was given away.
    async fn close(mut self) -> bool {
        let _ = self.writer.shutdown().await;
        drop(self.writer);
        match self.own {
            Some(own) => own.await.unwrap_or(false),
            None => false,
        }
    }
}

/// Whole lines, read by a task: waiting for one can be given up without losing a part of it.
fn lines_of(reader: impl AsyncRead + Send + Unpin + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(WAITING_LINES);
    tokio::spawn(async move {
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line).await {
                Ok(read) if read > 0 => {
                    if !line.ends_with(b"\n") {
                        line = ended(line);
                    }
                    if sender.send(line).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    receiver
}

/// A message as a line.
fn ended(mut message: Vec<u8>) -> Vec<u8> {
    message.push(b'\n');
    message
}

/// What of a message matters to who passes it on.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
}

fn outline(line: &[u8]) -> (Option<String>, Option<String>) {
    match serde_json::from_slice::<Outline<'_>>(line) {
        Ok(outline) => (outline.id.map(|id| id.get().to_owned()), outline.method),
        Err(_) => (None, None),
    }
}

/// What must be said again to a new bridge, and answered for the old one.
#[derive(Default)]
struct Conversation {
    initialize: Option<(String, Vec<u8>)>,
    initialized: Option<Vec<u8>>,
    /// The requests that are not answered yet: their ids and methods.
    pending: IndexMap<String, String>,
    /// The id of an `initialize` that was said again, whose answer the client has had already.
    repeated: Option<String>,
}

impl Conversation {
    fn heard_from_client(&mut self, line: &[u8]) {
        match outline(line) {
            (Some(id), Some(method)) => {
                if method == "initialize" {
                    self.initialize = Some((id.clone(), line.to_vec()));
                }
                self.pending.insert(id, method);
            }
            (None, Some(method)) if method == "notifications/initialized" => self.initialized = Some(line.to_vec()),
            _ => {}
        }
    }

    /// Whether the client should see a line.
    fn heard_from_bridge(&mut self, line: &[u8]) -> bool {
        let (Some(id), None) = outline(line) else { return true };
        self.pending.shift_remove(&id);
        let repeated = self.repeated.as_ref() == Some(&id);
        if repeated {
            self.repeated = None;
        }
        !repeated
    }

    /// The answers to what the old bridge left open, but for an `initialize`, which is said again.
    fn error_replies(&mut self) -> Vec<Vec<u8>> {
        let greeting = self.initialize.as_ref().map(|(id, _)| id.clone());
        let open = std::mem::take(&mut self.pending);
        let mut lines = Vec::new();
        for (id, method) in open {
            if Some(&id) == greeting.as_ref() && method == "initialize" {
                self.pending.insert(id, method);
            } else {
                lines.push(apology(&id, &method));
            }
        }
        lines
    }

    /// What a new bridge must hear first.
    fn handshake_replay(&mut self) -> Vec<Vec<u8>> {
        let Some((id, initialize)) = self.initialize.clone() else { return vec![] };
        if !self.pending.contains_key(&id) {
            self.repeated = Some(id);
        }
        std::iter::once(initialize).chain(self.initialized.clone()).collect()
    }
}

/// Whether a call was carried out is not known: the model is told so and decides.
fn apology(id: &str, method: &str) -> Vec<u8> {
    let text = "The bridge that ran this stopped before it answered; another has taken over. See what was done, then \
                try again";
    let id: Box<RawValue> = RawValue::from_string(id.to_owned()).expect("it was an id of a message");
    let mut line = if method == "tools/call" {
        json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}], "isError": true}})
    } else {
        json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": text}})
    }
    .to_string()
    .into_bytes();
    line.push(b'\n');
    line
}

/// Why passing on ended.
enum End {
    ClientGone,
    BridgeGone,
    Stopped,
}

/// Passes lines on until the client goes or `stop` is cancelled.
///
/// # Errors
/// When no bridge can be had (any more).
pub(crate) async fn run(
    place: &Place,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin,
    stop: CancellationToken,
) -> Result<()> {
    let max_line = place.settings.max_request_mib.saturating_mul(1024 * 1024);
    let max_line = usize::try_from(max_line).unwrap_or(usize::MAX);
    let mut client = Client { lines: lines_of(input), output, conversation: Conversation::default(), max_line };
    let mut upstream = place.reach(false).await?;
    loop {
        let end = tokio::select! {
            end = client.pass_on(&mut upstream) => end,
            () = stop.cancelled() => End::Stopped,
        };
        match end {
            End::ClientGone => {
                let _ = upstream.writer.shutdown().await;
                client.finish(&mut upstream, &stop).await;
                upstream.close().await;
                return Ok(());
            }
            End::Stopped => {
                upstream.close().await;
                return Ok(());
            }
            End::BridgeGone => {
                client.apologise().await;
                let handed_over = upstream.close().await;
                tokio::time::sleep(super::PAUSE).await;
                upstream = place.reach(handed_over).await?;
                client.greet(&mut upstream).await;
            }
        }
    }
}

struct Client<W> {
    lines: mpsc::Receiver<Vec<u8>>,
    output: W,
    conversation: Conversation,
    /// The longest line that a bridge takes, in bytes.
    max_line: usize,
}

impl<W: AsyncWrite + Unpin> Client<W> {
    async fn pass_on(&mut self, upstream: &mut Upstream) -> End {
        loop {
            tokio::select! {
                line = self.lines.recv() => {
                    let Some(line) = line else { return End::ClientGone };
                    let line = match message::meant(&line) {
                        Meant::AsSaid => line,
                        Meant::Instead(other) => ended(other),
                        Meant::Refused(answer) => {
                            if self.write(&ended(answer)).await.is_err() {
                                return End::ClientGone;
                            }
                            continue;
                        }
                    };
                    if let Some(answer) = self.refusal(&line) {
                        if self.write(&answer).await.is_err() {
                            return End::ClientGone;
                        }
                        continue;
                    }
                    self.conversation.heard_from_client(&line);
                    if upstream.send(&line).await.is_err() {
                        return End::BridgeGone;
                    }
                }
                line = upstream.lines.recv() => {
                    let Some(line) = line else { return End::BridgeGone };
                    if !self.show(&line).await {
                        return End::ClientGone;
                    }
                }
            }
        }
    }

    /// Passes on the answers that still come after the client has said all it had to say.
    async fn finish(&mut self, upstream: &mut Upstream, stop: &CancellationToken) {
        loop {
            let line = tokio::select! {
                line = upstream.lines.recv() => line,
                () = stop.cancelled() => None,
            };
            let Some(line) = line else { return };
            if !self.show(&line).await {
                return;
            }
        }
    }

    /// The answer to a request that no bridge could read, or to what is no JSON: the SDK would drop the line, and the client wait.
    fn refusal(&self, line: &[u8]) -> Option<Vec<u8>> {
        let unreadable = match line.len() > self.max_line {
            true => Unreadable::too_long(line, self.max_line),
            false if serde_json::from_slice::<ClientJsonRpcMessage>(line).is_ok() => return None,
            false => Unreadable::of(line),
        };
        let is_answered = |unreadable: &Unreadable| unreadable.is_for_request || unreadable.is_no_json;
        let answer = Some(unreadable).filter(is_answered)?.answer;
        Some(format!("{answer}\n").into_bytes())
    }

    async fn show(&mut self, line: &[u8]) -> bool {
        !self.conversation.heard_from_bridge(line) || self.write(line).await.is_ok()
    }

    async fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.output.write_all(line).await?;
        self.output.flush().await
    }

    async fn apologise(&mut self) {
        for line in self.conversation.error_replies() {
            // A client that is gone is noticed when its next line is read.
            let _ = self.write(&line).await;
        }
    }

    async fn greet(&mut self, upstream: &mut Upstream) {
        for line in self.conversation.handshake_replay() {
            // A bridge that is gone again is noticed when its next line is read.
            let _ = upstream.send(&line).await;
        }
    }
}
