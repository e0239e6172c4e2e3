//! The calls of the last days, as the history has them.
#![expect(clippy::disallowed_methods, reason = "the bridge's own history, at its owner's terminal")]

use crate::{caller::agent_of, command_line::print, permissions::Effect};
use anyhow::{Context, Result};
use chrono::{Days, Local};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind},
    path::Path,
};

/// A call.
pub(super) struct Line {
    pub(super) action: String,
    pub(super) details: Value,
    pub(super) agent: String,
    pub(super) moment: String,
    outcome: String,
}

impl Line {
    /// None of what no agent did.
    fn of(line: &Value) -> Option<Self> {
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        Some(Self {
            action: text("action").to_owned(),
            details: line["details"].clone(),
            agent: agent_of(text("caller"))?.to_owned(),
            moment: print::moment(text("timestamp")),
            outcome: text("outcome").to_owned(),
        })
    }

    /// What was done of it then.
    pub(super) fn effect(&self) -> Effect {
        match self.outcome.as_str() {
            "asked" => Effect::Ask,
            "refused" => Effect::Deny,
            _ => Effect::Allow,
        }
    }
}

/// Gives each call of so many days to `note`, the oldest first. A damaged line is left out, as the history does.
///
/// # Errors
/// When a day's file is there and cannot be read.
pub(super) fn each(folder: &Path, days: u32, mut note: impl FnMut(&Line)) -> Result<()> {
    let today = Local::now().date_naive();
    for ago in (0..days).rev() {
        let Some(day) = today.checked_sub_days(Days::new(ago.into())) else { continue };
        let path = folder.join("history").join(format!("{day}.log"));
        let unreadable = || format!("{} cannot be read", path.display());
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            opened => opened.with_context(unreadable)?,
        };
        for line in BufReader::new(file).split(b'\n') {
            if let Ok(line) = serde_json::from_slice::<Value>(&line.with_context(unreadable)?) {
                Line::of(&line).iter().for_each(&mut note);
            }
        }
    }
    Ok(())
}
