//! Where there are no Unix terminals: nothing is asked there.

use crate::settings::Secret;
use anyhow::Result;

/// None.
///
/// # Errors
/// None.
pub(super) async fn ask(_: &str) -> Result<Option<Secret>> {
    Ok(None)
}
