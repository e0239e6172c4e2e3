//! Who comes in, and where a request may carry the key: every route that asks for one finds out here who calls.

use crate::{
    caller::{Caller, Keys, check_count},
    error::Result,
    settings::Secret,
};
use axum::{
    extract::ConnectInfo,
    http::{
        Extensions, HeaderMap, Uri,
        header::{AUTHORIZATION, USER_AGENT},
        request::Parts,
    },
};
use std::net::{IpAddr, SocketAddr};

/// What stands with a request whose sender was proven to be the person: nothing that a client sends puts it there.
#[derive(Clone)]
pub(crate) struct Proven {
    /// The person.
    pub(crate) person: Caller,
    /// The passphrase that came with the request, right or wrong.
    pub(crate) passphrase: Option<Secret>,
}

/// Finding out who sent a request: what it presented so far, and who holds that.
pub(crate) struct Authentication {
    presented: Vec<String>,
    peer: Option<IpAddr>,
    known: Option<Caller>,
}

impl Authentication {
    /// Of a request that may present its key in the headers and in the address, and later in its body, unless it is the
    /// person's.
    ///
    /// # Errors
    /// [`crate::Error::Unusable`] when there are too many keys.
    pub(crate) fn of(parts: &Parts, keys: &Keys) -> Result<Self> {
        if let Some(Proven { person, .. }) = parts.extensions.get() {
            return Ok(Self::known_as(person.clone()));
        }
        Self::presenting(presented_keys(&parts.headers, &parts.uri), peer(&parts.extensions), keys)
    }

    /// Of one who presents these.
    ///
    /// # Errors
    /// [`crate::Error::Unusable`] when there are too many, whether one of them is right or not.
    pub(crate) fn presenting(presented: Vec<String>, peer: Option<IpAddr>, keys: &Keys) -> Result<Self> {
        check_count(presented.len())?;
        let known = keys.holder(presented.iter().map(String::as_str));
        Ok(Self { presented, peer, known })
    }

    /// Of one who is known by other means than a key.
    pub(crate) fn known_as(caller: Caller) -> Self {
        Self { presented: Vec::new(), peer: None, known: Some(caller) }
    }

    /// Who it is, where that is known already.
    pub(crate) fn known(&self) -> Option<&Caller> {
        self.known.as_ref()
    }

    /// Whether it may still present a key: after a wrong one, none is waited for.
    pub(crate) fn is_undecided(&self) -> bool {
        self.known.is_none() && self.presented.is_empty()
    }

    /// Who holds a right key, of those that came first or of `later` ones.
    ///
    /// # Errors
    /// Those of [`Keys::identify`].
    pub(crate) fn caller(self, keys: &Keys, later: impl IntoIterator<Item = String>) -> Result<Caller> {
        match self.known {
            Some(caller) => Ok(caller),
            None => {
                let presented: Vec<String> = self.presented.into_iter().chain(later).collect();
                keys.identify(self.peer, presented.iter().map(String::as_str))
            }
        }
    }
}

/// The keys that headers and query string present, as sent: `Authorization: KEY`, `Authorization: Bearer KEY`,
/// `?auth=KEY`.
fn presented_keys(headers: &HeaderMap, uri: &Uri) -> Vec<String> {
    header_keys(headers).into_iter().chain(query_keys(uri)).collect()
}

/// The keys that stand in the address.
pub(crate) fn query_keys(uri: &Uri) -> impl Iterator<Item = String> {
    query(uri).filter(|(name, value)| name == "auth" && !value.is_empty()).map(|(_, value)| value)
}

/// The keys that the headers present.
pub(crate) fn header_keys(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(AUTHORIZATION).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    values.map(bare).filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// What a client calls itself.
pub(crate) fn client(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT).and_then(|name| name.to_str().ok())
}

/// Who is at the other end of the connection.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// The passphrase that the person gave with a request.
pub(crate) fn passphrase(extensions: &Extensions) -> Option<Secret> {
    extensions.get::<Proven>().and_then(|proven| proven.passphrase.clone())
}

/// The pairs of the query string.
pub(crate) fn query(uri: &Uri) -> impl Iterator<Item = (String, String)> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.into_owned().collect::<Vec<_>>().into_iter()
}

/// The scheme's name is matched in any case (RFC 9110, section 11.1); the key exactly. A scheme alone is what a shell sends
/// whose variable is not set: it presents no key.
fn bare(value: &str) -> &str {
    if value.trim().eq_ignore_ascii_case("Bearer") {
        return "";
    }
    match value.split_at_checked("Bearer ".len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer ") => key,
        _ => value,
    }
}
