//! What a call asks for.

use crate::{
    access::Access,
    arguments::{Digest, Whole},
    capability::Capability,
    catalog::Entry,
};

/// What a call asks for, whatever its arguments.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    /// The capability, by the name of its tool.
    pub(super) tool: &'static str,
    pub(super) access: Access,
    /// Why the person is asked about each call of it.
    pub(super) asks: Option<&'static str>,
}

impl Operation {
    /// A call of a capability of the catalog.
    pub(super) fn of(entry: &Entry) -> Self {
        Self { tool: entry.name, access: entry.access, asks: entry.asks }
    }

    /// A call of a capability.
    pub(super) fn of_type<C: Capability>() -> Self {
        Self { tool: C::NAME, access: C::ACCESS, asks: C::ASKS }
    }
}

/// What was asked for, word for word.
#[derive(Default)]
pub(super) struct SentArguments {
    /// Of its arguments.
    pub(super) digest: Digest,
    /// The arguments, for a person to read.
    pub(super) whole: Whole,
}
