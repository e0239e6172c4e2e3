//! What may be done: a check returns a type, and what is below takes only the type.

pub mod commands;
pub mod confine;
pub mod own_files;
pub mod paths;
mod urls;

pub use commands::{Guard, Line, PermittedCommand, Shell, Shells, Verdict};
pub use confine::Confinement;
pub use paths::{Folder, SafePath, Workspace, private};
pub(crate) use urls::host_of;
pub use urls::{SafeUrl, UrlPolicy};
