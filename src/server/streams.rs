//! Files as streams: watched, downloaded and uploaded. Each is a capability like any other, authorised and recorded by
//! the bridge; only what flows afterwards is not JSON.

use super::{
    auth::{self, Authentication},
    connections::stopping,
    metering,
    rest::{Rest, authenticate},
    shared::Shared,
    status,
};
use crate::{
    arguments::{Arguments, Ignored},
    bridge::Record,
    caller::Caller,
    capability::{Capability, Context},
    catalog::Entry,
    envelope::{Answer, Envelope},
    error::{Error, Result},
    filesystem::{DownloadFile, DownloadOutput, Upload, UploadFile, UploadOutput, Watch, WatchEvent, WatchPath},
    problem::Problem,
    services::Services,
};
use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Multipart, Request, State, multipart::Field},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            IF_RANGE, LAST_MODIFIED, RANGE,
        },
        request::Parts,
    },
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use bytes::Bytes;
use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Shared as SharedFuture},
    stream,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::{convert::Infallible, io::SeekFrom, ops::Range, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::{io::ReaderStream, sync::CancellationToken};

/// How often a silent watch shows that it lives: below the idle time of common proxies.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// As much of a download is read at once, in bytes.
const CHUNK: usize = 128 * 1024;

/// The longest text field of an upload, in bytes.
const MAX_FIELD: usize = 64 * 1024;

/// More text fields than any upload has.
const MAX_FIELDS: usize = 32;

/// Adds the routes.
pub(crate) fn add(rest: &mut Rest) {
    rest.stream(&Entry::of::<WatchPath>(), "text/event-stream", get(watch).post(watch));
    rest.stream(&Entry::of::<DownloadFile>(), "*/*", get(download).post(download));
    rest.upload(&Entry::of::<UploadFile>(), post(upload));
}

/// Authenticates and calls; a refusal is recorded too. The record goes along with the stream.
async fn begin<C: Capability>(
    shared: &Shared,
    parts: &Parts,
    body: Body,
) -> Result<(C::Output, Context, Record), Response>
where
    Services: AsRef<C::Service>,
{
    let authenticated = authenticate(shared, parts, body, true).await;
    let (caller, arguments, _) = authenticated.map_err(|error| {
        shared.bridge.record_refusal(C::ACTION, &error);
        error.into_response()
    })?;
    let context = Context::new(caller);
    match shared.bridge.begin::<C>(&context, arguments).await {
        Ok((output, record)) => Ok((output, context, record)),
        Err(error) => Err(status::failed(error, context.ignored())),
    }
}

async fn watch(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (bridge, keys) = (shared.bridge.clone(), shared.bridge.keys.clone());
    match begin::<WatchPath>(&shared, &parts, body).await {
        Ok((mut output, context, mut record)) => {
            let ignored = context.ignored();
            // A watch has no other end than that its client goes.
            record.ends(&Ok(()));
            let watch = output.watch.take().expect("a watch that began is there");
            let envelope = Envelope::<WatchPath>::around(output);
            let ready = Answer { envelope: &envelope, ignored: &ignored };
            let ready = Event::default().event("ready").data(serde_json::json!(ready).to_string());
            let (stop, stopped) = (stopping(&parts.extensions), record.stop());
            let end = async move {
                tokio::select! {
                    () = stopped.cancelled() => context.caller.stopped(),
                    () = keys.lapse_for(&context.caller) => Error::WrongKey,
                    () = bridge.permissions_change(&context) => {
                        Error::Refused("What you may do was changed: watch again".to_owned())
                    }
                    () = stop.cancelled() => Error::unavailable("The bridge stops"),
                }
                .to_string()
            };
            let end = end.boxed().shared();
            let all = stream::iter([Ok(ready)]).chain(events(watch, record).take_until(end.clone())).chain(why(end));
            Sse::new(all).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// Says in a last event why a stream was ended, if it did not end by itself.
fn why(end: SharedFuture<BoxFuture<'static, String>>) -> impl Stream<Item = Result<Event, Infallible>> {
    let said = move || Some(end.peek()?.clone());
    stream::once(async move { said() })
        .filter_map(std::future::ready)
        .map(|detail| Ok(Event::default().event("error").data(serde_json::json!({"detail": detail}).to_string())))
}

fn events(watch: Watch, record: Record) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((watch, record), |(mut watch, record)| async move {
        let event = match watch.next().await? {
            WatchEvent::Change(happened) => {
                Event::default().event("change").data(serde_json::json!(happened).to_string())
            }
            WatchEvent::Overflow => Event::default().event("overflow").data("{}"),
            WatchEvent::Gone => Event::default().event("gone").data("{}"),
        };
        Some((Ok(event), (watch, record)))
    })
}

async fn download(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (output, context, mut record) = match begin::<DownloadFile>(&shared, &parts, body).await {
        Ok(begun) => begun,
        Err(refusal) => return refusal,
    };
    let sent = send(output, &parts.headers).await;
    record.ends(&sent);
    match sent {
        Ok(response) if parts.method == Method::HEAD => response,
        Ok(response) => metering::answered(&context.caller, follow(response, record)),
        Err(error) => error.into_response(),
    }
}

/// Keeps the record with the bytes: the call ends when the last one is sent, or when nobody wants them any more.
fn follow(response: Response, mut record: Record) -> Response {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let Some(mut left) = length.filter(|length: &u64| *length > 0) else { return response };
    record.ends::<()>(&Err(Error::Cancelled));
    let stopped = record.stop();
    let followed = move |chunk: &Result<Bytes, axum::Error>| match chunk {
        Ok(bytes) => {
            left = left.saturating_sub(bytes.len() as u64);
            if left == 0 {
                record.ends(&Ok(()));
            }
        }
        Err(error) => record.ends::<()>(&Err(Error::Failed(error.to_string()))),
    };
    // A client takes a body that ends early for one that broke, which it is.
    let end = async move { stopped.cancelled().await };
    response.map(|body| Body::from_stream(body.into_data_stream().inspect(followed).take_until(Box::pin(end))))
}

async fn send(mut output: DownloadOutput, asked: &HeaderMap) -> Result<Response> {
    let header = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut response = Response::new(Body::empty());
    describe(&output, response.headers_mut());
    if header(IF_NONE_MATCH).is_some_and(|tags| tags == "*" || tags.contains(&output.tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    // Of a file that is another by now, all is sent.
    let is_same = header(IF_RANGE).is_none_or(|tag| tag == output.tag);
    let range = header(RANGE).filter(|_| is_same).and_then(|range| part(range, output.size));
    let place = match range {
        Some(Err(())) => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            response.headers_mut().insert(CONTENT_RANGE, value(&format!("bytes */{}", output.size)));
            return Ok(response);
        }
        Some(Ok(place)) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let text = format!("bytes {}-{}/{}", place.start, place.end - 1, output.size);
            response.headers_mut().insert(CONTENT_RANGE, value(&text));
            place
        }
        None => 0..output.size,
    };
    let mut file = tokio::fs::File::from_std(output.file.take().expect("a file that was opened is there"));
    file.seek(SeekFrom::Start(place.start)).await?;
    let length = place.end - place.start;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK));
    Ok(response)
}

fn describe(output: &DownloadOutput, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, value(&output.mime_type));
    headers.insert(ETAG, value(&output.tag));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A page of the user's files must not run as one of the bridge's own.
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    let name = utf8_percent_encode(&output.name, NON_ALPHANUMERIC);
    headers.insert(CONTENT_DISPOSITION, value(&format!("attachment; filename*=UTF-8''{name}")));
    if let Some(time) = output.modified {
        let text = chrono::DateTime::<chrono::Utc>::from(time).format("%a, %d %b %Y %H:%M:%S GMT");
        headers.insert(LAST_MODIFIED, value(&text.to_string()));
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// One range of bytes (RFC 9110, section 14.1.2); `None` for what means all, an error for what lies beyond the end.
fn part(range: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let place = match (first.trim(), last.trim()) {
        ("", last) => size.saturating_sub(last.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => first.parse().ok()?..last.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    Some(if place.start < place.end { Ok(place) } else { Err(()) })
}

async fn upload(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut ignored = Vec::new();
    match receive(&shared, request, &mut ignored).await {
        Ok(output) => {
            let envelope = Envelope::<UploadFile>::around(output);
            Json(Answer { envelope: &envelope, ignored: &ignored }).into_response()
        }
        Err(error) => status::failed(error, ignored),
    }
}

/// Reads the fields up to the file, calls the capability with them, then streams the file to disk.
async fn receive(shared: &Shared, request: Request, ignored: &mut Vec<Ignored>) -> Result<UploadOutput> {
    let (parts, body) = request.into_parts();
    let authentication = Authentication::of(&parts, &shared.bridge.keys)?;
    let query: Vec<(String, String)> = auth::query(&parts.uri).filter(|(name, _)| name != "auth").collect();
    let request = Request::from_parts(parts, body);
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| no_form())?;
    let mut fields = Map::new();
    let file = loop {
        let Some(field) = form.next_field().await.map_err(broken)? else { break None };
        match field.name().unwrap_or_default().to_owned() {
            name if name == "file" => break Some(field),
            _ if fields.len() >= MAX_FIELDS => return Err(no_form()),
            name => drop(fields.insert(name, text(field).await?.into())),
        }
    };
    let body_key = fields.remove("auth");
    let body_key = body_key.as_ref().and_then(Value::as_str).map(str::to_owned);
    let authenticated = authentication.caller(&shared.bridge.keys, body_key);
    let caller = authenticated.inspect_err(|error| shared.bridge.record_refusal(UploadFile::ACTION, error))?;
    let names_path = fields.contains_key("path") || query.iter().any(|(name, _)| name == "path");
    let arguments = Arguments::from_object(&fields).or_query(query);
    let context = Context::new(caller);
    let begun = shared.bridge.begin::<UploadFile>(&context, arguments).await;
    *ignored = context.ignored();
    let (mut output, mut record) = begun.map_err(|error| match &file {
        Some(_) if !names_path => {
            Problem::value("path", "Field required before the part file: send the form's fields first").into()
        }
        _ => error,
    })?;
    let mut upload = output.upload.take().expect("an upload that began is there");
    let stopped = record.stop();
    let taken = match file {
        Some(file) => match take(&context.caller, &mut upload, file, &stopped).await {
            Ok((file, fits)) => {
                let fits = fits.and(nothing_follows(&mut form).await);
                put(upload, file, fits).await
            }
            Err(error) => Err(error),
        },
        None => Err(Problem::value("file", "Field required: the file's bytes, as the last part of the form").into()),
    };
    record.ends(&taken);
    taken
}

fn no_form() -> Error {
    Problem::value("file", "Send multipart/form-data: the field path, then the part file").into()
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Unusable(format!("The upload broke off ({error}): go on from what filesystem_upload_status tells"))
}

async fn text(mut field: Field<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_FIELD {
            return Err(Error::TooLarge(
                "A field of the form is too long: only the part named file holds bytes".into(),
            ));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::Unusable("A field of the form is not UTF-8".into()))
}

/// Reads what comes, and whether it fits. What has come stays when the client breaks off.
async fn take(
    caller: &Caller,
    upload: &mut Upload,
    mut field: Field<'_>,
    stopped: &CancellationToken,
) -> Result<(std::fs::File, Result<()>)> {
    let mut file = tokio::fs::File::from_std(upload.open().await?);
    let mut fits = Ok(());
    loop {
        let chunk = tokio::select! {
            chunk = field.chunk() => chunk.map_err(broken),
            () = stopped.cancelled() => Err(caller.stopped()),
        };
        match chunk {
            Ok(Some(chunk)) => {
                fits = fits.and_then(|()| upload.came(chunk.len() as u64));
                // What does not fit is read to its end anyway: who still sends would not see the answer.
                metering::received(caller, chunk.len());
                if fits.is_ok() {
                    file.write_all(&chunk).await?;
                }
            }
            Ok(None) => break,
            Err(error) => {
                file.flush().await?;
                Upload::leave(&file.into_std().await);
                return Err(error);
            }
        }
    }
    file.flush().await?;
    Ok((file.into_std().await, fits))
}

/// A part behind the file would be passed over: another file, or a field that asks for care.
async fn nothing_follows(form: &mut Multipart) -> Result<()> {
    let mut follows = Ok(());
    while let Ok(Some(mut field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        let message = match name.as_str() {
            "file" => "A second part file came, and nothing was written: send one file with each call".to_owned(),
            _ => format!("The field {name} came behind the part file, and nothing was written: send the fields first"),
        };
        follows = follows.and(Err(Problem::value(&name, message).into()));
        while let Ok(Some(_)) = field.chunk().await {}
    }
    follows
}

async fn put(upload: Upload, file: std::fs::File, fits: Result<()>) -> Result<UploadOutput> {
    match fits {
        Ok(()) => upload.finish(file).await,
        Err(error) => upload.take_back(file).await.and(Err(error)),
    }
}
