//! What may be done: a check returns a type, and what is below takes only the type.

pub mod commands;
pub mod confine;
pub mod env_file;
pub mod paths;
mod urls;

pub use commands::{Guard, Line, PermittedCommand, Shell, Shells, Verdict};
pub use confine::Confinement;
pub use paths::{Folder, SafePath, Workspace, private};
pub use urls::{SafeUrl, UrlPolicy};
