//! Which lines of a profile say something of a call.

use super::{
    decide::Facts,
    profile::Profile,
    rule::{Rule, Source},
};

impl Profile {
    /// The lines of the person's own file that say something of a call, each once, whether or not they decide.
    pub fn matching(&self, facts: &Facts<'_>) -> Vec<&Rule> {
        let calls = facts.command.into_iter().flat_map(|line| self.commands.parts(line));
        let parts = self.parts(facts).chain(calls).filter_map(|decision| decision.rule);
        let said = parts.chain(self.asks.holding(facts)).filter(|rule| rule.source == Source::Own);
        said.fold(Vec::new(), |mut rules, rule| {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
            rules
        })
    }
}
