//! The keys of agents: `skb_`, 43 characters for 256 random bits, and 6 that check them. By the prefix and the check,
//! scanners of secrets know such a key from a text that only looks like one, as those of GitHub's tokens do
//! (<https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>).

use crate::settings::Secret;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// What every key of an agent begins with.
pub(super) const PREFIX: &str = "skb_";

/// So many characters of 62 hold 256 bits.
const RANDOM: usize = 43;

/// So many characters of 62 hold the CRC-32 of those before them.
const CHECK: usize = 6;

const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes from here on are left out: as many of those below stand for each character.
const FAIR: u8 = 248;

/// Makes a key, or another secret of this form that begins otherwise.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn make(prefix: &str) -> Result<Secret> {
    let mut key = prefix.to_owned();
    while key.len() < prefix.len() + RANDOM {
        let mut bytes = [0; RANDOM];
        getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR).map(|byte| character(u32::from(*byte)));
        key.extend(fair.take(prefix.len() + RANDOM - key.len()));
    }
    let check = check(&key);
    Ok(Secret::new(key + &check))
}

/// Whether a text is a key as [`make`] makes them, whoever has it, or another secret that begins like this.
pub(crate) fn is_well_formed(text: &str, prefix: &str) -> bool {
    text.len() == prefix.len() + RANDOM + CHECK
        && text.starts_with(prefix)
        && text.is_ascii()
        && text[text.len() - CHECK..] == check(&text[..text.len() - CHECK])
}

/// What is kept of a key: its SHA-256 in hexadecimal digits. A key has 256 random bits, so nothing slower is needed to keep
/// it from being guessed.
pub(super) fn digest(key: &str) -> String {
    format!("{:x}", Sha256::digest(key.as_bytes()))
}

fn check(key: &str) -> String {
    let mut rest = crc32fast::hash(key.as_bytes());
    let mut text = ['0'; CHECK];
    for place in text.iter_mut().rev() {
        *place = character(rest);
        rest /= 62;
    }
    text.iter().collect()
}

fn character(number: u32) -> char {
    CHARACTERS[number as usize % CHARACTERS.len()].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_check_and_a_changed_one_is_not() {
        let key = make(PREFIX).unwrap();
        assert!(is_well_formed(key.expose(), PREFIX) && !is_well_formed(key.expose(), "sko_"));
        let other = if key.expose().ends_with('0') { "1" } else { "0" };
        assert!(!is_well_formed(&(key.expose()[..key.expose().len() - 1].to_owned() + other), PREFIX));
        assert!(!is_well_formed("skb_", PREFIX));
    }
}
