//! Sessions of clients that speak a revision with sessions (before 2026-07-28): how many, how long, and what becomes
//! of a call whose client went away.
//!
//! The SDK's own idle timer ends a session in the middle of a silent call, so it is off; what is idle is ended here.

use super::earlier::ProcessMark;
use crate::caller::Caller;
use futures::{Stream, StreamExt, future::Either};
use rmcp::{
    model::{
        CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification, ProtocolVersion,
        RequestId, ServerJsonRpcMessage, ServerResult,
    },
    transport::streamable_http_server::session::{
        RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
        local::{EventId, LocalSessionManager, LocalSessionManagerError, SessionConfig},
    },
};
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// How soon a client whose stream broke should come back for it.
const RETRY: Duration = Duration::from_secs(1);

/// How long a call runs on without anyone reading its stream, in case the client comes back for it.
const GRACE: Duration = Duration::from_secs(3);

/// The sessions that are open.
pub(crate) struct Sessions {
    local: Arc<LocalSessionManager>,
    open: Mutex<HashMap<SessionId, Session>>,
    max: usize,
    max_idle: Duration,
    /// What the ids of its sessions begin with.
    pub mark: ProcessMark,
}

struct Session {
    /// Who opened it, as soon as it is open.
    caller: Option<Caller>,
    used: Instant,
    /// Whether its revision has the event without a message with which a stream begins, so that it can be resumed
    /// from there. Clients of older ones take it for a message that is broken.
    is_primed: bool,
    /// The calls that run, by the number that the event ids of their streams carry.
    calls: HashMap<String, Arc<Call>>,
}

/// A call that someone waits for.
struct Call {
    request: RequestId,
    session: SessionId,
    /// Streams that carry its answer now: one, or none while the client is away.
    readers: AtomicUsize,
    answered: AtomicBool,
    sessions: Weak<LocalSessionManager>,
}

impl Sessions {
    /// No session yet. At most `max` at once: the one that has been idle longest makes room. One idle for `max_idle`
    /// ends when a new one comes.
    pub(crate) fn new(max: usize, max_idle: Duration) -> Self {
        let mut local = LocalSessionManager::default();
        let mut config = SessionConfig::default();
        config.keep_alive = None;
        config.sse_retry = Some(RETRY);
        local.session_config = config;
        Self { local: Arc::new(local), open: Mutex::default(), max: max.max(1), max_idle, mark: ProcessMark::new() }
    }

    /// Ends the sessions of keys that open nothing any more, with what they run.
    pub(crate) async fn end_lapsed(&self) {
        let lapsed: Vec<SessionId> = {
            let mut open = self.open.lock().expect("no one panics while holding it");
            let has_lapsed = |session: &mut Session| session.caller.as_ref().is_some_and(Caller::has_lapsed);
            open.extract_if(|_, session| has_lapsed(session)).map(|(id, _)| id).collect()
        };
        for id in lapsed {
            let _ = self.local.close_session(&id).await;
        }
    }

    /// Notes who opened a session: it is nobody else's from then on.
    pub(crate) fn opened_by(&self, id: Option<&str>, caller: &Caller) {
        let mut open = self.open.lock().expect("no one panics while holding it");
        if let Some(session) = id.and_then(|id| open.get_mut(id)) {
            session.caller.get_or_insert_with(|| caller.clone());
        }
    }

    /// Whether a session is the caller's, by a key that is still right, or there is none of that name.
    pub(crate) fn may_be_of(&self, id: &str, caller: &Caller) -> bool {
        let open = self.open.lock().expect("no one panics while holding it");
        let of = open.get(id).and_then(|session| session.caller.as_ref());
        of.is_none_or(|of| of.name() == caller.name() && !of.has_lapsed())
    }

    fn touch(&self, id: &SessionId) {
        if let Some(session) = self.open.lock().expect("no one panics while holding it").get_mut(id) {
            session.used = Instant::now();
        }
    }

    /// Takes those out that a new session replaces.
    fn make_room(&self) -> Vec<SessionId> {
        let mut open = self.open.lock().expect("no one panics while holding it");
        for session in open.values_mut() {
            session.calls.retain(|_, call| !call.answered.load(Ordering::Relaxed));
        }
        let mut idle: Vec<(Instant, SessionId)> = open
            .iter()
            .filter(|(_, session)| session.calls.is_empty())
            .map(|(id, session)| (session.used, id.clone()))
            .collect();
        idle.sort();
        let surplus = (open.len() + 1).saturating_sub(self.max);
        let ended: Vec<SessionId> = idle
            .into_iter()
            .enumerate()
            .filter(|(place, (used, _))| *place < surplus || used.elapsed() > self.max_idle)
            .map(|(_, (_, id))| id)
            .collect();
        for id in &ended {
            open.remove(id);
        }
        ended
    }

    /// Remembers which call a stream belongs to, once its first event says which number it has.
    fn enter(&self, call: &Arc<Call>, number: String) {
        if let Some(session) = self.open.lock().expect("no one panics while holding it").get_mut(&call.session) {
            session.calls.retain(|_, call| !call.answered.load(Ordering::Relaxed));
            session.calls.insert(number, call.clone());
        }
    }

    fn is_primed(&self, id: &SessionId) -> bool {
        self.open.lock().expect("no one panics while holding it").get(id).is_some_and(|session| session.is_primed)
    }

    fn call_of(&self, id: &SessionId, event: &str) -> Option<Arc<Call>> {
        let (_, number) = event.split_once('/')?;
        let open = self.open.lock().expect("no one panics while holding it");
        open.get(id)?.calls.get(number).cloned()
    }
}

impl SessionManager for Sessions {
    type Error = LocalSessionManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let id = self.mark.session_id();
        match self.restore_session(id.clone()).await? {
            RestoreOutcome::Restored(transport) => Ok((id, transport)),
            _ => Err(LocalSessionManagerError::SessionNotFound(id)),
        }
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        let answer = self.local.initialize_session(id, message).await?;
        if let ServerJsonRpcMessage::Response(response) = &answer
            && let ServerResult::InitializeResult(result) = &response.result
            && let Some(session) = self.open.lock().expect("no one panics while holding it").get_mut(id)
        {
            session.is_primed = result.protocol_version >= ProtocolVersion::V_2025_11_25;
        }
        Ok(answer)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.touch(id);
        self.local.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.open.lock().expect("no one panics while holding it").remove(id);
        self.local.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let ClientJsonRpcMessage::Request(request) = &message else {
            return self.local.create_stream(id, message).await.map(Either::Left);
        };
        // Before the session gets the message: from then on the client may go away at any moment.
        let reading = ReaderGuard::begin(request.id.clone(), id.clone(), &self.local);
        let mut stream = self.local.create_stream(id, message).await?;
        let first = stream.next().await;
        if let Some(number) = first.as_ref().and_then(number_of) {
            self.enter(&reading.0, number);
        }
        let is_primed = self.is_primed(&reading.0.session);
        let first = first.filter(|event| is_primed || event.message.is_some());
        let stream = futures::stream::iter(first).chain(stream);
        Ok(Either::Right(Read { stream: Box::pin(stream), reading }))
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let stream = self.local.create_standalone_stream(id).await?;
        let first = self.is_primed(id).then(|| ServerSseMessage::priming("0", RETRY));
        Ok(futures::stream::iter(first).chain(stream))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let call = self.call_of(id, &last_event_id);
        let reading = call.map(|call| {
            call.readers.fetch_add(1, Ordering::SeqCst);
            ReaderGuard(call)
        });
        let stream = self.local.resume(id, last_event_id).await?;
        Ok(match reading {
            Some(reading) => Either::Right(Read { stream: Box::pin(stream), reading }),
            None => Either::Left(stream),
        })
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.local.accept_message(id, message).await
    }

    /// Opens a session under an id that is not taken.
    async fn restore_session(&self, id: SessionId) -> Result<RestoreOutcome<Self::Transport>, Self::Error> {
        for ended in self.make_room() {
            let _ = self.local.close_session(&ended).await;
        }
        let outcome = self.local.restore_session(id.clone()).await?;
        if matches!(outcome, RestoreOutcome::Restored(_)) {
            let session = Session { caller: None, used: Instant::now(), is_primed: false, calls: HashMap::new() };
            self.open.lock().expect("no one panics while holding it").insert(id, session);
        }
        Ok(outcome)
    }
}

/// The number of the call in a stream's event ids, `index/number`.
fn number_of(message: &ServerSseMessage) -> Option<String> {
    let id = message.event_id.as_deref()?;
    id.parse::<EventId>().ok()?;
    id.split_once('/').map(|(_, number)| number.to_owned())
}

/// A stream of a call's answer, as long as someone reads it.
struct Read<S> {
    stream: Pin<Box<S>>,
    reading: ReaderGuard,
}

impl<S: Stream<Item = ServerSseMessage>> Stream for Read<S> {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ServerSseMessage>> {
        let next = self.stream.as_mut().poll_next(context);
        let is_answer = match &next {
            Poll::Ready(Some(event)) => matches!(
                event.message.as_deref(),
                Some(ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_))
            ),
            Poll::Ready(None) => true,
            Poll::Pending => false,
        };
        if is_answer {
            self.reading.0.answered.store(true, Ordering::SeqCst);
        }
        next
    }
}

/// Someone reads. When the last one stops before the answer and does not come back, the call is cancelled.
struct ReaderGuard(Arc<Call>);

impl ReaderGuard {
    fn begin(request: RequestId, session: SessionId, sessions: &Arc<LocalSessionManager>) -> Self {
        Self(Arc::new(Call {
            request,
            session,
            readers: AtomicUsize::new(1),
            answered: AtomicBool::new(false),
            sessions: Arc::downgrade(sessions),
        }))
    }
}

impl Drop for ReaderGuard {
    fn drop(&mut self) {
        let call = self.0.clone();
        let last = call.readers.fetch_sub(1, Ordering::SeqCst) == 1;
        if !last || call.answered.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(cancel_unless_read(call));
        }
    }
}

async fn cancel_unless_read(call: Arc<Call>) {
    tokio::time::sleep(GRACE).await;
    if call.readers.load(Ordering::SeqCst) > 0 || call.answered.swap(true, Ordering::SeqCst) {
        return;
    }
    let Some(sessions) = call.sessions.upgrade() else { return };
    let reason = Some("the client went away".to_owned());
    let cancelled = CancelledNotificationParam::new(Some(call.request.clone()), reason);
    let notification = ClientNotification::CancelledNotification(CancelledNotification::new(cancelled));
    let _ = sessions.accept_message(&call.session, ClientJsonRpcMessage::notification(notification)).await;
}
