//! A connection's bytes, as long as they flow: a peer that takes nothing of what it asked for is hung up on.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// How long a peer may take none of the bytes that wait for it.
const STALL: Duration = Duration::from_secs(30);

/// A stream that fails when a write waits for longer than 30 s.
pub(crate) struct StallTimeout<S> {
    stream: S,
    stall: Pin<Box<Sleep>>,
    waits: bool,
}

impl<S> StallTimeout<S> {
    /// Watches a stream.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, stall: Box::pin(tokio::time::sleep(STALL)), waits: false }
    }

    /// Passes on what a write came to, unless it has waited for too long.
    fn watch<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = false;
            return written;
        }
        if !self.waits {
            self.waits = true;
            self.stall.as_mut().reset(Instant::now() + STALL);
        }
        ready!(self.stall.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{STALL, StallTimeout};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_for_thirty_seconds_is_hung_up_on_and_a_slow_one_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        let mut flowing = StallTimeout::new(ours);
        let slow = tokio::spawn(async move {
            for _ in 0..5 {
                tokio::time::sleep(STALL / 2).await;
                theirs.read_exact(&mut [0; 1000]).await.unwrap();
            }
            theirs
        });
        flowing.write_all(&[0; 5000]).await.unwrap();
        let _silent = slow.await.unwrap();
        let started = tokio::time::Instant::now();
        let failed = flowing.write_all(&[0; 5000]).await.unwrap_err();
        assert_eq!(failed.kind(), std::io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= STALL && started.elapsed() < STALL * 2);
    }
}
