//! What calls need.

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
