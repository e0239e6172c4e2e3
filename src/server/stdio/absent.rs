//! Where there are no private sockets (Windows): who finds a folder taken stays out.

use super::Guest;
use crate::bridge::Bridge;
use std::{io, path::Path, sync::Arc};
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

/// A door that is never there.
pub struct IpcListener;

impl IpcListener {
    /// None.
    pub fn open(_: Arc<Bridge>, _: Option<CancellationToken>) -> Option<Self> {
        None
    }

    /// Nothing to close.
    pub async fn close(self) {}
}

/// Nobody can be asked.
pub async fn ask_for_handover(_: &Path) -> bool {
    false
}

/// Nobody can be reached.
///
/// # Errors
/// Always.
pub async fn connect(_: &Path) -> io::Result<DuplexStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nobody hears it.
pub(super) fn hello(_: &Guest) -> Vec<u8> {
    Vec::new()
}
