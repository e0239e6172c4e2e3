//! A guard against dangerous commands: structural, and against accidents rather than attackers.
//!
//! A line is parsed as a shell would parse it, followed as far as constants reach (variables, `cd`, pipes,
//! here-documents, wrappers, code given to interpreters), and judged on the program and the places that its
//! operands mean. It is no boundary: a program in the workspace can do what the guard would refuse, and
//! only a confinement by the kernel holds that.
//!
//! Nothing is read, asked or started to judge a line: what is known of the machine comes in a [`Context`].
//!
//! ```
//! use command_guard::{Context, Grammar, Rules, judge};
//!
//! let context = Context {
//!     home: "/home/ada",
//!     directory: "/home/ada/project",
//!     roots: &[],
//!     protected: &[],
//!     environment: &Default::default(),
//!     rules: &Rules::default(),
//! };
//! assert!(judge("rm -rf target", Grammar::Bash, &context).is_ok());
//! assert_eq!(judge("x=~; rm -rf $x", Grammar::Bash, &context).unwrap_err().rule, "rm-home");
//! ```

mod braces;
mod budget;
mod builtins;
mod call_patterns;
mod changes;
mod compounds;
mod effects;
mod endless;
mod evaluation;
mod expand;
mod files;
mod grammar;
mod invocation;
mod judge;
mod knowledge;
mod noting;
mod options;
mod outputs;
mod parameters;
mod parser;
mod patterns;
mod performing;
mod places;
mod printing;
mod programs;
mod reading;
mod refusal;
mod rules;
mod scope;
mod scripts;
mod shells;
mod simple;
mod statements;
mod syntax;
mod targets;
mod values;
mod words;
mod work;
mod zsh;

pub use call_patterns::CallPattern;
pub use grammar::{Grammar, KnownShell, known_shells};
pub use reading::{Argument, Execution, Reading};
pub use refusal::Refusal;
pub use rules::{Rules, RulesError};

use judge::Judge;
use refusal::too_complex;
use scope::Scope;
use std::collections::BTreeMap;
use syntax::Dialect;
use values::Field;

/// Longer command lines cannot be run anyway: Linux takes at most 128 KiB in one argument
/// (`MAX_ARG_STRLEN` in `include/uapi/linux/binfmts.h`).
pub const MAX_COMMAND_BYTES: usize = 128 * 1024;

/// What the guard says of a command: nothing, or why it is refused.
pub type Verdict = Result<(), Refusal>;

/// What a command is judged against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The home directory of the user that commands run as.
    pub home: &'a str,
    /// Where the command runs.
    pub directory: &'a str,
    /// Directories in which commands may do as they like; when there are none, the one where the command runs.
    pub roots: &'a [String],
    /// Places that no command may change, wherever they lie.
    pub protected: &'a [String],
    /// Variables that are set, as far as they are known.
    pub environment: &'a BTreeMap<String, String>,
    /// The user's own rules.
    pub rules: &'a Rules,
}

impl Context<'_> {
    /// The roots that can be workspaces: not the whole system, one of its top directories, or a place in its core.
    fn workspaces(&self) -> Vec<Vec<&str>> {
        let is_whole = |names: &Vec<&str>| {
            names.is_empty() || names.len() == 1 && places::is_system(names[0]) || places::is_core(names[0])
        };
        let here = self.roots.is_empty().then_some(self.directory);
        let roots = self.roots.iter().map(String::as_str).chain(here);
        roots.map(targets::names).filter(|names| !is_whole(names)).collect()
    }

    /// The user's name, as the home directory says it.
    fn user(&self) -> &str {
        self.home.rsplit('/').next().unwrap_or_default()
    }
}

/// Judges a line that a shell would run which reads it as `grammar` says.
///
/// # Errors
/// The first danger found, or that the line is not understood.
pub fn judge(line: &str, grammar: Grammar, context: &Context<'_>) -> Verdict {
    start(line, context, |judge, scope| shells::judge_as(judge, grammar, line, scope))
}

/// Judges a program and its arguments that are run without a shell.
///
/// # Errors
/// As [`judge()`].
pub fn judge_program(argv: &[String], context: &Context<'_>) -> Verdict {
    let fields: Vec<Field> = argv.iter().map(Field::text).collect();
    start(&argv.join(" "), context, |judge, scope| judge.run(&fields, scope))
}

/// Follows a line to its end, whatever dangers are in it, and says what it would run.
pub fn read(line: &str, grammar: Grammar, context: &Context<'_>) -> Reading {
    follow(line, context, |judge, scope| shells::judge_as(judge, grammar, line, scope))
}

/// The same of a program and its arguments that are run without a shell.
pub fn read_program(argv: &[String], context: &Context<'_>) -> Reading {
    let fields: Vec<Field> = argv.iter().map(Field::text).collect();
    follow(&argv.join(" "), context, |judge, scope| judge.run(&fields, scope))
}

fn start(line: &str, context: &Context<'_>, run: impl FnOnce(&mut Judge<'_>, &mut Scope) -> judge::Judged) -> Verdict {
    bounded(line)?;
    let mut judge = Judge::new(context, Dialect::Bash, line);
    let mut scope = Scope::at(context.directory);
    judge.inherited(&mut scope)?;
    run(&mut judge, &mut scope).map(drop)
}

fn follow(line: &str, context: &Context<'_>, run: impl FnOnce(&mut Judge<'_>, &mut Scope) -> judge::Judged) -> Reading {
    let mut judge = Judge::new(context, Dialect::Bash, line);
    judge.reading = Some(Reading::new());
    let mut scope = Scope::at(context.directory);
    let done = bounded(line).and_then(|()| judge.inherited(&mut scope)).and_then(|()| run(&mut judge, &mut scope));
    judge.reading.expect("it was put there").ended(done)
}

fn bounded(command: &str) -> Verdict {
    if command.len() > MAX_COMMAND_BYTES {
        return Err(Refusal::new(
            "too-complex",
            "the command is longer than 128 KiB; put it into a script file and run that",
        ));
    }
    if command.contains('\0') {
        return Err(Refusal::new("unparsable", "the command holds a NUL character"));
    }
    Ok(())
}
