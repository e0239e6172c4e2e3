//! How the person is known: by a token that lies where no agent reaches.

use crate::{
    caller::SecretDigest,
    policy::{paths::Directory, private},
    settings::Secret,
};
use anyhow::{Context as _, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::path::Path;

/// The name of the token's file in the bridge's folder. It is for its owner alone, as the folder is, and denied to the
/// file routes and to commands with it.
const FILE: &str = "owner.token";

/// The header by which the command line presents the token, and only over the socket in the bridge's folder.
pub(crate) const TOKEN_HEADER: &str = "x-owner-token";

/// The header by which the command line gives the person's passphrase with a request, in base64: it may have any character.
pub(crate) const PASSPHRASE_HEADER: &str = "x-owner-passphrase";

/// The shortest token that counts, in characters: 128 bits.
const SHORTEST: usize = 22;

/// The person whose machine it is.
pub(crate) struct Person {
    digest: SecretDigest,
}

impl Person {
    /// Reads the token of a bridge's folder, and makes one where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or could have been written by others.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let token = match read_token(folder)? {
            Some(token) => token,
            None => {
                let token = random()?;
                let path = folder.join(FILE);
                private::replace(&path, token.expose().as_bytes())
                    .with_context(|| format!("{} cannot be written", path.display()))?;
                token
            }
        };
        Ok(Self { digest: SecretDigest::of(token.expose()) })
    }

    /// Whether this is the token.
    pub(crate) fn has_token(&self, presented: &str) -> bool {
        self.digest.is_of(presented)
    }
}

/// The token of a bridge's folder, for the command line.
///
/// # Errors
/// When it cannot be read, or could have been written by others.
pub(crate) fn read_token(folder: &Path) -> Result<Option<Secret>> {
    let path = folder.join(FILE);
    let unreadable = || format!("{} cannot be used", path.display());
    let open = Directory::own(folder).with_context(unreadable)?;
    let Some(text) = private::read_own(&open, FILE).with_context(unreadable)? else { return Ok(None) };
    ensure!(text.trim().len() >= SHORTEST, "{} is damaged: remove it, and start the bridge again", path.display());
    Ok(Some(Secret::new(text.trim())))
}

/// A passphrase as it stands in its header.
pub(crate) fn passphrase_to_header(passphrase: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(passphrase.expose())
}

/// The passphrase that stands in its header. What is none is a wrong one.
pub(crate) fn passphrase_from_header(header: &[u8]) -> Secret {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    Secret::new(String::from_utf8(decoded).unwrap_or_default())
}

/// A text of 256 random bits.
pub(super) fn random() -> Result<Secret> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("the system gives no random numbers")?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bits)))
}
