//! Secrets that the bridge gives out, of which it keeps hashes alone.

use super::problem::{Problem, Reason};
use crate::agents;
use sha2::{Digest as _, Sha256};

/// What access tokens, refresh tokens and codes begin with.
pub(super) const ACCESS: &str = "sko_";
pub(super) const REFRESH: &str = "skr_";
pub(super) const CODE: &str = "skc_";

/// Whether a text is an access token as they are made, whoever has it.
pub(super) fn is_access_token(text: &str) -> bool {
    agents::is_well_formed(text, ACCESS)
}

/// Something that nobody guesses, and that gives itself away by how it begins.
pub(super) fn make(prefix: &str) -> Result<String, Problem> {
    agents::make_key(prefix).map(|made| made.expose().to_owned()).map_err(|error| {
        tracing::error!("{error:#}");
        Problem::new(Reason::ServerError, "The system gives no random numbers")
    })
}

/// A name that nobody guesses.
pub(super) fn random() -> Result<String, Problem> {
    Ok(make("")?.chars().take(22).collect())
}

/// What is kept of a token.
pub(super) fn digest(token: &str) -> String {
    format!("{:x}", Sha256::digest(token.as_bytes()))
}
