//! Authorization codes: each is for one client, one address and one secret of the client's (PKCE), once and within a minute.

use super::{
    grant::{Granted, TokenRequest, invalid},
    problem::Problem,
    secret::digest,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq as _;
use url::Url;

/// How long a code counts.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long it is known that it was used.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// How many are known at once.
const MOST: usize = 200;

/// Those of the last minutes. A restart ends them.
#[derive(Default)]
pub(super) struct Codes {
    open: Vec<Code>,
    /// By their hash, with the grant that they made.
    used: Vec<(String, String, Instant)>,
}

pub(super) struct Code {
    sha256: String,
    granted: Granted,
    redirect: Url,
    challenge: String,
    made: Instant,
}

impl Code {
    pub(super) fn new(code: &str, granted: Granted, redirect: Url, challenge: String) -> Self {
        Self { sha256: digest(code), granted, redirect, challenge, made: Instant::now() }
    }

    fn is_for(&self, asked: &TokenRequest) -> bool {
        let verifier = asked.code_verifier.as_deref().unwrap_or_default();
        let shown = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        asked.client_id.as_ref() == Some(&self.granted.client)
            && asked.redirect_uri.as_ref().is_none_or(|uri| Url::parse(uri).is_ok_and(|uri| uri == self.redirect))
            && bool::from(shown.as_bytes().ct_eq(self.challenge.as_bytes()))
    }
}

impl Codes {
    pub(super) fn add(&mut self, code: Code) {
        self.open.retain(|one| one.made.elapsed() < LIFETIME);
        self.open.drain(..(self.open.len() + 1).saturating_sub(MOST));
        self.open.push(code);
    }

    /// The grant that a code has made before.
    pub(super) fn used_before(&mut self, code: &str) -> Option<String> {
        self.used.retain(|(_, _, at)| at.elapsed() < REMEMBERED);
        let sha256 = digest(code);
        self.used.iter().find(|(used, _, _)| *used == sha256).map(|(_, grant, _)| grant.clone())
    }

    /// Uses a code up, whether or not who shows it is the client that asked for it.
    ///
    /// # Errors
    /// [`super::Reason::InvalidGrant`] where it is none, or another one.
    pub(super) fn take(&mut self, code: &str, asked: &TokenRequest) -> Result<Granted, Problem> {
        self.open.retain(|one| one.made.elapsed() < LIFETIME);
        let sha256 = digest(code);
        let at = self.open.iter().position(|one| one.sha256 == sha256);
        let code = at.map(|at| self.open.remove(at)).filter(|code| code.is_for(asked));
        let code = code.ok_or_else(|| {
            invalid("The code, its redirect_uri or its code_verifier is not right, or its minute is over: connect anew")
        });
        code.map(|code| code.granted)
    }

    /// Remembers that a code has made a grant.
    pub(super) fn remember(&mut self, code: &str, grant: &str) {
        self.used.drain(..(self.used.len() + 1).saturating_sub(MOST));
        self.used.push((digest(code), grant.to_owned(), Instant::now()));
    }
}
