//! What may be done: a check returns a type, and what is below takes only the type.

pub mod commands;
pub mod private;
mod urls;

pub use commands::{Guard, Line, PermittedCommand};
pub use urls::{SafeUrl, UrlPolicy};
