//! The person's browsers: each let in once by a link from the command line, and known from then on by a token that its page
//! keeps and sends as a header. No cookie: those go to every port of a host, and an agent's own server may listen on one.

use super::{Control, person::random};
use crate::{
    approvals::Limit,
    caller::{Access, SecretDigest},
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The header in which a page shows the token of its session.
pub(crate) const SESSION_HEADER: &str = "x-owner-session";

/// The header in which a page shows the code of its link, for a session.
pub(crate) const CODE_HEADER: &str = "x-owner-code";

/// How long a link can be used.
const LINK: Duration = Duration::from_secs(5 * 60);

/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// How many links and how many sessions there are at most: the oldest end.
const MOST: usize = 32;

/// The links that were not used yet, and the sessions. A restart ends them all.
#[derive(Default)]
pub(crate) struct Browsers(Mutex<State>);

#[derive(Default)]
struct State {
    links: Keys,
    sessions: Keys,
}

/// Secrets that open something for a while, by their digests, oldest first.
#[derive(Default)]
struct Keys(VecDeque<(SecretDigest, Limit)>);

impl Keys {
    /// Makes one; it, and until when it opens.
    fn make(&mut self, lifetime: Duration) -> Result<(String, Limit)> {
        let made = random().map_err(Error::internal)?;
        let limit = Limit::after(lifetime);
        self.0.push_back((SecretDigest::of(made.expose()), limit));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
        Ok((made.expose().to_owned(), limit))
    }

    fn find(&mut self, presented: &str) -> Option<usize> {
        self.0.retain(|(_, limit)| !limit.is_past());
        self.0.iter().position(|(digest, _)| digest.is_of(presented))
    }

    fn take(&mut self, presented: &str) -> bool {
        let found = self.find(presented);
        found.is_some_and(|at| self.0.remove(at).is_some())
    }
}

impl Browsers {
    /// Uses up the code of a link: whether it opens a session.
    pub(crate) fn take_code(&self, code: &str) -> bool {
        self.lock().links.take(code)
    }

    /// Whether a token is that of a session.
    pub(crate) fn know(&self, token: &str) -> bool {
        self.lock().sessions.find(token).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Make a link that lets a browser in.
///
/// It opens one session, within 5 minutes.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct OpenPage {}

/// What opens a session.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct PageLink {
    /// The path of the page, with the code of the link.
    pub(crate) path: String,
    /// Until when it can be used.
    pub(crate) expires_at: String,
}

/// Begin the session of a browser.
///
/// The page that was opened by a link shows its code in `x-owner-code`, which is used up.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct BeginSession {}

/// A session.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct PageSession {
    /// What the page sends in `x-owner-session`.
    pub(crate) token: String,
    /// Until when it counts.
    pub(crate) expires_at: String,
}

/// End the session of a browser, or of all.
///
/// Links that were not used end with all sessions.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct EndSessions {
    /// The token of the one to end. Default: all end.
    pub(crate) token: Option<String>,
}

/// What ended.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct EndedSessions {
    /// How many sessions.
    pub(crate) ended: usize,
}

impl Capability for OpenPage {
    const NAME: &'static str = "control_open";
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = PageLink;

    async fn run(self, control: &Control, _: &Context) -> Result<PageLink> {
        let (code, limit) = control.browsers.lock().links.make(LINK)?;
        // What stands behind # is sent to no server, and so in no log.
        Ok(PageLink { path: format!("/control#{code}"), expires_at: clock::timestamp_of(limit.wall()) })
    }
}

impl Capability for BeginSession {
    const NAME: &'static str = "control_session";
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = PageSession;

    async fn run(self, control: &Control, _: &Context) -> Result<PageSession> {
        let (token, limit) = control.browsers.lock().sessions.make(SESSION)?;
        Ok(PageSession { token, expires_at: clock::timestamp_of(limit.wall()) })
    }
}

impl Capability for EndSessions {
    const NAME: &'static str = "control_sessions_end";
    const ROUTE: Option<&'static str> = Some("/control/sessions/end");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const IS_RECORDED: fn(&str) -> bool = |_| false;
    const EXAMPLE: &'static str = r#"{"token": "…"}"#;
    type Service = Control;
    type Output = EndedSessions;

    async fn run(self, control: &Control, _: &Context) -> Result<EndedSessions> {
        let mut state = control.browsers.lock();
        let ended = match self.token {
            Some(token) => usize::from(state.sessions.take(&token)),
            None => std::mem::take(&mut *state).sessions.0.into_iter().filter(|(_, limit)| !limit.is_past()).count(),
        };
        Ok(EndedSessions { ended })
    }
}

#[cfg(test)]
mod tests {
    use super::{Keys, MOST};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_key_opens_until_its_time_is_over_and_the_oldest_go_first() {
        let (mut keys, time) = (Keys::default(), Duration::from_secs(60));
        let (first, _) = keys.make(time).unwrap();
        assert!(keys.find(&first).is_some() && keys.find("").is_none() && keys.find(&first[1..]).is_none());
        for _ in 0..MOST {
            keys.make(time).unwrap();
        }
        assert!(keys.find(&first).is_none() && keys.0.len() == MOST);
        let (last, _) = keys.make(time).unwrap();
        assert!(keys.take(&last) && !keys.take(&last), "it is used up");
        let (late, _) = keys.make(time).unwrap();
        tokio::time::advance(time).await;
        assert!(keys.find(&late).is_none() && keys.0.is_empty());
    }
}
