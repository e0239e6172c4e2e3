//! For which commands the person's answer to one may hold.

use super::{decide::Effect, patterns::fits, profile::Profile};
use command_guard::{Execution, Reading};

/// What has a meaning of its own in a pattern.
const WILD: [char; 4] = ['*', '?', '[', '\\'];

/// The calls of a line that the person is asked about, each as a pattern that describes it and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedCalls {
    /// The patterns, sorted.
    pub patterns: Vec<String>,
    /// Whether the line would be allowed if they stood among those that are.
    pub can_be_allowed: bool,
}

impl Profile {
    /// The calls of a line that the person is asked about. None where an answer can hold for this very line alone: it is
    /// dangerous, not known as a whole, or runs what could hide anything.
    pub fn asked_calls(&self, line: &Reading) -> Option<AskedCalls> {
        if !line.is_complete || !line.refusals.is_empty() {
            return None;
        }
        let asked = line.executions.iter().map(|call| (call, self.commands.one(call)));
        let asked: Vec<_> = asked.filter(|(_, decision)| decision.effect == Effect::Ask).collect();
        let patterns = asked.iter().map(|(call, _)| pattern(call)).collect::<Option<Vec<_>>>();
        let mut patterns = patterns.filter(|patterns| !patterns.is_empty())?;
        patterns.sort();
        patterns.dedup();
        Some(AskedCalls { patterns, can_be_allowed: asked.iter().all(|(call, _)| self.commands.is_by_default(call)) })
    }
}

/// A pattern for this very call.
fn pattern(call: &Execution) -> Option<String> {
    let is_plain = |text: &str| !text.contains(WILD);
    let known = call.arguments.iter().all(|argument| argument.is_known && is_plain(&argument.text));
    // What is written with its folder is a file that may become another one.
    let program =
        Some(&call.program).filter(|program| !program.is_empty() && is_plain(program) && !program.contains('/'))?;
    if !known || program.contains(['=', '>']) || hides(program) {
        return None;
    }
    let words = std::iter::once(program.as_str()).chain(call.arguments.iter().map(|argument| argument.text.as_str()));
    shlex::try_join(words).ok()
}

/// Whether anything could run behind the name of a program.
fn hides(program: &str) -> bool {
    let names = include_str!("hiding.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.into_iter().any(|name| fits(name, program))
}
