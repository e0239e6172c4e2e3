//! A program's output as server-sent events, for clients that ask for `text/event-stream`: `stdout` and `stderr` as they
//! come, then `exit` with the rest of the answer, or `error`.

use super::{
    shared::Shared,
    status::{self, ErrorBody},
};
use crate::{
    arguments::{Arguments, Ignored},
    caller::MemoryPermit,
    capability::{Context, OutputEvent},
    catalog::Entry,
    error::Error,
};
use axum::{
    http::{HeaderMap, header::ACCEPT},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::{
    sync::{Notify, futures::Notified},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Text is joined up to this many bytes when the client is slower than the program.
const PIECE: usize = 64 * 1024;

/// How many pieces may wait in the order in which they came. Then each stream is joined for itself: thousands of short
/// lines, now on one stream and now on the other, must not take a multiple of their length.
const MAX_TURNS: usize = 1000;

/// Whether the client wants events rather than JSON: by the weights it gives them, then by which it names first.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds: Vec<&str> = accepted.flat_map(|value| value.split(',')).collect();
    // Of equal weights `max_by` takes the last, so the search goes from the end.
    let named = kinds.iter().rev().filter_map(|kind| weighed(kind)).filter(|(_, weight)| *weight > 0.0);
    named.max_by(|one, other| one.1.total_cmp(&other.1)).is_some_and(|(is_events, _)| is_events)
}

/// Whether it is events or JSON that is named, and with which weight (RFC 9110, section 12.4.2).
fn weighed(kind: &str) -> Option<(bool, f64)> {
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next()?;
    let is_events = essence.eq_ignore_ascii_case("text/event-stream");
    if !is_events && !essence.eq_ignore_ascii_case("application/json") {
        return None;
    }
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((is_events, weight.map_or(Some(1.0), |weight| weight.parse().ok())?))
}

/// Runs the call and tells its output. The call runs on its own, so that a slow client does not slow the program: what
/// waits for it is bounded by what the answer may hold. A client that goes away ends the call, and so does `stop`.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    entry: Arc<Entry>,
    context: Context,
    arguments: Arguments,
    stop: CancellationToken,
) -> Response {
    let waiting = Arc::new(Waiting::default());
    let told = waiting.clone();
    let context = context.with_output_sink(Arc::new(move |what| told.add(&what)));
    let mut call = JoinSet::new();
    call.spawn(async move {
        let result = shared.bridge.call(&entry, &context, arguments).await;
        let ignored = context.ignored();
        let result = match result {
            Ok(reply) => Ok(without_output(reply.to_value(&ignored))),
            Err(error) => Err((error, ignored)),
        };
        (result, context.holding.take())
    });
    let mut telling = EventStream { waiting, call, last: None, stop, held: MemoryPermit::default() };
    tokio::select! {
        biased;
        () = telling.waiting.begun() => {}
        Some(ended) = telling.call.join_next() => match ended {
            Ok((Err((refusal, ignored)), _)) => return status::failed(refusal, ignored),
            ended => telling.end(ended),
        }
    }
    let events = stream::unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// How a call ended, and the memory that its output still takes.
type Ended = Result<(Outcome, MemoryPermit), JoinError>;

/// What it answered, or why it failed and which fields did not count.
type Outcome = Result<Value, (Error, Vec<Ignored>)>;

/// A call whose output is told. Dropping it ends the call.
struct EventStream {
    waiting: Arc<Waiting>,
    call: JoinSet<(Outcome, MemoryPermit)>,
    last: Option<Event>,
    stop: CancellationToken,
    held: MemoryPermit,
}

impl EventStream {
    /// What is to be sent next; nothing after the end of the call.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.stop.is_cancelled() && !self.call.is_empty() {
                self.break_off();
            }
            let changed = self.waiting.changed();
            if let Some(part) = self.waiting.take() {
                return Some(event(part.stream, &json!({"text": part.text})));
            }
            if self.call.is_empty() {
                return self.last.take();
            }
            tokio::select! {
                () = changed => {}
                Some(ended) = self.call.join_next() => self.end(ended),
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn end(&mut self, ended: Ended) {
        let (error, ignored) = match ended {
            Ok((result, held)) => {
                self.held = held;
                match result {
                    Ok(exit) => {
                        self.last = Some(event("exit", &exit));
                        return;
                    }
                    Err(failed) => failed,
                }
            }
            Err(panicked) => (Error::internal(panicked), vec![]),
        };
        self.fail(error, ignored);
    }

    fn fail(&mut self, error: Error, ignored: Vec<Ignored>) {
        let status = status::code(&error).as_u16();
        let mut body = without_output(json!(ErrorBody::of(error, ignored)));
        body["status"] = status.into();
        self.last = Some(event("error", &body));
    }

    /// Ends the call in the middle.
    fn break_off(&mut self) {
        self.call = JoinSet::new();
        self.fail(Error::unavailable("The server is stopping, so the command was ended"), vec![]);
    }
}

/// What the client was not sent yet.
#[derive(Default)]
struct Waiting {
    told: Mutex<Output>,
    changed: Notify,
}

#[derive(Default)]
struct Output {
    has_begun: bool,
    parts: VecDeque<Part>,
}

struct Part {
    stream: &'static str,
    text: String,
}

impl Waiting {
    fn add(&self, what: &OutputEvent<'_>) {
        let mut told = self.lock();
        match *what {
            OutputEvent::Started => told.has_begun = true,
            OutputEvent::Output(stream, text) => told.add(stream, text),
        }
        drop(told);
        self.changed.notify_one();
    }

    async fn begun(&self) {
        loop {
            let changed = self.changed();
            if self.lock().has_begun {
                return;
            }
            changed.await;
        }
    }

    fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn take(&self) -> Option<Part> {
        self.lock().parts.pop_front()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Output> {
        self.told.lock().expect("no one panics while holding it")
    }
}

impl Output {
    fn add(&mut self, stream: &'static str, text: &str) {
        let turns = if self.parts.len() < MAX_TURNS { 1 } else { 2 };
        let mut recent = self.parts.iter_mut().rev().take(turns);
        match recent.find(|part| part.stream == stream && part.text.len() < PIECE) {
            Some(part) => part.text.push_str(text),
            None => self.parts.push_back(Part { stream, text: text.to_owned() }),
        }
    }
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// The answer without what was told already.
fn without_output(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.retain(|name, _| name != "stdout" && name != "stderr");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::{Output, PIECE, wanted};
    use axum::http::{HeaderMap, header::ACCEPT};

    #[test]
    fn events_come_to_who_prefers_them_to_json() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            wanted(&headers)
        };
        for accept in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "text/event-stream, */*",
            "text/event-stream, application/json",
            "application/json;q=0.5, text/event-stream",
        ] {
            assert!(wants(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "application/json",
            "application/json, text/event-stream",
            "text/event-stream;q=0",
            "text/event-stream;q=0.3, application/json;q=0.8",
            "text/event-streams",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }

    #[test]
    fn what_waits_for_a_slow_client_stays_near_its_own_length_and_complete() {
        let mut output = Output::default();
        for number in 0..1_000_000 {
            output.add(["stdout", "stderr"][number % 2], "x");
        }
        assert!(output.parts.len() < 1100, "{}", output.parts.len());
        assert!(output.parts.iter().all(|part| part.text.len() <= PIECE));
        let of =
            |name| output.parts.iter().filter(|part| part.stream == name).map(|part| part.text.len()).sum::<usize>();
        assert_eq!((of("stdout"), of("stderr")), (500_000, 500_000));
    }
}
