//! How a secret is recognized without being kept.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a secret. It is compared in constant time, so neither the length nor a common beginning of a wrong one
/// can be measured.
pub(crate) struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Of this secret.
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether it is of what was presented.
    pub(crate) fn is_of(&self, presented: &str) -> bool {
        Self::of(presented).0.ct_eq(&self.0).into()
    }
}
