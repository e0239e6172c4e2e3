//! What the person approved for good.

use crate::{
    agents::{Agents, Effect},
    approvals::Keep,
    permissions::{Approved, Permissions},
};
use std::sync::Arc;

/// Writes it into the permission file, and gives the agent the profile in which it stands.
pub(super) fn keep(agents: Arc<Agents>, permissions: Arc<Permissions>) -> Keep {
    Box::new(move |name, kind| {
        let profile = agents.named(name)?.profile();
        let is_shared = agents.all().iter().any(|other| other.name != name && other.profile == profile);
        let approved = Approved { agent: name, profile: &profile, is_shared, list: kind.list, entries: &kind.rules };
        let kept = permissions.keep(&approved)?;
        if *kept.profile != *profile {
            let given = agents.edit(name, Effect::Gives, |record| record.profile = kept.profile.as_str().into());
            if let Err(error) = given {
                // A profile that no agent has does nothing, should it stay.
                let _ = permissions.take_out(&kept);
                return Err(error);
            }
        }
        Ok(kept.in_words)
    })
}
