//! Commands that may run: the guard of the crate `command_guard` judges them against the workspace and the settings.

mod guard;
mod rules;
mod shells;

pub use command_guard::Verdict;
pub use guard::{Guard, Line, PermittedCommand};
pub use shells::{Shell, Shells};
