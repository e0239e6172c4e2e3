//! Which commands a profile runs. A line is what it would run: the strictest of that decides.

use super::{
    decide::{Decision, Effect},
    draft::CommandsDraft,
    list::List,
    mistakes::Mistake,
    rule::{Rule, Said},
};
use crate::rule_index::Index;
use command_guard::{CallPattern, Execution, Reading};
use std::collections::HashMap;

/// What a shell does by itself, and what is harmless whatever its arguments, as long as nothing in them is expanded.
const OF_SHELLS: [&str; 18] = [
    ":", "[", "break", "cd", "continue", "echo", "exit", "false", "printf", "pwd", "read", "return", "set", "shift",
    "test", "true", "umask", "wait",
];

/// Patterns of calls, each with its rule.
#[derive(Debug)]
pub(crate) struct CommandSet {
    rules: Vec<Rule>,
    patterns: Vec<CallPattern>,
    index: Index<String>,
}

impl CommandSet {
    /// The patterns of these texts.
    pub(crate) fn of(texts: &[Said<String>], mistakes: &mut Vec<Mistake>) -> Self {
        let (mut rules, mut patterns) = (Vec::new(), Vec::new());
        for text in texts {
            if let Some(sign) = shell_sign(&text.value) {
                mistakes.push(Mistake::at(&text.rule, never_holds(&text.value, sign)));
                continue;
            }
            match CallPattern::parse(&text.value) {
                Ok(pattern) => {
                    rules.push(text.rule.clone());
                    patterns.push(pattern);
                }
                Err(why) => {
                    let what =
                        format!("{:?} is no command: {why}; write a program and patterns of its arguments", text.value);
                    mistakes.push(Mistake::at(&text.rule, what));
                }
            }
        }
        let needs = patterns.iter().map(|pattern| pattern.literals().map(str::to_owned).collect()).collect();
        Self { rules, patterns, index: Index::new(needs) }
    }

    /// Those that mention a call, by their order.
    pub(crate) fn mentioning(&self, call: &Execution) -> impl Iterator<Item = usize> {
        self.candidates(call).into_iter().filter(|at| self.patterns[*at].mentions(call))
    }

    /// The first that mentions a call.
    fn mention(&self, call: &Execution) -> Option<&Rule> {
        self.mentioning(call).next().map(|at| &self.rules[at])
    }

    /// The first that describes a call.
    fn description(&self, call: &Execution) -> Option<&Rule> {
        let describes = |at: &usize| self.patterns[*at].describes(call);
        self.candidates(call).into_iter().find(describes).map(|at| &self.rules[at])
    }

    fn candidates(&self, call: &Execution) -> Vec<usize> {
        let words = call.arguments.iter().map(|argument| argument.text.as_str());
        self.index.candidates(words.chain([call.name.as_str(), call.program.as_str()]))
    }
}

/// What a profile says of commands.
#[derive(Debug)]
pub(crate) struct Commands {
    default: Option<Said<Effect>>,
    guard: Option<Said<Effect>>,
    allow: CommandSet,
    ask: CommandSet,
    deny: CommandSet,
}

impl Commands {
    pub(crate) fn of(draft: &CommandsDraft, mistakes: &mut Vec<Mistake>) -> Self {
        let lists = [&draft.allow, &draft.ask, &draft.deny].map(|list| List::entries(list.as_ref()));
        check_twice(&lists, mistakes);
        let [allow, ask, deny] = lists.map(|entries| CommandSet::of(entries, mistakes));
        Self { default: draft.default.clone(), guard: draft.guard.clone(), allow, ask, deny }
    }

    /// What is to happen with a line: the strictest of what it would run decides, and the first of those.
    pub(crate) fn decide(&self, line: &Reading) -> Decision<'_> {
        let mut strictest = self.by_guard(line).unwrap_or_else(|| Decision::allowed(None));
        for call in &line.executions {
            if strictest.effect == Effect::Deny {
                break;
            }
            strictest = strictest.or_stricter(self.one(call));
        }
        strictest
    }

    /// What is to happen with each part of a line.
    pub(crate) fn parts(&self, line: &Reading) -> impl Iterator<Item = Decision<'_>> {
        self.by_guard(line).into_iter().chain(line.executions.iter().map(|call| self.one(call)))
    }

    /// Whether every line that the guard lets through is allowed.
    pub(crate) fn are_plain(&self) -> bool {
        let lists = [&self.allow, &self.deny];
        self.default() == Effect::Allow && !self.may_ask() && lists.iter().all(|list| list.patterns.is_empty())
    }

    /// Whether the person is asked about some lines.
    pub(crate) fn may_ask(&self) -> bool {
        let guard = self.guard.as_ref().is_some_and(|said| said.value == Effect::Ask);
        guard || self.default() == Effect::Ask || !self.ask.patterns.is_empty()
    }

    fn default(&self) -> Effect {
        self.default.as_ref().map_or(Effect::Allow, |said| said.value)
    }

    /// What is done where the guard refuses a line, or could not follow all of it.
    fn by_guard(&self, line: &Reading) -> Option<Decision<'_>> {
        let refusal = line.refusals.first()?;
        let is_final = line.refusals.iter().any(|refusal| !refusal.can_be_allowed());
        let is_unknown = !line.is_complete && self.default() != Effect::Allow;
        let guard = self.guard.as_ref();
        let effect = match guard.map_or(Effect::Deny, |said| said.value) {
            _ if is_final || is_unknown => Effect::Deny,
            effect => effect,
        };
        Some(Decision { effect, rule: guard.map(|said| &said.rule), why: refusal.to_string() })
    }

    /// Whether nothing but the default decides about a call.
    pub(crate) fn is_by_default(&self, call: &Execution) -> bool {
        self.ask.mention(call).is_none()
    }

    /// What is to happen with one call of a line.
    pub(crate) fn one(&self, call: &Execution) -> Decision<'_> {
        if let Some(rule) = self.deny.mention(call) {
            return Decision::denied(Some(rule), format!("This profile does not run `{call}`"));
        }
        if let Some(rule) = self.ask.mention(call) {
            return Decision::asked(Some(rule), format!("The person is asked before `{call}` runs"));
        }
        let allowed = self.allow.description(call);
        if allowed.is_some() || is_of_shells(call) {
            return Decision::allowed(allowed);
        }
        let rule = self.default.as_ref().map(|said| &said.rule);
        match self.default() {
            Effect::Allow => Decision::allowed(rule),
            Effect::Ask => Decision::asked(rule, format!("The person is asked before `{call}` runs")),
            Effect::Deny => {
                Decision::denied(rule, format!("`{call}` is not among the commands that this profile runs"))
            }
        }
    }
}

/// What of a pattern a shell would take for its own: each command of a line is judged alone, so that it never holds.
fn shell_sign(pattern: &str) -> Option<char> {
    let (mut quote, mut letters) = (None, pattern.char_indices());
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => drop(letters.next()),
            (None, '\'' | '"') => quote = Some(letter),
            // A file is written by the program `>`, and find ends what it runs with a ;.
            (None, '>' | '<') if at == 0 || pattern[..at].chars().all(|before| before == letter) => {}
            (None, ';') if pattern[..at].ends_with(' ') && (pattern.contains(" -exec") || pattern.contains(" -ok")) => {
            }
            (None, '&' | '|' | ';' | '>' | '<' | '\n') => return Some(letter),
            _ => {}
        }
    }
    None
}

fn never_holds(pattern: &str, sign: char) -> String {
    match sign {
        '>' | '<' => format!(
            "{pattern:?} never holds: what a line writes is judged by itself, as the program `>`. Write the command and \"> *\" as \
             two patterns, or put a {sign} that is meant as it stands in quotes"
        ),
        _ => format!(
            "{pattern:?} never holds: each command of a line is judged alone. Write them as patterns of their own, or put a {sign} \
             that is meant as it stands in quotes"
        ),
    }
}

/// What a shell does itself. Bash evaluates some texts once more, in which a command could stand.
fn is_of_shells(call: &Execution) -> bool {
    OF_SHELLS.contains(&call.program.as_str()) && !call.arguments.iter().any(|it| it.text.contains(['`', '$']))
}

/// The same text in two lists cannot be meant.
fn check_twice(lists: &[&[Said<String>]; 3], mistakes: &mut Vec<Mistake>) {
    let mut known: HashMap<String, (usize, &Rule)> = HashMap::new();
    for (number, entry) in lists.iter().enumerate().flat_map(|(number, list)| list.iter().map(move |it| (number, it))) {
        let text = entry.value.split_whitespace().collect::<Vec<_>>().join(" ");
        match known.get(&text) {
            Some((other, rule)) if *other != number => {
                let what = format!("the same stands in line {} ({}): take one of them out", rule.line, rule.text);
                mistakes.push(Mistake::at(&entry.rule, what));
            }
            _ => drop(known.insert(text, (number, &entry.rule))),
        }
    }
}
