//! Who calls, and what they may do.

mod attempts;
mod keys;
mod limits;
mod memory_budget;

pub use keys::{Keys, Source, check_count};
pub use limits::{Limits, MemoryPermit, Running};
pub use memory_budget::MemoryBudget;

use crate::error::{Error, Result};

/// What a capability needs its caller to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looks, and changes nothing.
    Read,
    /// Changes files or memory.
    Write,
    /// Runs programs on this machine.
    Execute,
    /// Talks to other machines.
    Network,
    /// Cannot be undone, or concerns the bridge itself.
    Admin,
}

/// The one who asks, after the key was checked.
#[derive(Clone, Debug)]
pub struct Caller {
    name: String,
    access: Vec<Access>,
}

impl Caller {
    /// The holder of the key: may do everything.
    pub fn owner(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            access: vec![Access::Read, Access::Write, Access::Execute, Access::Network, Access::Admin],
        }
    }

    /// The name that the history shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the caller has `access`.
    ///
    /// # Errors
    /// [`Error::Refused`] when it lacks it.
    pub fn may(&self, access: Access) -> Result<()> {
        if self.access.contains(&access) {
            return Ok(());
        }
        Err(Error::Refused(format!("The caller {} may not {access:?}", self.name)))
    }
}
