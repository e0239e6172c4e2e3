//! The user's own rules: `allow` and `deny` lines.

use super::simple::Invocation;
use super::{Refusal, patterns};

/// One line: whether it allows, the program, and patterns that arguments must match, all as shell patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    program: String,
    arguments: Vec<String>,
    /// As it is written, for the answer.
    text: String,
}

impl Rule {
    fn read(line: &str) -> Result<Self, &'static str> {
        let words = shlex::split(line).ok_or("a quote is not closed")?;
        let (verb, rest) = words.split_first().ok_or("it is empty")?;
        let allows = match verb.as_str() {
            "allow" => true,
            "deny" => false,
            _ => return Err("it must begin with allow or deny"),
        };
        let (program, arguments) = rest.split_first().ok_or("it names no program")?;
        Ok(Self { allows, program: program.clone(), arguments: arguments.to_vec(), text: line.trim().to_owned() })
    }

    /// Whether the program fits and each pattern fits an argument. What is not known of an argument fits a denial only.
    fn fits(&self, call: &Invocation) -> bool {
        let argument = |pattern: &String| {
            call.arguments.iter().any(|argument| match argument.known() {
                Some(text) => patterns::matches_text(pattern, &text),
                None => !self.allows && patterns::matches_text(pattern, &argument.visible()),
            })
        };
        patterns::matches_text(&self.program, &call.name) && self.arguments.iter().all(argument)
    }
}

/// A line that is no rule; said as what is wrong with it and how to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// Counted from 1.
    line: usize,
    text: String,
    why: &'static str,
}

impl std::fmt::Display for RulesError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, text, why } = self;
        write!(
            formatter,
            "line {line} is {text:?}, but {why}: write `allow PROGRAM PATTERN…` or `deny PROGRAM PATTERN…`"
        )
    }
}

impl std::error::Error for RulesError {}

/// The user's rules, as they were written.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads one rule a line; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let lines = text.lines().map(str::trim).enumerate();
        let rules = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(index, line)| {
            Rule::read(line).map_err(|why| RulesError { line: index + 1, text: line.to_owned(), why })
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// What the rules say of a call: `Some(true)` allowed whatever the guard says. A denial wins.
    pub(super) fn verdict(&self, call: &Invocation) -> Result<bool, Refusal> {
        let mut allowed = false;
        for rule in self.0.iter().filter(|rule| rule.fits(call)) {
            if !rule.allows {
                return Err(Refusal::new("user-rule", format!("your rule `{}` forbids it", rule.text)));
            }
            allowed = true;
        }
        Ok(allowed)
    }
}
