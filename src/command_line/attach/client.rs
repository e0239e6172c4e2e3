//! The client's end of a process's WebSocket.

use super::{
    replay::{Left, Replay},
    typing::{self, Escape},
};
use crate::{
    command_line::{
        screen::{self, Screen, Signals, Told},
        stdin,
        target::Target,
    },
    server::terminal::messages::{FromClient, FromServer},
    terminal::processes::Stream,
};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use futures::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use std::process::ExitCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, ClientRequestBuilder, Message},
};

type Socket = WebSocketStream<Box<dyn Transport>>;

/// What a WebSocket runs over.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// How much of what was written before is fetched, in bytes: enough to know the modes that a program set at its start.
const BEFORE: u32 = 256 * 1024;

/// Brings the process `id` of a bridge into this terminal. Returns the process's exit code, or
/// success when the person leaves it running.
///
/// # Errors
/// When the bridge cannot be reached or refuses; the message says how to fix it.
pub(crate) async fn attach(target: &Target, id: &str) -> Result<ExitCode> {
    let socket = connect(target, id).await?;
    let (sink, mut stream) = socket.split();
    let FromServer::Ready { id, command, pty, cursor, end, .. } = hear(&mut stream).await? else {
        bail!("the bridge speaks another protocol: is it the same version?");
    };
    let screen = if pty { Screen::take().context("this terminal cannot be made raw")? } else { None };
    if screen.is_some() {
        eprint!("[{id}: {command} — Enter ~ . leaves it running]\r\n");
    }
    let mut shown = Shown { left: Left::default(), is_raw: screen.is_some(), before: end.saturating_sub(cursor) };
    let person = Person { sink, is_raw: screen.is_some(), pty };
    let ended = {
        let mut showing = std::pin::pin!(show(&mut stream, &mut shown));
        tokio::select! {
            ended = &mut showing => ended.map(Some),
            left = person.type_in() => match left {
                Ok(()) => Ok(None),
                // The bridge has closed the socket: what it said before, such as the exit code, is still to be read.
                Err(_) => showing.await.map(Some),
            },
        }
    };
    let is_raw = screen.is_some();
    if is_raw {
        write(&mut tokio::io::stdout(), shown.left.undone().as_bytes()).await;
    }
    drop(screen);
    match ended? {
        Some(end) => Ok(end),
        None => {
            if is_raw {
                eprintln!("\n[{id} goes on; mcp-server attach {id} comes back to it]");
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn connect(target: &Target, id: &str) -> Result<Socket> {
    let (stream, authority, request) = way(target).await?;
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let uri = format!("ws://{authority}/terminal/{id}/ws?cursor=-{BEFORE}").parse()?;
    let (header, value) = request;
    let request = ClientRequestBuilder::new(uri).with_header(header, value);
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let detail = body["detail"].as_str().map_or_else(|| response.status().to_string(), str::to_owned);
            Err(anyhow!(detail))
        }
        Err(error) => Err(error).context("the bridge does not open the terminal"),
    }
}

/// A connection to the bridge, its address, and the header that shows who comes: the person where there is a control
/// socket, otherwise who holds the key.
async fn way(target: &Target) -> Result<(Box<dyn Transport>, String, (&'static str, String))> {
    if let Some(door) = target.door().await? {
        let (header, token) = door.token();
        let stream = door.connect().await.context("the bridge does not answer on its control socket")?;
        return Ok((Box::new(stream), "localhost".to_owned(), (header, token.to_owned())));
    }
    let key = target.key()?;
    let authority = target.url.trim_start_matches("http://");
    let stream = TcpStream::connect(authority).await.with_context(|| {
        format!("no bridge answers on {authority}: start it, or say --host, --port or --directory of the one that runs")
    })?;
    let _ = stream.set_nodelay(true);
    Ok((Box::new(stream), authority.to_owned(), ("authorization", format!("Bearer {}", key.expose()))))
}

/// The first message of the server.
async fn hear(stream: &mut SplitStream<Socket>) -> Result<FromServer> {
    while let Some(message) = stream.next().await {
        if let Message::Text(text) = message? {
            return match serde_json::from_str(&text)? {
                FromServer::Error { detail } => Err(anyhow!(detail)),
                message => Ok(message),
            };
        }
    }
    bail!("the bridge closed the terminal")
}

/// What is shown on this terminal.
struct Shown {
    left: Left,
    is_raw: bool,
    /// How many bytes to come were written before the person came.
    before: u64,
}

/// Shows what the process writes, to its end.
async fn show(stream: &mut SplitStream<Socket>, shown: &mut Shown) -> Result<ExitCode> {
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    let mut replay = Some(Replay::default()).filter(|_| shown.is_raw);
    let mut is_error = false;
    while let Some(message) = stream.next().await {
        if shown.before == 0
            && let Some(replay) = replay.take()
        {
            write(&mut stdout, replay.finish(&mut shown.left).as_bytes()).await;
        }
        match message.context("the connection to the bridge broke")? {
            Message::Binary(bytes) => {
                let cut = usize::try_from(shown.before).unwrap_or(usize::MAX).min(bytes.len());
                shown.before -= cut as u64;
                let (before, live) = bytes.split_at(if replay.is_some() { cut } else { 0 });
                if let Some(earlier) = &mut replay {
                    earlier.take(before);
                    if shown.before == 0 {
                        let text = replay.take().unwrap_or_default().finish(&mut shown.left);
                        write(&mut stdout, text.as_bytes()).await;
                    }
                }
                shown.left.watch(live);
                if is_error { write(&mut stderr, live).await } else { write(&mut stdout, live).await }
            }
            Message::Text(text) => match serde_json::from_str(&text)? {
                FromServer::Stream { stream } => is_error = stream == Stream::Stderr,
                FromServer::Missed { bytes, .. } => {
                    shown.before = shown.before.saturating_sub(bytes);
                    write(&mut stderr, format!("\r\n[{bytes} bytes were missed]\r\n").as_bytes()).await;
                }
                FromServer::Error { detail } => write(&mut stderr, format!("\r\n[{detail}]\r\n").as_bytes()).await,
                FromServer::Exit { exit_code, .. } => return Ok(code(exit_code)),
                FromServer::Ready { .. } | FromServer::Resized { .. } => {}
            },
            Message::Close(_) => break,
            _ => {}
        }
    }
    bail!("the bridge closed the terminal")
}

/// As a shell has it: 128 and the number for a signal.
fn code(exit_code: Option<i32>) -> ExitCode {
    match exit_code {
        Some(code) if code >= 0 => ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1)),
        Some(signal) => ExitCode::from(u8::try_from(128 - signal).unwrap_or(u8::MAX)),
        None => ExitCode::FAILURE,
    }
}

/// A terminal that is gone ends the client by its signal.
async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let _ = to.write_all(bytes).await;
    let _ = to.flush().await;
}

/// The person at this terminal.
struct Person {
    sink: SplitSink<Socket, Message>,
    is_raw: bool,
    pty: bool,
}

impl Person {
    /// Sends what is typed and each new size, until the person leaves.
    async fn type_in(mut self) -> Result<()> {
        let mut signals = Signals::listen()?;
        let mut input = stdin::read();
        let mut escape = Escape::default();
        let mut is_open = true;
        if self.is_raw {
            self.resize().await?;
            // A program that draws on the screen draws itself anew, even in the size that it had.
            self.say(&FromClient::Signal { signal: "WINCH".into() }).await?;
        }
        loop {
            tokio::select! {
                typed = input.recv(), if is_open => match typed {
                    Some(typed) => {
                        let typed = if self.is_raw { escape.take(&typed) } else { typing::Typed { bytes: typed, leaves: false } };
                        self.send(typed.bytes).await?;
                        if typed.leaves {
                            return Ok(());
                        }
                    }
                    None => {
                        is_open = false;
                        self.say(&FromClient::Eof).await?;
                    }
                },
                told = signals.next() => match told {
                    Told::Resized => self.resize().await?,
                    Told::Leave => return Ok(()),
                },
            }
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.sink.send(Message::Binary(Bytes::from(bytes))).await.context("the connection to the bridge broke")
    }

    async fn resize(&mut self) -> Result<()> {
        match screen::size().filter(|_| self.pty) {
            Some((cols, rows)) => self.say(&FromClient::Resize { cols: cols.min(1000), rows: rows.min(1000) }).await,
            None => Ok(()),
        }
    }

    async fn say(&mut self, message: &FromClient) -> Result<()> {
        let text = serde_json::to_string(message).expect("a message is plain data");
        self.sink.send(Message::Text(text.into())).await.context("the connection to the bridge broke")
    }
}
