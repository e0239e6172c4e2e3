//! What the person let clients do: each time an agent, and the tokens by which its client is known.
//!
//! Access tokens count for an hour. A refresh token counts once: with the next one it is spent. A client that did not hear the
//! answer repeats itself, and some refresh before each call, so that a spent one counts two minutes more; after that, somebody
//! else may have it, and the whole grant ends (RFC 9700, section 4.14.2).

use super::{
    ACCESS_LIFETIME, OAuth, State, client, now,
    problem::{Problem, Reason},
    secret::{ACCESS, REFRESH, digest, make, random},
};
use crate::agents::Agent;
use serde::{Deserialize, Serialize};
use url::Url;

/// How long a spent refresh token counts once more, in seconds.
const GRACE: i64 = 120;

/// How long a grant is kept whose client does not come back, in seconds.
const UNUSED: i64 = 90 * 24 * 60 * 60;

/// How many grants are kept; past it the one that was used least lately ends.
const MOST: usize = 500;

/// How many tokens of each kind a grant has that count, and of how many it is known that they were used.
const MOST_TOKENS: usize = 32;
const MOST_SPENT: usize = 256;

/// What the person let a client do.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    pub(super) id: String,
    /// The agent that its client is.
    pub(super) agent: String,
    /// What is kept of that agent's key. When the person gives it another one or takes it away, this is over, too.
    pub(super) key_sha256: String,
    /// The client's name in the protocol.
    pub(super) client: String,
    /// The address that the client asked for.
    resource: String,
    /// When it was given and last used, in seconds since 1970.
    created: i64,
    used: i64,
    /// The access tokens that count, oldest first.
    pub(super) access: Vec<Token>,
    /// The refresh tokens that count, oldest first.
    refresh: Vec<String>,
    /// Those that were used, the last ones, with until when each counts once more.
    spent: Vec<Token>,
    /// The scopes that the client asked for; an answer names none that it did not.
    #[serde(default)]
    asked: String,
}

/// A token, by its hash.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Token {
    pub(super) sha256: String,
    /// Seconds since 1970.
    pub(super) until: i64,
}

/// What a client asks the token endpoint for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TokenRequest {
    pub(crate) grant_type: String,
    pub(crate) client_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) resource: Option<String>,
}

/// What it gets (RFC 6749, section 5.1).
#[derive(Serialize)]
pub(crate) struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    /// The profile of the agent, where the client asked for none or for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// What the person has just let a client do.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) agent: String,
    pub(super) key_sha256: String,
    pub(super) client: String,
    pub(super) resource: String,
    pub(super) asked: String,
}

/// What a refresh token is worth.
#[derive(Debug, PartialEq, Eq)]
enum Worth {
    Counts,
    /// It was used before.
    Spent,
    /// It was never given out, or so long ago that nobody knows.
    Nothing,
}

impl Grant {
    pub(super) fn of(granted: Granted) -> Result<Self, Problem> {
        let Granted { agent, key_sha256, client, resource, asked } = granted;
        let (id, created) = (random()?, now());
        let ([access, spent], refresh, used) = ([Vec::new(), Vec::new()], Vec::new(), created);
        Ok(Self { id, agent, key_sha256, client, resource, created, used, access, refresh, spent, asked })
    }

    /// Makes a pair of tokens.
    fn issue(&mut self, scope: &str) -> Result<Tokens, Problem> {
        let (access, refresh) = (make(ACCESS)?, format!("{}.{}", make(REFRESH)?, self.id));
        let (time, lifetime) = (now(), ACCESS_LIFETIME.as_secs());
        self.access.retain(|token| token.until > time);
        self.access.push(Token { sha256: digest(&access), until: time + lifetime as i64 });
        self.refresh.push(digest(&refresh));
        let over = |count: usize| count.saturating_sub(MOST_TOKENS);
        self.access.drain(..over(self.access.len()));
        self.refresh.drain(..over(self.refresh.len()));
        self.spent.drain(..self.spent.len().saturating_sub(MOST_SPENT));
        self.used = time;
        let is_asked = self.asked.is_empty() || self.asked.split(' ').any(|asked| asked == scope);
        let (token_type, scope) = ("Bearer", is_asked.then(|| scope.to_owned()));
        Ok(Tokens { access_token: access, token_type, expires_in: lifetime, refresh_token: refresh, scope })
    }

    /// Uses a refresh token up, and with it all others that count: of those that a repeated refresh gave, one goes on.
    fn spend(&mut self, token: &str) -> Worth {
        let (sha256, time) = (digest(token), now());
        if self.refresh.contains(&sha256) {
            let spent = self.refresh.drain(..).map(|sha256| Token { sha256, until: time + GRACE });
            self.spent.extend(spent);
            return Worth::Counts;
        }
        match self.spent.iter().find(|one| one.sha256 == sha256) {
            Some(one) if one.until > time => Worth::Counts,
            Some(_) => Worth::Spent,
            None => Worth::Nothing,
        }
    }

    /// Whether its address is one of this server.
    pub(super) fn is_for(&self, issuer: &str) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        origin(&self.resource).is_some_and(|own| Some(own) == origin(issuer))
    }

    fn holds(&self, agent: &Agent) -> bool {
        let record = agent.record();
        record.key_sha256.as_ref() == Some(&self.key_sha256) && !record.has_expired()
    }
}

impl OAuth {
    /// Gives tokens for a code, or for a refresh token. Blocks.
    ///
    /// # Errors
    /// Those of RFC 6749, section 5.2. [`Reason::InvalidClient`] for a client that is gone, so that it registers again.
    pub(crate) fn tokens(&self, asked: &TokenRequest) -> Result<Tokens, Problem> {
        let missing = |what: &str| Problem::new(Reason::InvalidRequest, format!("{what} is missing"));
        let client = asked.client_id.as_deref().ok_or_else(|| missing("client_id"))?;
        if !self.knows(client) {
            return Err(client::unknown());
        }
        if let Some(resource) = &asked.resource {
            self.check_resource(resource)?;
        }
        let mut state = self.lock();
        state.clean();
        match asked.grant_type.as_str() {
            "authorization_code" => {
                let code = asked.code.as_deref().ok_or_else(|| missing("code"))?;
                let used = state.codes.used_before(code);
                if let Some(grant) = used {
                    // Two have the code: who came first may be the wrong one (RFC 6749, section 4.1.2).
                    self.end(&mut state, &grant)?;
                    return Err(invalid("The code was used before: connect the client anew"));
                }
                let granted = state.codes.take(code, asked)?;
                let mut grant = Grant::of(granted)?;
                let tokens = self.issue(&mut grant)?;
                state.codes.remember(code, &grant.id);
                state.file.grants.push(grant);
                self.save(&state).map(|()| tokens)
            }
            "refresh_token" => {
                let token = asked.refresh_token.as_deref().ok_or_else(|| missing("refresh_token"))?;
                let id = token.rsplit_once('.').map_or("", |(_, id)| id);
                let found = state.file.grants.iter().position(|grant| grant.id == id && grant.client == client);
                let nothing = || invalid("The refresh token opens nothing: connect the client anew");
                let at = found.ok_or_else(nothing)?;
                let worth = state.file.grants[at].spend(token);
                if worth == Worth::Nothing {
                    return Err(nothing());
                }
                if worth == Worth::Spent {
                    tracing::warn!(
                        "a refresh token of the agent {} was used twice: what its client was let do is over",
                        state.file.grants[at].agent
                    );
                    self.end(&mut state, id)?;
                    return Err(invalid("The refresh token was used before: connect the client anew"));
                }
                let mut grant = state.file.grants[at].clone();
                let tokens = self.issue(&mut grant)?;
                state.file.grants[at] = grant;
                self.save(&state).map(|()| tokens)
            }
            other => {
                let text = format!("grant_type is {other}, and must be authorization_code or refresh_token");
                Err(Problem::new(Reason::UnsupportedGrantType, text))
            }
        }
    }

    /// Takes a token back, and all that was given with it (RFC 7009). One that opens nothing is taken back already. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn revoke(&self, token: &str) -> Result<(), Problem> {
        let (mut state, sha256) = (self.lock(), digest(token));
        let has = |grant: &Grant| {
            grant.refresh.contains(&sha256) || grant.access.iter().chain(&grant.spent).any(|one| one.sha256 == sha256)
        };
        let found = state.file.grants.iter().find(|grant| has(grant)).map(|grant| grant.id.clone());
        found.map_or(Ok(()), |id| self.end(&mut state, &id))
    }

    fn issue(&self, grant: &mut Grant) -> Result<Tokens, Problem> {
        let agent = self.agents.named(&grant.agent).ok().filter(|agent| grant.holds(agent));
        let agent = agent.ok_or_else(|| invalid("The person took back what this client may do"))?;
        grant.issue(&agent.profile())
    }

    /// What it opened ends, also where that cannot be written.
    fn end(&self, state: &mut State, id: &str) -> Result<(), Problem> {
        state.file.grants.retain(|grant| grant.id != id);
        self.follow(state);
        self.save(state)
    }
}

impl State {
    /// Forgets what nobody uses any more.
    fn clean(&mut self) {
        let grants = &mut self.file.grants;
        grants.retain(|grant| grant.used + UNUSED > now());
        grants.sort_by_key(|grant| grant.used);
        grants.drain(..grants.len().saturating_sub(MOST));
    }
}

pub(super) fn invalid(text: &str) -> Problem {
    Problem::new(Reason::InvalidGrant, text)
}

#[cfg(test)]
mod tests {
    use super::{Grant, Granted, Worth};
    use crate::oauth::secret::digest;

    fn grant() -> Grant {
        let [agent, key_sha256, client, resource, asked] = ["a", "k", "c", "r", ""].map(str::to_owned);
        Grant::of(Granted { agent, key_sha256, client, resource, asked }).unwrap()
    }

    #[test]
    fn a_refresh_token_counts_once_and_for_two_minutes_more() {
        let mut grant = grant();
        let first = grant.issue("careful").unwrap().refresh_token;
        assert_eq!(
            [grant.spend(&first), grant.spend(&first)],
            [Worth::Counts, Worth::Counts],
            "its answer may be lost"
        );
        let [second, sibling] = [(); 2].map(|()| grant.issue("careful").unwrap().refresh_token);
        assert_eq!(grant.spend(&second), Worth::Counts);
        grant.spent.iter_mut().for_each(|one| one.until -= super::GRACE);
        assert_eq!(grant.spend(&first), Worth::Spent, "somebody else has it, too");
        assert_eq!(grant.spend(&sibling), Worth::Spent, "one of those that a repeated refresh gave goes on");
        assert_eq!(grant.spend(&format!("skr_x.{}", grant.id)), Worth::Nothing, "who knows the name ends nothing");
    }

    #[test]
    fn however_often_a_client_refreshes_few_tokens_are_kept_and_the_last_ones_count() {
        let mut grant = grant();
        let all: Vec<_> = (0..100).map(|_| grant.issue("careful").unwrap()).collect();
        assert_eq!((grant.access.len(), grant.refresh.len()), (super::MOST_TOKENS, super::MOST_TOKENS));
        assert_eq!(grant.spend(&all[99].refresh_token), Worth::Counts);
        assert_eq!(grant.access.last().unwrap().sha256, digest(&all[99].access_token));
    }
}
