//! Work on threads that may block.

use crate::error::{Error, Result};
use std::any::Any;

/// Work without its types.
type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// Does work on a thread of its own, where nobody waits for it. It goes on when the future is dropped.
///
/// The runtime sees one kind of such work: it would build its whole handling of tasks anew for each type of closure, of
/// which there are some two hundred.
///
/// # Errors
/// [`Error::Internal`] when the work panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let work: Work = Box::new(move || Box::new(work()));
    let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    Ok(*done.downcast().expect("it is what the work gave"))
}
