//! The key at start: made when there is none, refused when anyone could know it.

use crate::{
    key_file, own_repository,
    settings::{Secret, Settings},
};
use anyhow::Result;
use std::path::Path;

/// The key to accept.
#[derive(Debug)]
pub struct Key {
    /// The key itself.
    pub secret: Secret,
    /// Whether nobody has seen it, so that its owner must be told.
    pub is_unseen: bool,
}

/// Takes the key from the settings, or makes one and writes it to `.env` of `directory`.
///
/// # Errors
/// When the key is a placeholder, is too short for a bind that others can reach, or `.env` cannot be written.
pub fn key(settings: &Settings, directory: &Path) -> Result<Key> {
    own_repository::exclude_own_files(directory);
    let Some(secret) = settings.api_key.clone() else {
        return Ok(Key { secret: key_file::make(directory)?, is_unseen: true });
    };
    key_file::check(secret.expose(), &settings.host)?;
    key_file::reserve(directory)?;
    key_file::restrict_permissions(directory);
    Ok(Key { secret, is_unseen: key_file::is_unseen(directory) })
}

/// The key of a bridge that nobody calls with one: the settings', or one that is kept nowhere.
///
/// # Errors
/// When the system gives no random numbers.
pub fn key_unasked(settings: &Settings, directory: &Path) -> Result<Secret> {
    own_repository::exclude_own_files(directory);
    key_file::reserve(directory)?;
    settings.api_key.clone().map_or_else(key_file::random, Ok)
}
