//! What clients ask the person for, until they say yes or no.

use super::{
    OAuth,
    client::Client,
    problem::{Problem, Reason},
    redirect, secret,
};
use crate::settings::PublicUrl;
use serde::Deserialize;
use std::time::{Duration, Instant};
use url::Url;

/// How long the person may think.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How many wait at once: past it the oldest goes.
const MOST: usize = 200;

/// The longest `state` that is handed back, in bytes.
const LONGEST_STATE: usize = 4096;

/// A profile that a client may ask for by its scope: it is offered first. More than the usual one is for the person to choose.
const NARROW: &str = "read-only";

/// What a client asks for, as it stands in the address (RFC 6749, section 4.1.1; RFC 7636; RFC 8707).
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    pub(crate) response_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) code_challenge_method: Option<String>,
    pub(crate) resource: Option<String>,
}

/// What the person is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Its name, which nobody guesses.
    pub(crate) id: String,
    /// Who asks.
    pub(crate) client: Client,
    /// Where the browser goes afterwards.
    pub(crate) redirect: Url,
    /// Whether the client asks for a profile that only reads.
    pub(crate) is_narrow: bool,
    pub(super) state: Option<String>,
    pub(super) challenge: String,
    pub(super) resource: String,
    made: Instant,
}

/// What waits. A restart ends it.
#[derive(Default)]
pub(super) struct Requests(Vec<Question>);

/// Why nothing can be asked: told on a page where nobody knows where the browser may be sent, and else there.
#[derive(Debug)]
pub(crate) enum Unaskable {
    Page(Problem),
    Redirect(Url),
}

impl Requests {
    fn add(&mut self, question: Question) {
        self.clean();
        self.0.drain(..(self.0.len() + 1).saturating_sub(MOST));
        self.0.push(question);
    }

    pub(super) fn get(&mut self, id: &str) -> Option<Question> {
        self.clean();
        self.0.iter().find(|one| one.id == id).cloned()
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Question> {
        self.clean();
        let at = self.0.iter().position(|one| one.id == id)?;
        Some(self.0.remove(at))
    }

    fn clean(&mut self) {
        self.0.retain(|one| one.made.elapsed() < LIFETIME);
    }
}

impl Question {
    /// What the person is told of where the answer goes.
    pub(crate) fn place(&self) -> String {
        redirect::place(&self.redirect)
    }

    /// By what a page's policy allows that its form ends there.
    pub(crate) fn source(&self) -> String {
        redirect::source(&self.redirect)
    }
}

impl OAuth {
    /// Takes what a client asks for.
    ///
    /// # Errors
    /// Where to say why it cannot be asked.
    pub(crate) async fn ask(&self, asked: Asked) -> Result<Question, Unaskable> {
        let id = asked.client_id.as_deref().unwrap_or_default();
        let client = self.client(id).await.map_err(Unaskable::Page)?;
        let redirect = address(&client, asked.redirect_uri.as_deref()).map_err(Unaskable::Page)?;
        let back = |problem: &Problem| {
            let text = [("error", problem.reason.code()), ("error_description", problem.text.clone())];
            Unaskable::Redirect(answer(&redirect, &self.issuer, asked.state.as_deref(), &text))
        };
        let (challenge, resource) = self.check(&asked).map_err(|problem| back(&problem))?;
        let id = secret::random().map_err(|problem| back(&problem))?;
        let is_narrow = asked.scope.as_deref() == Some(NARROW);
        let question =
            Question { id, client, redirect, is_narrow, state: asked.state, challenge, resource, made: Instant::now() };
        self.lock().requests.add(question.clone());
        Ok(question)
    }

    /// What waits under a name.
    pub(crate) fn question(&self, id: &str) -> Option<Question> {
        self.lock().requests.get(id)
    }

    /// Where the browser goes when the person says no.
    pub(crate) fn refuse(&self, id: &str) -> Option<Url> {
        let question = self.lock().requests.take(id)?;
        let text = [("error", Reason::AccessDenied.code()), ("error_description", "The person said no".to_owned())];
        Some(answer(&question.redirect, &self.issuer, question.state.as_deref(), &text))
    }

    /// The challenge and the address that a request is for.
    fn check(&self, asked: &Asked) -> Result<(String, String), Problem> {
        if asked.response_type.as_deref() != Some("code") {
            return Err(Problem::new(Reason::UnsupportedResponseType, "response_type must be code"));
        }
        if asked.code_challenge_method.as_deref() != Some("S256") {
            return Err(Problem::new(Reason::InvalidRequest, "code_challenge_method must be S256"));
        }
        // 43 characters hold the 256 bits of a SHA-256 (RFC 7636, section 4.2).
        let is_digest = |text: &&String| {
            text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let challenge = asked.code_challenge.as_ref().filter(is_digest);
        let challenge = challenge.ok_or_else(|| {
            Problem::new(Reason::InvalidRequest, "code_challenge must be the SHA-256 of the verifier")
        })?;
        if asked.state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(Problem::new(Reason::InvalidRequest, "state is longer than 4096 bytes"));
        }
        let resource = asked.resource.clone().unwrap_or_else(|| format!("{}/mcp", self.issuer));
        self.check_resource(&resource)?;
        Ok((challenge.clone(), resource))
    }

    /// Whether an address is the bridge's.
    ///
    /// # Errors
    /// [`Reason::InvalidTarget`] where it is another server's.
    pub(super) fn check_resource(&self, resource: &str) -> Result<(), Problem> {
        let own = Url::parse(&self.issuer).expect("the setting was checked").origin();
        match Url::parse(resource) {
            Ok(url) if url.origin() == own && url.fragment().is_none() => Ok(()),
            _ => Err(Problem::new(Reason::InvalidTarget, format!("resource must be an address of {}", self.issuer))),
        }
    }
}

/// Where a client has the browser sent back to: what it names must be registered; where it names nothing, the only one.
fn address(client: &Client, asked: Option<&str>) -> Result<Url, Problem> {
    let named = match (asked, &client.redirect_uris[..]) {
        (Some(asked), _) => asked,
        (None, [only]) => only,
        (None, _) => return Err(Problem::new(Reason::InvalidRedirectUri, "redirect_uri is missing")),
    };
    let url = redirect::check(named)?;
    match redirect::is_registered(&url, &client.redirect_uris) {
        true => Ok(url),
        false => Err(Problem::new(Reason::InvalidRedirectUri, "The client did not register this redirect_uri")),
    }
}

/// The address with an answer, the client's `state`, and who answers (RFC 9207).
pub(super) fn answer(redirect: &Url, issuer: &PublicUrl, state: Option<&str>, pairs: &[(&str, String)]) -> Url {
    let mut url = redirect.clone();
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(pairs);
        query.extend_pairs(state.map(|state| ("state", state))).append_pair("iss", issuer);
    }
    url
}
