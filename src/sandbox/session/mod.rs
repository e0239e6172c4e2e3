//! Sessions: an interpreter that is kept for a caller, with its variables and its files.

mod actor;
mod answers;
mod interpreter;
mod start;
mod work;

pub(super) use answers::CellError;
pub(super) use interpreter::{Answer, Bundle, Cell, Failure, Interpreter, Outcome};
pub use start::{ListSessions, StartSession, StopSession};
pub use work::{RunInSession, SessionFiles};

use super::{Sandbox, random_hex};
use crate::{
    clock,
    error::{Error, Result},
    settings::Settings,
};
use actor::{Done, Handle, Lifetime, Request};
use answers::SessionInfo;
use interpreter::{Setup, command};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The sessions that are open.
pub(super) struct Sessions {
    max: usize,
    idle: Duration,
    longest: Duration,
    open: Mutex<BTreeMap<String, Session>>,
}

struct Session {
    /// Whose it is: nobody else sees it.
    caller: String,
    language: &'static str,
    started: String,
    last_used: String,
    /// `None` while its container starts.
    handle: Option<Handle>,
    ended: CancellationToken,
}

impl Sessions {
    /// None open yet.
    pub(crate) fn open(settings: &Settings) -> Self {
        Self {
            max: settings.sandbox_max_sessions,
            idle: Duration::from_secs(settings.sandbox_session_idle_seconds),
            longest: Duration::from_secs(settings.sandbox_session_max_seconds),
            open: Mutex::default(),
        }
    }

    /// Those that have not ended, in the order of their start.
    fn alive(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        let mut open = self.open.lock().expect("no one panics while holding it");
        open.retain(|_, session| !session.ended.is_cancelled());
        open
    }

    /// A place for a session that starts.
    fn reserve(&self, caller: &str, language: &'static str) -> Result<Reservation<'_>> {
        let mut open = self.alive();
        if open.len() >= self.max {
            return Err(Error::TooMany {
                message: format!(
                    "{} sessions are open, the most that SANDBOX_MAX_SESSIONS allows: stop one with sandbox_session_stop",
                    open.len()
                ),
                retry_after: self.idle,
            });
        }
        // Sorts by its start: sixteen digits of time, then what cannot be guessed.
        let micros =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_micros());
        let id = format!("ses_{micros:x}_{}", random_hex::<8>());
        let (started, ended) = (clock::timestamp(), CancellationToken::new());
        let last_used = started.clone();
        let session =
            Session { caller: caller.to_owned(), language, started, last_used, handle: None, ended: ended.clone() };
        open.insert(id.clone(), session);
        Ok(Reservation { id, ended: Some(ended), sessions: self })
    }

    /// The caller's session of this name, marked as used.
    fn find(&self, caller: &str, id: &str) -> Result<Handle> {
        let mut open = self.alive();
        let session = open.get_mut(id).filter(|session| session.caller == caller).ok_or_else(|| unknown(id))?;
        session.last_used = clock::timestamp();
        session.handle.clone().ok_or_else(|| Error::Conflict("The session is still starting".into()))
    }

    /// Ends the caller's session; its container is removed at once.
    fn stop(&self, caller: &str, id: &str) -> Result<()> {
        let mut open = self.alive();
        match open.get(id).filter(|session| session.caller == caller) {
            Some(session) => session.ended.cancel(),
            None => return Err(unknown(id)),
        }
        open.remove(id);
        Ok(())
    }

    /// Ends those of an agent, or of all; says how many.
    pub(crate) fn end(&self, agent: Option<&str>) -> usize {
        let mut open = self.alive();
        let before = open.len();
        open.retain(|_, session| {
            let goes_on = agent.is_some_and(|agent| agent != session.caller);
            if !goes_on {
                session.ended.cancel();
            }
            goes_on
        });
        before - open.len()
    }

    fn list(&self, caller: &str) -> Vec<SessionInfo> {
        let open = self.alive();
        let mine = open.iter().filter(|(_, session)| session.caller == caller && session.handle.is_some());
        mine.map(|(id, session)| SessionInfo::new(id, session.language, &session.started, &session.last_used)).collect()
    }
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("There is no session {id:?}: it may have ended. Start one with sandbox_session_start"))
}

/// A place among the sessions; given back when the start fails.
struct Reservation<'a> {
    id: String,
    ended: Option<CancellationToken>,
    sessions: &'a Sessions,
}

impl Reservation<'_> {
    /// The session has started.
    fn fill(mut self, interpreter: Interpreter, setup: Setup) -> String {
        let ended = self.ended.take().expect("it is filled once");
        let lifetime = Lifetime { idle: self.sessions.idle, until: Instant::now() + self.sessions.longest };
        let handle = Handle::spawn(interpreter, setup, lifetime, ended);
        if let Some(session) = self.sessions.alive().get_mut(&self.id) {
            session.handle = Some(handle);
        }
        self.id.clone()
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            ended.cancel();
        }
    }
}

impl Sandbox {
    /// What an interpreter of `language` needs.
    pub(super) fn setup(&self, language: &str, lifetime: Duration) -> Result<(&'static str, Setup)> {
        let (language, command) = command(language)?;
        let setup = Setup {
            engine: self.engine.clone(),
            limits: self.limits.clone(),
            image: self.image.clone(),
            command,
            lifetime,
            output_bytes: self.output_bytes,
        };
        Ok((language, setup))
    }
}
