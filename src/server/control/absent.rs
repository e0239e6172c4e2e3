//! Where there are no sockets in folders (Windows): the person's command line cannot reach a bridge that runs.

use axum::Router;
use std::{io, path::Path, sync::Arc};
use tokio::io::DuplexStream;

/// A door that is never there.
pub(crate) struct ControlSocket;

impl ControlSocket {
    /// None.
    pub(crate) fn open(_: &Arc<crate::bridge::Bridge>, _: Router) -> Option<Self> {
        None
    }

    /// Nothing to close.
    pub(crate) async fn close(self) {}
}

/// Nobody can be reached.
///
/// # Errors
/// Always.
pub(crate) async fn connect(_: &Path) -> io::Result<DuplexStream> {
    Err(io::ErrorKind::Unsupported.into())
}
