//! What a request may cost.

use crate::{
    arguments::{Ignored, decoded_size},
    blocking::blocking,
    caller::{Limits, MemoryBudget, MemoryPermit},
    catalog::Reply,
    error::{Error, Result},
};
use axum::{
    body::Body,
    http::{
        HeaderMap,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::{Duration, Instant};

/// How much of a body that is too large is read and thrown away, as a multiple of the limit: a client that is still
/// sending sees the answer instead of a broken connection.
const DRAINED: u64 = 8;

/// How long such a body is read at most.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How long a client may send nothing of a body that it announced.
const SILENCE: Duration = Duration::from_secs(10);

/// The least bytes a second, on average, after the first [`SILENCE`]: who sends less holds memory for nothing.
const MIN_RATE: u64 = 8 * 1024;

/// Bodies up to this many bytes are not counted against what may be held: connections are limited, so these are.
const SMALL: u64 = 16 * 1024;

/// How many bytes of a body are asked for at once while its sender is not known.
const STEP: u64 = 256 * 1024;

/// A request's body, and the right to hold it.
#[derive(Default)]
pub(crate) struct Received {
    /// The body.
    pub bytes: Bytes,
    /// To be kept as long as the body, or what is made of it.
    pub held: MemoryPermit,
}

/// Who sends a body, how long it may be, and out of what it is held.
pub(crate) struct Sender<'a> {
    /// The limits that hold for all.
    pub limits: &'a Limits,
    /// The caller's name, where the key is known already.
    pub name: Option<&'a str>,
    /// The largest body, in bytes.
    pub max: u64,
}

/// Reads a body.
///
/// # Errors
/// [`Error::TooLarge`] past the limit, [`Error::TimedOut`] when it comes too slowly, [`Error::Unavailable`] when there
/// is no memory for it, [`Error::Unusable`] when the client breaks off.
pub(crate) async fn read(headers: &HeaderMap, mut body: Body, sender: &Sender<'_>) -> Result<Received> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut growing = BodyReader { sender, bytes: BytesMut::new(), held: MemoryPermit::default(), room: SMALL };
    let read = match announced {
        Some(size) if size > sender.max => Err(too_large(sender.max)),
        _ => growing.read(announced, &mut body).await,
    };
    match read {
        Ok(()) => Ok(Received { bytes: growing.bytes.freeze(), held: growing.held }),
        Err(error) => {
            drop(growing);
            if matches!(error, Error::TooLarge(_) | Error::Unavailable { .. }) {
                discard(body, sender.max).await;
            }
            Err(error)
        }
    }
}

/// The right to hold what a body of JSON is decoded to by those who make a tree of all its values: two bytes become many.
///
/// # Errors
/// As [`read`].
pub(crate) async fn hold_decoded(body: &Bytes, already: u64, sender: &Sender<'_>) -> Result<MemoryPermit> {
    if body.len() as u64 <= SMALL {
        return Ok(MemoryPermit::default());
    }
    let json = body.clone();
    let size = blocking(move || decoded_size(&json)).await?;
    sender.limits.hold(sender.name, already, size).await
}

struct BodyReader<'a> {
    sender: &'a Sender<'a>,
    bytes: BytesMut,
    held: MemoryPermit,
    /// How many bytes it may have by what it holds.
    room: u64,
}

impl BodyReader<'_> {
    async fn read(&mut self, announced: Option<u64>, body: &mut Body) -> Result<()> {
        // Whose key is known is trusted to send what it announces; of others, only what came is held.
        let sure = announced.filter(|size| *size <= SMALL || self.sender.name.is_some());
        if let Some(size) = sure {
            self.make_room(size).await?;
            self.bytes.reserve(usize::try_from(size).unwrap_or(0));
        }
        let started = Instant::now();
        loop {
            let Ok(frame) = tokio::time::timeout(SILENCE, body.frame()).await else { return Err(too_slow()) };
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|_| Error::Unusable("The body ended before it was complete".into()))?;
            let Ok(data) = frame.into_data() else { continue };
            let size = (self.bytes.len() + data.len()) as u64;
            if size > self.sender.max {
                return Err(too_large(self.sender.max));
            }
            if started.elapsed().saturating_sub(SILENCE).as_secs() > size / MIN_RATE {
                return Err(too_slow());
            }
            if size > self.room {
                self.make_room((size - self.room).max(STEP) + self.room).await?;
            }
            self.bytes.extend_from_slice(&data);
        }
    }

    /// Asks for the right to hold `size` bytes in all.
    async fn make_room(&mut self, size: u64) -> Result<()> {
        let more = size.saturating_sub(self.room);
        if more > 0 {
            let held = self.sender.limits.hold(self.sender.name, self.held.bytes(), more).await?;
            self.held.join(held);
            self.room += more;
        }
        Ok(())
    }
}

fn too_large(max: u64) -> Error {
    Error::TooLarge(format!(
        "The request is larger than {} MiB: send less at once, or raise MCP_MAX_REQUEST_MIB",
        max / (1024 * 1024)
    ))
}

fn too_slow() -> Error {
    Error::TimedOut("The body came too slowly: send it without pauses of 10 s, at 8 KiB a second or more".into())
}

/// Answers that hold more than this many bytes are written as JSON on a thread of their own: others need not wait.
const LARGE: u64 = 256 * 1024;

/// A JSON answer, which goes on counting as held until its last byte is sent.
///
/// JSON writes some characters as six: the length of a large answer is known before it is written, and what it takes
/// more than its content is asked for.
pub(crate) async fn answer(reply: Box<dyn Reply>, ignored: Vec<Ignored>, holding: &MemoryBudget) -> Response {
    let json = if holding.bytes() > LARGE {
        let measured = tokio::task::spawn_blocking(move || {
            let mut counted = Counted(0);
            reply.write(&ignored, &mut counted);
            (counted.0, reply, ignored)
        });
        let (length, reply, ignored) = measured.await.expect("plain data is measured without a panic");
        if let Err(error) = holding.more(length.saturating_sub(holding.bytes())).await {
            return error.into_response();
        }
        let capacity = usize::try_from(length).unwrap_or(0);
        let written = tokio::task::spawn_blocking(move || reply.to_json(&ignored, capacity)).await;
        written.expect("plain data is written without a panic")
    } else {
        reply.to_json(&ignored, 0)
    };
    let bytes = Bytes::from_owner(HeldAnswer { json, _held: holding.take() });
    ([(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

/// Counts what is written and keeps nothing.
struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct HeldAnswer {
    json: Vec<u8>,
    _held: MemoryPermit,
}

impl AsRef<[u8]> for HeldAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

/// Reads on and throws away, within bounds: a client that is still sending then sees the answer.
pub(crate) async fn discard(body: Body, limit: u64) {
    let _ = tokio::time::timeout(DRAIN_TIME, drain(body, limit.saturating_mul(DRAINED))).await;
}

async fn drain(mut body: Body, mut left: u64) {
    while let Some(Ok(frame)) = body.frame().await {
        let size = frame.data_ref().map_or(0, Bytes::len) as u64;
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
