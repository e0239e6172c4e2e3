//! Another machine's engine through `ssh HOST docker system dial-stdio`, as the docker command does it.
//!
//! Idle connections are kept for the next request; an attached stream has its own.

use anyhow::{Context as _, Result, bail};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as EngineError};
use hyper_util::{
    client::legacy::{Client, connect::Connected, connect::Connection},
    rt::{TokioExecutor, TokioIo},
};
use std::{
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{Child, ChildStdin, ChildStdout},
};

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Whom to reach, and with which program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    program: Vec<String>,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    socket: Option<String>,
}

impl Target {
    /// Reads `ssh://[USER@]HOST[:PORT][/SOCKET]`; `command` is the client with its options.
    ///
    /// # Errors
    /// When a part is missing or could be taken for an option.
    pub(crate) fn parse(address: &str, command: &str) -> Result<Self> {
        let url = url::Url::parse(address)?;
        let host = url.host_str().context("the host is missing: ssh://[USER@]HOST[:PORT]")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.starts_with('-') || url.username().starts_with('-') {
            bail!("ssh://[USER@]HOST[:PORT] with a host and a user that do not begin with '-'");
        }
        let program = shlex::split(command).filter(|words| !words.is_empty());
        Ok(Self {
            program: program.context("DOCKER_SSH_COMMAND must be a program and its options, quoted as in a shell")?,
            user: Some(url.username().to_owned()).filter(|user| !user.is_empty()),
            host,
            port: url.port(),
            socket: Some(url.path().to_owned()).filter(|path| path.len() > 1),
        })
    }

    /// The machine's name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn arguments(&self) -> Vec<String> {
        let mut words = self.program[1..].to_vec();
        words.extend(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T"].map(str::to_owned));
        words.extend(self.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]));
        words.extend(self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
        words.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            // The remote shell reads this word.
            let quoted = shlex::try_quote(socket).expect("a URL has no NUL in it");
            words.push(format!("--host=unix://{quoted}"));
        }
        words.extend(["system", "dial-stdio"].map(str::to_owned));
        words
    }

    #[expect(clippy::disallowed_methods, reason = "the person's own setting names this program, no caller does")]
    fn dial(&self) -> io::Result<Stream> {
        let mut child = tokio::process::Command::new(&self.program[0])
            .args(self.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.expect("both were asked for");
        Ok(Stream { _child: child, input: Some(input), output })
    }
}

/// A client whose connections are SSH sessions.
pub(super) fn client(target: Target, timeout: u64) -> Result<Docker, EngineError> {
    let connector = tower::service_fn(move |_: http::Uri| std::future::ready(target.dial().map(TokioIo::new)));
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(hyper_util::rt::TokioTimer::new())
        .build(connector);
    let transport = move |request: BollardRequest| {
        let sent = client.request(request);
        async move { Ok(sent.await?) }
    };
    Docker::connect_with_custom_transport(transport, Some("http://engine"), timeout, API_DEFAULT_VERSION)
}

/// A process as a connection.
struct Stream {
    _child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closing the pipe is what half-closes the connection at the other end.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}
