//! Documents in which clients say who they are: the client's name is the address of its document (Client ID Metadata
//! Documents, draft-ietf-oauth-client-id-metadata-document).

use super::{
    client::{Client, Registration, unknown},
    problem::{Problem, Reason},
};
use futures::future::BoxFuture;
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use url::Url;

/// Gets the bytes at an `https` address, as far as the rules of the internet allow it: no redirects, few bytes, little time.
pub(crate) type Fetch = Box<dyn Fn(Url) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// How long a document is believed without being looked at again.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How many are remembered.
const MOST: usize = 100;

/// So many are fetched within a minute.
const MOST_FETCHED: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);

pub(super) struct Documents {
    fetch: Fetch,
    known: Mutex<HashMap<String, (Client, Instant)>>,
    /// When some were fetched lately.
    fetched: Mutex<Vec<Instant>>,
}

#[derive(Deserialize)]
struct Document {
    client_id: String,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(flatten)]
    registration: Registration,
}

impl Documents {
    pub(super) fn new(fetch: Fetch) -> Self {
        Self { fetch, known: Mutex::default(), fetched: Mutex::default() }
    }

    /// The client whose document lies at an address.
    pub(super) async fn client(&self, id: &str) -> Result<Client, Problem> {
        if let Some((client, at)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id)
            && at.elapsed() < FRESH
        {
            return Ok(client.clone());
        }
        let address = address(id)?;
        self.count()?;
        let bytes = (self.fetch)(address).await.map_err(|why| {
            // What is near the bridge is nobody's business outside.
            tracing::warn!("the document of the client {id} cannot be had: {why}");
            invalid("The client's document cannot be had: the bridge's log says why")
        })?;
        let client = read(id, &bytes)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, at)| at.elapsed() < FRESH);
        if known.len() < MOST {
            known.insert(id.to_owned(), (client.clone(), Instant::now()));
        }
        Ok(client)
    }
}

impl Documents {
    /// Anybody can have the bridge fetch: only so often.
    fn count(&self) -> Result<(), Problem> {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.retain(|at| at.elapsed() < WINDOW);
        if fetched.len() >= MOST_FETCHED {
            let text = "Too many clients show documents: try again in a minute";
            return Err(Problem::new(Reason::TemporarilyUnavailable, text));
        }
        fetched.push(Instant::now());
        Ok(())
    }
}

/// The address, which must be one and the same however it is written.
fn address(id: &str) -> Result<Url, Problem> {
    let url = Url::parse(id).map_err(|_| unknown())?;
    let is_plain = url.as_str() == id
        && url.scheme() == "https"
        && url.path().len() > 1
        && url.port().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_plain { Ok(url) } else { Err(unknown()) }
}

fn read(id: &str, bytes: &[u8]) -> Result<Client, Problem> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|why| invalid(&format!("The client's document is not understood: {why}")))?;
    if document.client_id != id {
        return Err(invalid("The client's document names another client_id than its own address"));
    }
    // A client that can sign is let in as one that cannot: by PKCE. ChatGPT's document asks for private_key_jwt.
    let method = document.token_endpoint_auth_method.as_deref().unwrap_or("none");
    let can_do_without = document.token_endpoint_auth_methods_supported.iter().any(|method| method == "none");
    if !["none", "private_key_jwt"].contains(&method) && !can_do_without {
        return Err(invalid("The client's document asks for another token_endpoint_auth_method than none"));
    }
    let (name, redirect_uris) = (document.registration.name(), document.registration.addresses()?);
    Ok(Client { id: id.to_owned(), name, redirect_uris, created: 0 })
}

fn invalid(text: &str) -> Problem {
    Problem::new(Reason::InvalidClient, text)
}

#[cfg(test)]
mod tests {
    use super::{Documents, address, read};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    const ID: &str = "https://client.example/oauth.json";

    fn document(id: &str, more: &str) -> String {
        format!(r#"{{"client_id": "{id}", "redirect_uris": ["https://client.example/cb"], "client_name": "C"{more}}}"#)
    }

    #[test]
    fn a_document_speaks_for_its_own_address_alone() {
        assert_eq!(read(ID, document(ID, "").as_bytes()).unwrap().redirect_uris, ["https://client.example/cb"]);
        for wrong in [
            document("https://other.example/oauth.json", ""),
            document(ID, r#", "token_endpoint_auth_method": "client_secret_basic""#),
            document(ID, "").replace("https://client.example/cb", "http://client.example/cb"),
            document(ID, "").replace("redirect_uris", "other"),
            "[]".to_owned(),
        ] {
            assert!(read(ID, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_written_in_one_way() {
        assert!(address(ID).is_ok());
        for wrong in [
            "https://client.example",
            "https://client.example/",
            "https://CLIENT.example/a",
            "https://a@b.c/d",
            "https://b.c/d#e",
            "https://b.c/a/../d",
            "http://b.c/d",
            "https://",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_document_is_fetched_once_and_a_failure_is_told() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let documents = Documents::new(Box::new(move |url| {
            counted.fetch_add(1, Ordering::Relaxed);
            let found = (url.as_str() == ID).then(|| document(ID, "").into_bytes());
            Box::pin(async { found.ok_or_else(|| "404".to_owned()) })
        }));
        for _ in 0..2 {
            assert_eq!(documents.client(ID).await.unwrap().name, "C");
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(documents.client("https://client.example/none").await.unwrap_err().text.contains("cannot be had"));
    }
}
