//! What profiles are read for.

use crate::{caller::Access, settings::Settings};
use std::path::Path;

/// A tool that profiles may name.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it needs.
    pub access: Access,
}

/// What profiles are read for.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The server's directory: relative paths begin there.
    pub directory: &'a Path,
    /// The settings, which hold where a profile says nothing.
    pub settings: &'a Settings,
    /// Every tool that there is.
    pub tools: &'a [Tool],
}
