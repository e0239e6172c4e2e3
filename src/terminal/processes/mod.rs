//! Processes that go on while the caller does something else: servers, builds, REPLs, editors.
//!
//! Each has a `Log` on disk, which is the truth of what it wrote: polls and watchers read from it by
//! cursor, so none of them can slow it. The `Journal` keeps the list over a restart.

mod input;
mod journal;
pub mod keys;
mod list;
mod log;
pub mod modes;
mod output_search;
mod poll;
mod process;
mod registry;
mod resize;
#[cfg(unix)]
mod running;
#[cfg(not(unix))]
#[path = "running_nowhere.rs"]
mod running;
mod screen;
mod signal;
mod start;
mod stop;
mod ticket;
mod tickets;
mod wait_for;
mod watcher;

pub use input::SendInput;
pub use list::ListProcesses;
pub(crate) use log::Run;
pub use log::Stream;
pub use output_search::SearchOutput;
pub use poll::PollProcess;
pub use process::{Process, State, Status};
pub use registry::{Origin, Processes};
pub use resize::ResizeTerminal;
pub use running::Adopted;
pub(crate) use running::{PortHolder, port_holder};
pub use signal::SignalProcess;
pub use start::StartProcess;
pub use stop::StopProcess;
pub use ticket::OpenTicket;
pub use wait_for::WaitFor;
pub use watcher::{Event, Watcher};
