//! What goes wrong, in the protocol's words.

use serde::Serialize;

/// A refusal, as clients know it (RFC 6749, section 5.2; RFC 7591, section 3.2.2; RFC 8707, section 2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    /// The code that programs read.
    #[serde(rename = "error")]
    pub(crate) reason: Reason,
    /// What is wrong and how to fix it.
    #[serde(rename = "error_description")]
    pub(crate) text: String,
}

/// The codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidTarget,
    InvalidRedirectUri,
    InvalidClientMetadata,
    UnsupportedResponseType,
    UnsupportedGrantType,
    AccessDenied,
    TemporarilyUnavailable,
    ServerError,
}

impl Problem {
    pub(crate) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl Reason {
    /// The code.
    pub(crate) fn code(self) -> String {
        serde_json::to_value(self).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
