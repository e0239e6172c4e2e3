//! The guard held against corpora and against any text. Nothing here is executed.
#![expect(clippy::disallowed_methods, reason = "tests read the corpora")]

mod bounds;
mod corpora;
mod evaluations;
mod lines;
mod properties;
mod readings;
mod rules;
mod shells;

use command_guard::{Context, Grammar, Rules, Verdict, judge};
use std::{collections::BTreeMap, sync::LazyLock};

const WORKSPACE: &str = "/home/user/project";

/// What most lines are judged against.
fn context() -> Context<'static> {
    static RULES: LazyLock<Rules> = LazyLock::new(Rules::default);
    static ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();
    Context {
        home: "/home/user",
        directory: WORKSPACE,
        roots: &[],
        protected: &[],
        environment: &ENVIRONMENT,
        rules: &RULES,
    }
}

/// The rule that refuses, or `None`.
fn rule(verdict: Verdict) -> Option<&'static str> {
    verdict.err().map(|refusal| refusal.rule)
}

/// The rule that refuses the command, or `None`.
fn verdict(command: &str) -> Option<&'static str> {
    rule(judge(command, Grammar::BashOrPosix, &context()))
}
