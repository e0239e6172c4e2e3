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

/// So many of one client.
const MOST_OF_ONE: usize = 5;

/// So many wrong codes end a question.
const MOST_WRONG: usize = 5;

/// How long an answer is given again.
const REPEATED: Duration = Duration::from_secs(60);

/// The longest `state` that is handed back, in bytes.
const LONGEST_STATE: usize = 4096;

/// A profile that a client may ask for by its scope: it is offered first. More than the usual one is for the person to choose.
pub(super) const NARROW: &str = "read-only";

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
    /// The scopes that the client asks for.
    pub(super) scope: String,
    /// How many wrong codes were typed.
    wrong: usize,
    made: Instant,
}

/// What waits. A restart ends it.
#[derive(Default)]
pub(super) struct Requests {
    waiting: Vec<Question>,
    /// Where the browser was sent from those that were answered a moment ago: a button is pressed twice.
    answered: Vec<(String, Url, Instant)>,
}

/// Why nothing can be asked: told on a page where nobody knows where the browser may be sent, and else there.
#[derive(Debug)]
pub(crate) enum Unaskable {
    Page(Problem),
    Redirect(Url),
}

impl Requests {
    /// Past the most that wait, the oldest of the client goes that has most of them: nobody pushes out another one's.
    fn add(&mut self, question: Question) {
        self.clean();
        self.waiting.push(question);
        let of = |id: &str| self.waiting.iter().filter(|one| one.client.id == id).count();
        let over = self.waiting.iter().position(|one| of(&one.client.id) > MOST_OF_ONE);
        let full = self.waiting.len() > MOST;
        let most = self.waiting.iter().enumerate().max_by_key(|(at, one)| (of(&one.client.id), usize::MAX - at));
        let leaves = over.or_else(|| most.map(|(at, _)| at).filter(|_| full));
        leaves.map(|at| self.waiting.remove(at));
    }

    pub(super) fn get(&mut self, id: &str) -> Option<Question> {
        self.clean();
        self.waiting.iter().find(|one| one.id == id).cloned()
    }

    /// Counts a wrong code; past the most, the question is over.
    pub(super) fn typed_wrong(&mut self, id: &str) {
        if let Some(one) = self.waiting.iter_mut().find(|one| one.id == id) {
            one.wrong += 1;
        }
        self.waiting.retain(|one| one.wrong < MOST_WRONG);
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Question> {
        self.clean();
        let at = self.waiting.iter().position(|one| one.id == id)?;
        Some(self.waiting.remove(at))
    }

    /// Ends a question with where the browser goes.
    pub(super) fn answer(&mut self, id: &str, url: Url) {
        self.waiting.retain(|one| one.id != id);
        self.answered.push((id.to_owned(), url, Instant::now()));
    }

    /// Where the browser went.
    pub(super) fn answer_to(&mut self, id: &str) -> Option<Url> {
        self.clean();
        self.answered.iter().find(|(one, _, _)| one == id).map(|(_, url, _)| url.clone())
    }

    /// The clients whose questions wait.
    pub(super) fn clients(&self) -> Vec<String> {
        self.waiting.iter().map(|one| one.client.id.clone()).collect()
    }

    /// Where those come from that wait, for the person.
    pub(super) fn places(&mut self) -> Vec<String> {
        self.clean();
        self.waiting.iter().map(Question::place).collect()
    }

    fn clean(&mut self) {
        self.waiting.retain(|one| one.made.elapsed() < LIFETIME);
        self.answered.retain(|(_, _, at)| at.elapsed() < REPEATED);
    }
}

impl Question {
    /// What the person is told of where the answer goes.
    pub(crate) fn place(&self) -> String {
        redirect::place(&self.redirect)
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
        // Anybody can register: a browser is sent on by itself only to clients that the person let in before.
        let is_known = self.was_let_in(&client.id);
        let back = |problem: Problem| {
            if !is_known {
                return Unaskable::Page(problem);
            }
            let text = [("error", problem.reason.code()), ("error_description", problem.text.clone())];
            Unaskable::Redirect(answer(&redirect, &self.issuer, asked.state.as_deref(), &text))
        };
        let (challenge, resource) = self.check(&asked).map_err(back)?;
        let id = secret::random().map_err(Unaskable::Page)?;
        let is_narrow = asked.scope.as_deref() == Some(NARROW);
        let (scope, state, made) = (asked.scope.unwrap_or_default(), asked.state, Instant::now());
        let question = Question { id, client, redirect, is_narrow, state, challenge, resource, scope, wrong: 0, made };
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
