//! Answers in the form that a client takes, before it loses patience: most give up on a request whose head does not come.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a stream without news carries a sign of life, so that nothing on the way takes it for dead.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long the head of a response may wait for its first word.
const HEAD_TIME: Duration = Duration::from_secs(3);

pub(crate) const EVENT_STREAM: &str = "text/event-stream";

const JSON: &str = "application/json";

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Events, or JSON where there is but one message.
    Any,
    /// JSON, for a client that takes nothing else: only the answer itself, no reports of progress.
    Json,
}

impl Form {
    /// What a client takes. The SDK answers only who takes both forms, so that is what it gets to see.
    pub(crate) fn settle(headers: &mut HeaderMap) -> Self {
        if !accepts(headers, JSON) {
            return Self::Any;
        }
        let form = if accepts(headers, EVENT_STREAM) { Self::Any } else { Self::Json };
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        form
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Any => EVENT_STREAM,
            Self::Json => JSON,
        }
    }

    /// What means nothing to a reader: a comment among events, white space before JSON.
    fn sign_of_life(self) -> &'static str {
        match self {
            Self::Any => ": still running\n\n",
            Self::Json => "\n",
        }
    }
}

/// Whether a client takes a type; one that names none takes all.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let (class, _) = wanted.split_once('/').expect("it is a media type");
    let mut named =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let takes = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        range == "*/*"
            || range.eq_ignore_ascii_case(wanted)
            || range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(class))
    };
    !headers.contains_key(ACCEPT) || named.any(takes)
}

/// The response; when that takes long, the head of one that carries it as soon as it is there.
pub(crate) async fn in_time(work: impl Future<Output = Response> + Send + 'static, form: Form) -> Response {
    let mut work = Box::pin(async move {
        let response = work.await;
        if form == Form::Json { as_json(response).await } else { response }
    });
    if let Ok(response) = tokio::time::timeout(HEAD_TIME, &mut work).await {
        return response;
    }
    let (sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(1);
    tokio::spawn(async move {
        let response = tokio::select! {
            response = work => response,
            () = show_life_until_closed(&sender, form) => return,
        };
        let (before, after) = if is_stream(&response) || form == Form::Json { ("", "") } else { ("data: ", "\n\n") };
        let whole = stream::iter([Ok(Bytes::from_static(before.as_bytes()))])
            .chain(response.into_body().into_data_stream())
            .chain(stream::iter([Ok(Bytes::from_static(after.as_bytes()))]));
        tokio::pin!(whole);
        while let Some(part) = whole.next().await {
            if sender.send(part).await.is_err() {
                return;
            }
        }
    });
    let body = Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    }));
    ([(CONTENT_TYPE, form.content_type())], body).into_response()
}

fn is_stream(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| value == EVENT_STREAM)
}

/// Sends signs of life from time to time; ends when nobody reads them any more.
async fn show_life_until_closed(sender: &mpsc::Sender<Result<Bytes, axum::Error>>, form: Form) {
    let mut ticks = tokio::time::interval(KEEP_ALIVE);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if sender.send(Ok(Bytes::from_static(form.sign_of_life().as_bytes()))).await.is_err() {
                    return;
                }
            }
            () = sender.closed() => return,
        }
    }
}

/// The last message of a stream, which is the answer, as the body itself.
async fn as_json(response: Response) -> Response {
    if !is_stream(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // How long it is was bounded where it was made.
    let Ok(events) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let lines = events.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
    let Some(answer) = lines.map(<[u8]>::trim_ascii).rfind(|data| !data.is_empty()) else {
        // A call that was cancelled is not answered.
        return StatusCode::ACCEPTED.into_response();
    };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(events.slice_ref(answer)))
}
