//! In place of the documents' parsers, in a build without them.

use super::Kind;

/// That there is none.
///
/// # Errors
/// Always, with how to get one.
pub(super) fn text(_: Kind, _: Vec<u8>) -> Result<String, String> {
    Err("this program was built without the feature `documents`: install or build one with it".into())
}
