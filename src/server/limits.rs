//! What a request may cost, and the line that the terminal log shows of it.

use crate::error::{Error, Result};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::{Duration, Instant};

/// How much of a body that is too large is read and thrown away, as a multiple of the limit: a client that is still
/// sending sees the answer instead of a broken connection.
const DRAINED: u64 = 8;

/// How long such a body is read at the most.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`Error::TooLarge`] past the limit, [`Error::Unusable`] when the client breaks off.
pub async fn read(headers: &HeaderMap, mut body: Body, limit: u64) -> Result<Bytes> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut received = BytesMut::new();
    let mut size = announced.unwrap_or(0);
    if size <= limit {
        size = 0;
        received.reserve(usize::try_from(announced.unwrap_or(0)).unwrap_or(0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Error::Unusable("The body ended before it was complete".into()))?;
            let Ok(data) = frame.into_data() else { continue };
            size += data.len() as u64;
            if size > limit {
                break;
            }
            received.extend_from_slice(&data);
        }
    }
    if size <= limit {
        return Ok(received.freeze());
    }
    drop(received);
    discard(body, limit).await;
    Err(Error::TooLarge(format!(
        "The request is larger than {} MiB: send less at once, or raise MCP_MAX_REQUEST_MIB",
        limit / (1024 * 1024)
    )))
}

/// Reads on and throws away, within bounds: a client that is still sending then sees the answer.
pub async fn discard(body: Body, limit: u64) {
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

/// One line a request: method, path, status, time. Never the query or a header: a key may be in them.
pub async fn log_request(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    tracing::info!("{method} {path} {status} {milliseconds:.1} ms");
    response
}
