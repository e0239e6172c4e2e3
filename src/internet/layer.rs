//! What flows into a layer of compression: bounded, and never for long without a pause. Under several layers, or as empty
//! parts one after another, a few bytes can become gigabytes of which nothing comes out.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, ReadBuf},
    task::coop::consume_budget,
};

/// The most bytes that one layer takes: several times what the longest text that is kept can need.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// A reader for a layer.
pub(crate) struct Layer {
    inner: Pin<Box<dyn AsyncBufRead + Send>>,
    left: u64,
}

impl Layer {
    /// Nothing was taken yet.
    pub(crate) fn over(inner: Pin<Box<dyn AsyncBufRead + Send>>) -> Self {
        Self { inner, left: MAX_BYTES }
    }
}

impl AsyncBufRead for Layer {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        // The deadline and others come in between, also where nothing ever waits for the network.
        ready!(pin!(consume_budget()).poll(cx));
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(Err(io::Error::other("it unpacks to more than 256 MiB on the way")));
        }
        this.inner.as_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, bytes: usize) {
        let this = self.get_mut();
        this.left = this.left.saturating_sub(bytes as u64);
        this.inner.as_mut().consume(bytes);
    }
}

impl AsyncRead for Layer {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
        let length = chunk.len().min(buffer.remaining());
        buffer.put_slice(&chunk[..length]);
        self.consume(length);
        Poll::Ready(Ok(()))
    }
}
