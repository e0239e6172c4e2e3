//! Which files a caller may reach.
//!
//! [`Workspace`] holds the roots and the denied places; [`Workspace::resolve`] turns the text that a caller sent into a
//! [`SafePath`], and nothing else opens a caller's file. The check is not on a text that is opened later: it walks from
//! the root of the file system by directory descriptors, one name at a time, follows links itself, and keeps the descriptor of
//! the directory that holds the last name. What is then opened is that name in that directory, with links refused. So
//! there is no moment between check and use in which a swapped link could lead elsewhere.
//!
//! Denied places are known by their names and, once they were found there, by what they are ([`held`]): the walk refuses
//! a place that is one of them, or lies in one, under whatever name it is reached.
//!
//! The usual path has no link in it; then the kernel walks it with one `openat2` that refuses links altogether
//! (`RESOLVE_NO_SYMLINKS`, `RESOLVE_NO_MAGICLINKS`), and the text without its dots is where it leads.

mod asked;
mod copies;
mod denial;
mod denials;
#[cfg_attr(unix, path = "directory.rs")]
#[cfg_attr(not(unix), path = "directory_plain.rs")]
mod directory;
mod feature;
mod folder;
mod found;
#[cfg_attr(target_os = "linux", path = "held.rs")]
#[cfg_attr(not(target_os = "linux"), path = "held_plain.rs")]
mod held;
mod hints;
#[cfg(target_os = "linux")]
mod hold;
mod homes;
mod linked;
mod listing;
#[cfg(target_os = "linux")]
mod look;
mod mount;
mod named;
mod pattern_set;
mod patterns;
mod places;
pub mod private;
mod resolve;
mod safe_path;
mod same_name;
mod scope;
mod search;
mod secrets;
#[cfg(target_os = "linux")]
mod sight;
mod spared;
mod spelling;
mod text;
#[cfg(target_os = "linux")]
mod upwards;
mod walk;
mod workspace;

pub(crate) use asked::Asked;
pub use denial::{Denial, Intent};
use denials::Denials;
pub(crate) use denials::without_links;
pub use directory::{Directory, Entries, look_at, set_mode_and_owner};
pub use folder::{Child, Folder};
pub use found::{Found, Identity, Kind, OURS, Times};
pub use held::Present;
#[cfg(target_os = "linux")]
pub use held::mount;
pub use listing::Listing;
pub use mount::is_mount;
pub use named::Named;
pub(crate) use pattern_set::PatternSet;
pub use patterns::{Entry, Fitting, Pattern};
pub use places::OWN_FILES;
pub use safe_path::{SafePath, not_a_file};
pub use same_name::composed;
use spared::Spared;
pub use spelling::{path_of, spelled};
pub use workspace::Workspace;
