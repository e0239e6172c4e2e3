//! `mcp-server owner passphrase`: sets the passphrase that approvals need, changes or removes it.

use super::{
    control::{Door, with_agents},
    person::Person,
    print,
};
use crate::{
    bridge::Bridge,
    control::{CheckPassphrase, Passphrase, SetPassphrase},
};
use anyhow::Result;
use clap::Subcommand;
use std::path::Path;

/// What there is of the person's own.
#[derive(Debug, Subcommand)]
pub enum OwnerAction {
    /// Set the passphrase without which nothing is approved and no agent gets more, or change it
    Passphrase {
        /// Remove it: nothing asks for it any more
        #[arg(long)]
        remove: bool,
    },
}

/// Sets, changes or removes it.
///
/// # Errors
/// When the one of before is not given, the new one is too short, or it cannot be written.
pub(crate) async fn owner(action: &OwnerAction, person: &Person<'_>) -> Result<()> {
    let OwnerAction::Passphrase { remove } = *action;
    // The old one is asked for first: nobody thinks of a new one in vain.
    person.ask_if_set().await?;
    with_agents(person, CheckPassphrase {}).await?;
    let new = if remove { None } else { Some(person.ask_new().await?) };
    let new_passphrase = new.map(|new| new.expose().to_owned());
    let state = with_agents(person, SetPassphrase { new_passphrase, remove }).await?;
    print::line(match state.is_set {
        true => {
            "The passphrase is set. Approvals need it from now on, and so does what gives an agent more: add, rotate, resume, \
             another profile. Deny, pause, revoke and stop need none."
        }
        false => "There is no passphrase: nothing asks for it.",
    })?;
    Ok(())
}

/// Has the person show that it is them, where they set a passphrase, before something is done that no bridge does.
///
/// # Errors
/// When they do not.
pub(crate) async fn confirm(person: &Person<'_>) -> Result<()> {
    let is_set = Passphrase::is_set_in(&Bridge::folder_in(person.directory));
    if is_set || Door::to(person.directory).await?.is_some() {
        person.ask_if_set().await?;
        with_agents(person, CheckPassphrase {}).await?;
    }
    Ok(())
}

/// Says at a start that `who` could say yes as the person does, since it runs programs as their user, unless a passphrase is
/// set.
pub(crate) fn warn_without_one(directory: &Path, who: &str, program: &str) {
    if !Passphrase::is_set_in(&Bridge::folder_in(directory)) {
        tracing::warn!(
            "{who} could run `mcp-server approve` as you do and say yes to itself: `{program} owner passphrase` makes each yes \
             need what only you know, see docs/control.md"
        );
    }
}
