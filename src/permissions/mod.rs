//! What the person lets each agent do: `permissions.toml`, its profiles and rules, and what they say of a call.
//!
//! A decision is pure: facts about a call go in, and out come allow, ask or deny with the line that decided. A domain states
//! facts and never decides. What the kernel and the file routes hold follows from the same profile: it yields
//! [`Settings`](crate::settings::Settings), of which a workspace, a confinement and a policy for URLs are made as ever.
//!
//! A list that opens (`read`, `write`, `allow`, `tools`, `grants`) stands in the place of the inherited one, in which `"..."`
//! means that; a list that closes (`deny`, `ask`) is added to it.

mod addition;
mod asks;
mod base;
mod commands;
mod decide;
mod draft;
mod files;
mod grants;
mod holder;
mod hosts;
mod inherit;
mod keep;
mod kinds;
mod lines;
mod list;
mod matches;
mod mistakes;
mod needs;
mod patterns;
mod places;
mod profile;
mod profiles;
mod reader;
mod rule;
mod settings;
mod subjects;
mod syntax;
mod tools;
mod words;

pub use base::{Base, Tool};
pub use decide::{Decision, Effect, Facts};
pub use holder::Permissions;
pub(crate) use keep::Approved;
pub use kinds::AskedCalls;
pub use mistakes::{Mistake, Mistakes};
pub use needs::Needs;
pub use profile::Profile;
pub(crate) use profile::{HostCheck, TagCheck};
pub use profiles::Profiles;
pub use rule::{PRESETS, Rule, Source};
pub use subjects::Subjects;
pub(crate) use tools::ToolPattern;
