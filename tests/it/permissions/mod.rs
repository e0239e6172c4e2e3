//! The permission file: what it says of calls, and what is wrong with it.

mod agreement;
mod backtest;
mod check;
mod commands;
mod decisions;
mod documentation;
#[cfg(target_os = "linux")]
mod enforced;
mod explain;
mod format;
#[cfg(target_os = "linux")]
mod holder;

use crate::server::scratch;
use command_guard::{Context, Grammar, Reading, Rules, read};
use skynet_bridge::{
    catalog,
    permissions::{Base, Effect, Facts, Mistakes, Profiles},
    settings::Settings,
};
use std::{collections::BTreeMap, path::Path};

/// The profiles of a file in a directory, with these settings.
fn read_in(directory: &Path, settings: &[(&str, &str)], text: &str) -> Result<Profiles, Mistakes> {
    let settings = Settings::from_pairs(settings.iter().copied()).unwrap();
    Profiles::read(text, &Base { directory, settings: &settings, tools: &catalog::tools() })
}

/// The same in a directory of its own.
fn profiles(text: &str) -> Profiles {
    read_in(scratch().path(), &[], text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// What a line would run, as the guard reads it.
fn reading(line: &str) -> Reading {
    let (rules, environment) = (Rules::default(), BTreeMap::new());
    let context = Context {
        home: "/home/user",
        directory: "/home/user/project",
        roots: &[],
        protected: &[],
        environment: &environment,
        rules: &rules,
    };
    read(line, Grammar::Bash, &context)
}

/// What a profile does with a call of which nothing is known but its tool.
fn of_tool(profiles: &Profiles, profile: &str, tool: &str) -> Effect {
    decide(profiles, profile, &facts(tool)).0
}

/// The facts of a call of a tool.
fn facts(tool: &str) -> Facts<'_> {
    let known = catalog::tools();
    let access = known.iter().find(|known| known.name == tool).expect("there is such a tool").access;
    Facts::of(tool, access)
}

/// What is decided, the line that decides, and why.
fn decide(profiles: &Profiles, profile: &str, facts: &Facts<'_>) -> (Effect, String, String) {
    let profile = profiles.get(profile).expect("there is such a profile");
    let decision = profile.decide(facts);
    (decision.effect, decision.rule.map(ToString::to_string).unwrap_or_default(), decision.why.clone())
}
