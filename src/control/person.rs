//! How the person is known: by a token that lies where no agent reaches.

use crate::{
    policy::{paths::Directory, private},
    settings::Secret,
};
use anyhow::{Context as _, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::path::Path;
use subtle::ConstantTimeEq;

/// The name of the token's file in the bridge's folder. It is for its owner alone, as the folder is, and denied to the
/// file routes and to commands with it.
const FILE: &str = "owner.token";

/// The header by which the command line presents the token, and only over the socket in the bridge's folder.
pub(crate) const TOKEN_HEADER: &str = "x-owner-token";

/// The shortest token that counts, in characters: 128 bits.
const SHORTEST: usize = 22;

/// The person whose machine it is.
pub(crate) struct Person {
    digest: [u8; 32],
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
        Ok(Self { digest: digest(token.expose()) })
    }

    /// Whether this is the token.
    pub(crate) fn has_token(&self, presented: &str) -> bool {
        digest(presented).ct_eq(&self.digest).into()
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

/// A text of 256 random bits.
fn random() -> Result<Secret> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("the system gives no random numbers")?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bits)))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
