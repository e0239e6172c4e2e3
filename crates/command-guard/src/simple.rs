//! Simple commands: assignments, then a program with its arguments.

use super::Refusal;
use super::effects::{Call, Effects, Extent};
use super::invocation::{Invocation, name_of};
use super::judge::{Judge, Judged};
use super::knowledge::Knowledge;
use super::scope::{Attribute, Scope, Variable};
use super::syntax::{AssignedValue, Assignment, Dialect, Piece, Simple, Word};
use super::values::{Data, Field, Origin, Part};
use super::{builtins, outputs, patterns, programs, scripts, shells, work, zsh};

impl Judge<'_> {
    pub(crate) fn simple(&mut self, simple: &Simple, scope: &mut Scope) -> Judged {
        let Some(first) = simple.words.first() else {
            return self.assign(&simple.assignments, scope).map(|()| Data::Nothing);
        };
        if matches!(first.bare(), Some("[" | "test")) {
            self.note_tested(&simple.words, scope);
        }
        // The words are expanded before the assignments in front of them take effect.
        let programs = self.meanings(first, scope)?;
        let mut arguments = Vec::new();
        for word in &simple.words[1..] {
            arguments.extend(self.fields(word, scope)?);
        }
        let declares = first.literal().is_some_and(|name| builtins::declares(&name));
        if declares {
            builtins::mark(first.literal().as_deref(), &arguments, &simple.assignments, scope);
        }
        let outer = outer(&simple.assignments, declares, scope);
        self.assign(&simple.assignments, scope)?;
        if let Some(output) = self.alias(first.bare(), &arguments, scope)? {
            return Ok(output);
        }
        let mut output = Data::Nothing;
        for mut program in programs {
            program.extend(arguments.iter().cloned());
            output = output.then(self.run(&program, scope)?);
        }
        for (name, value, is_unsure) in outer {
            match value {
                Some(value) => scope.set(&name, value),
                None => {
                    scope.variables.remove(&name);
                }
            }
            if is_unsure {
                scope.mark(&name, Attribute::Unsure);
            }
        }
        Ok(output)
    }

    /// A variable that the line tests is not one that was forgotten: what it holds is unknown rather than nothing.
    pub(crate) fn note_tested(&self, words: &[Word], scope: &mut Scope) {
        for piece in words.iter().flat_map(|word| &word.pieces) {
            if let Piece::Parameter { parameter, .. } = piece {
                let name = parameter.name.as_str();
                let unset =
                    self.variable(name, scope).iter().flatten().all(|field| field.origin() == Some(Origin::Unset));
                if unset && !scope.variables.contains_key(name) {
                    scope.set_one(name, Field::unknown(Origin::Local));
                }
            }
        }
    }

    /// Assigns one after the other: a later value may use an earlier one.
    fn assign(&mut self, assignments: &[Assignment], scope: &mut Scope) -> Judged<()> {
        for assignment in assignments {
            if self.dialect == Dialect::Zsh {
                zsh::check_assignment(&assignment.name)?;
            }
            if let Some(index) = &assignment.index {
                let index = self.unsplit(index, scope)?;
                self.subscript(&assignment.name, &index, scope)?;
            }
            let adds = assignment.append || assignment.index.is_some();
            let is_new = !scope.variables.contains_key(&assignment.name);
            let is_unsure = adds && (is_new || scope.has(&assignment.name, Attribute::Unsure));
            let value = self.assigned(assignment, scope)?;
            self.bind(&assignment.name, value, scope)?;
            if is_unsure {
                scope.mark(&assignment.name, Attribute::Unsure);
            }
        }
        Ok(())
    }

    fn assigned(&mut self, assignment: &Assignment, scope: &mut Scope) -> Judged<Variable> {
        let new: Variable = match &assignment.value {
            AssignedValue::Scalar(word) => {
                let values = self.unsplit(word, scope)?;
                values.into_iter().map(|field| vec![field]).collect()
            }
            AssignedValue::Array(words) => {
                let mut list = Vec::new();
                for word in words {
                    let fields = self.fields(word, scope)?;
                    for index in fields.iter().filter_map(index_of) {
                        self.subscript(&assignment.name, &[index], scope)?;
                    }
                    list.extend(fields.into_iter().map(without_index));
                }
                vec![list]
            }
        };
        if !assignment.append && assignment.index.is_none() {
            return Ok(new);
        }
        let array = assignment.index.is_some() || matches!(assignment.value, AssignedValue::Array(_));
        let old = scope.variables.get(&assignment.name).cloned().unwrap_or_default();
        let ways = old.len().max(1).saturating_mul(new.len());
        self.pay(ways.saturating_mul(work::variable(&old).saturating_add(work::variable(&new))))?;
        Ok(appended(&old, &new, array))
    }

    /// What the call's own variables make a shell do: run at its start or at a prompt, or define as a function.
    pub(crate) fn inherited(&mut self, scope: &mut Scope) -> Judged<()> {
        for (name, value) in self.context.environment {
            self.environment_runs(name, &vec![vec![Field::text(value.clone())]], scope)?;
            if let Some(function) = name.strip_prefix("BASH_FUNC_") {
                let function = function.trim_end_matches("%%").trim_end_matches("()");
                self.text(&format!("{function} {value}"), Dialect::Bash, scope)?;
            }
        }
        Ok(())
    }

    /// Variables whose value other programs run as a command, or the shell itself at its prompt or start.
    pub(crate) fn environment_runs(&mut self, name: &str, value: &Variable, scope: &Scope) -> Judged<()> {
        for value in value {
            self.note_variable(name, value.first());
        }
        let runs = ["PAGER", "EDITOR", "COMMAND", "WRAPPER", "ASKPASS"].iter().any(|end| name.ends_with(end))
            || matches!(name, "VISUAL" | "BROWSER" | "GIT_SSH" | "GIT_EXTERNAL_DIFF" | "LESSOPEN" | "CC" | "CXX");
        let dialect = self.dialect;
        let starts = matches!(name, "BASH_ENV" | "ENV" | "PS0" | "PS1" | "PS2" | "PS4");
        for field in value.iter().flatten().filter(|_| starts || runs) {
            let mut scope = self.fork(scope)?;
            match name {
                "BASH_ENV" | "ENV" => {
                    // The shell expands it, and then runs the file of that name.
                    self.text(&format!(": \"{}\"", scripts::script_text(field).replace('"', "")), dialect, &mut scope)?;
                    if let Some(content) = scope.file(field) {
                        shells::run_file(self, &content, &[], &mut scope)?;
                    }
                }
                "PS0" | "PS1" | "PS2" | "PS4" => {
                    let prompt = scripts::script_text(field).replace('"', "");
                    self.text(&format!(": \"{prompt}\""), dialect, &mut scope)?;
                }
                _ if runs => {
                    let text = field.known().unwrap_or_default();
                    self.text(text.trim_start_matches('|'), dialect, &mut scope)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn alias(&mut self, name: Option<&str>, arguments: &[Field], scope: &mut Scope) -> Judged<Option<Data>> {
        let Some(text) = name.and_then(|name| scope.aliases.remove(name)) else {
            return Ok(None);
        };
        let name = name.unwrap_or_default().to_owned();
        // Where aliases are not expanded, it is what its name says.
        self.note_program(&name, arguments);
        let line = format!("{text} {}", scripts::joined_text(arguments.iter(), &scripts::quoted));
        let dialect = self.dialect;
        let before = self.fork(scope)?;
        let result = self.text(&line, dialect, scope);
        self.keeps_doubts(&before, scope)?;
        scope.aliases.insert(name, text);
        result.map(Some)
    }

    /// Judges a program with its arguments, and says what it prints.
    pub(crate) fn run(&mut self, argv: &[Field], scope: &mut Scope) -> Judged {
        self.pay_for_run(argv, scope)?;
        self.behind_a_runner(|judge| judge.program(argv, scope))
    }

    fn program(&mut self, argv: &[Field], scope: &mut Scope) -> Judged {
        let Some((program, arguments)) = argv.split_first() else {
            return Ok(Data::Nothing);
        };
        let Some(text) = program.known() else {
            return self.unknown_program(program, arguments, scope);
        };
        if text.chars().any(is_invisible) {
            return Err(Refusal::new("hidden-character", "the program's name holds a character that cannot be seen"));
        }
        if program.has_glob() && !matches!(text.as_str(), "[" | "[[") {
            return self.pattern_program(&text, arguments, scope);
        }
        if text.is_empty() {
            return self.run(arguments, scope);
        }
        // What this very line says that it is holds on some of its ways only.
        self.note_program(&text, arguments);
        if !text.contains('/') && scope.functions.contains_key(&text) {
            return self.call(&text, arguments, scope);
        }
        if text.contains('/') {
            let place = super::targets::resolve(program, scope).first().map(super::targets::Target::shown);
            if let Some(name) = place.and_then(|place| scope.programs.get(&place).cloned()) {
                return self.invoke(&Invocation { program: text, name, arguments: arguments.to_vec() }, scope);
            }
            if let Some(service) = text.strip_prefix("/etc/init.d/") {
                let mut words = vec![Field::text(service)];
                words.extend_from_slice(arguments);
                return self.invoke(&Invocation { program: text, name: "service".to_owned(), arguments: words }, scope);
            }
        }
        if text.contains('/')
            && let Some(content) = scope.file(program)
        {
            let script = [".sh", ".bash", ".zsh", ".run"].iter().any(|end| text.ends_with(end));
            if script || !matches!(content, Data::Opaque(_)) {
                return shells::run_file(self, &content, arguments, scope);
            }
        }
        let name = name_of(&text);
        self.invoke(&Invocation { program: text, name, arguments: arguments.to_vec() }, scope)
    }

    fn invoke(&mut self, call: &Invocation, scope: &mut Scope) -> Judged {
        self.note(call);
        match self.context.rules.verdict(call) {
            Ok(false) => {}
            Ok(true) => {
                self.look_behind(|judge| judge.follow(call, &mut scope.clone()));
                return Ok(Data::local());
            }
            Err(refusal) => self.refused(refusal, ())?,
        }
        self.follow(call, scope)
    }

    /// What a call does, whatever the user's rules say of it.
    fn follow(&mut self, call: &Invocation, scope: &mut Scope) -> Judged {
        let asks = |text: &str| call.arguments.len() == 1 && call.arguments[0].is(text);
        if asks("--help") || asks("--version") || asks("-V") && call.name != "find" {
            return Ok(Data::local());
        }
        if self.dialect == Dialect::Zsh
            && let Some(output) = zsh::run(self, call, scope)?
        {
            return Ok(output);
        }
        if let Some(output) = builtins::run(self, call, scope)? {
            return Ok(output);
        }
        if let Some(output) = shells::run(self, call, scope)? {
            return Ok(output);
        }
        let rules = self.context.rules;
        let gather = |call: &Call<'_>, effects: &mut Effects| {
            rules.records().judge(call, effects);
            Knowledge::built_in().judge(call, effects);
            programs::judge(call, effects);
        };
        match self.perform(&call.name, &call.arguments, gather, scope)? {
            Some(output) => Ok(output),
            None => outputs::of(self, call, scope),
        }
    }

    /// A program that is not known: dangerous if its arguments are those of a removal, or if it is only a
    /// prefix (`$SUDO rm …`) of one that is.
    fn unknown_program(&mut self, program: &Field, arguments: &[Field], scope: &mut Scope) -> Judged {
        self.note_unknown(arguments);
        match program.origin() {
            Some(Origin::Fetched | Origin::Decoded) => {
                return Err(Refusal::new(
                    "decoded-shell",
                    "the program to run comes from the network or from a disguised text",
                ));
            }
            _ if program.0.len() > 1 => {
                // `$DIR/rm` is rm wherever it lies.
                if let Some(Part::Text(end)) = program.0.last()
                    && let Some((_, name)) = end.rsplit_once('/')
                {
                    let (program, name) = (format!("…/{name}"), name.to_owned());
                    let call = Invocation { program, name, arguments: arguments.to_vec() };
                    return self.invoke(&call, scope);
                }
            }
            _ => {}
        }
        let removal = arguments
            .iter()
            .filter_map(Field::known)
            .any(|text| text.starts_with('-') && !text.starts_with("--") && text.contains(['r', 'R', 'f']));
        if removal {
            for argument in arguments {
                self.removes("an unknown program", argument, Extent::Whole, scope)?;
            }
        }
        if arguments.first().is_some_and(|first| first.known().is_some()) {
            self.run(arguments, scope)?;
        }
        Ok(Data::local())
    }

    /// `/bin/r?`: every program that the pattern can mean and that is judged at all.
    fn pattern_program(&mut self, pattern: &str, arguments: &[Field], scope: &mut Scope) -> Judged {
        self.note_unknown(arguments);
        let last = pattern.rsplit('/').next().unwrap_or_default();
        for name in PATTERN_PROGRAMS.split(' ') {
            if patterns::matches_text(last, name) {
                let mut argv = vec![Field::text(name)];
                argv.extend_from_slice(arguments);
                self.run(&argv, scope)?;
            }
        }
        Ok(Data::local())
    }
}

/// Programs that a pattern in the place of a program (`/bin/r?`) is held against.
const PATTERN_PROGRAMS: &str = "rm unlink shred find dd mkfs mkfs.ext4 wipefs mv cp tee truncate chmod chown sh bash \
                                dash zsh busybox python3 python perl ruby node sudo env xargs shutdown reboot \
                                poweroff halt kill pkill killall rsync ln userdel";

/// The variables that are set for one command alone, with what they are around it.
fn outer(assignments: &[Assignment], declares: bool, scope: &Scope) -> Vec<(String, Option<Variable>, bool)> {
    let is_own = |assignment: &&Assignment| !declares || matches!(assignment.value, AssignedValue::Scalar(_));
    let names = assignments.iter().filter(is_own).map(|assignment| assignment.name.clone());
    names
        .map(|name| {
            let (value, is_unsure) = (scope.variables.get(&name).cloned(), scope.has(&name, Attribute::Unsure));
            (name, value, is_unsure)
        })
        .collect()
}

/// `[key]=value` of an array: its key.
fn index_of(field: &Field) -> Option<Field> {
    let Some((index, _)) = field.split_once('=') else {
        let is_key = field.known().is_none() && field.visible().starts_with('[');
        return is_key.then(|| Field::unknown(Origin::Local));
    };
    Some(Field::text(index.strip_prefix('[')?.strip_suffix(']')?))
}

/// `[key]=value` of an array: its value.
fn without_index(field: Field) -> Field {
    let value = field
        .0
        .first()
        .is_some_and(|part| matches!(part, Part::Text(text) | Part::Glob(text) if text.starts_with('[')));
    field.split_once('=').filter(|(index, _)| value && index.ends_with(']')).map_or(field, |(_, value)| value)
}

fn appended(old: &Variable, new: &Variable, array: bool) -> Variable {
    let empty = vec![Vec::new()];
    let old = if old.is_empty() { &empty } else { old };
    let mut values = Vec::new();
    for before in old {
        for after in new {
            let mut list = before.clone();
            if array || list.is_empty() {
                list.extend(after.iter().cloned());
            } else if let (Some(last), Some(first)) = (list.last_mut(), after.first()) {
                last.extend(first);
            }
            if values.len() < super::scope::MEANINGS {
                values.push(list);
            }
        }
    }
    values
}

/// Characters that a reader of the command cannot see: zero-width, direction marks, tags.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{e0000}'..='\u{e007f}')
}
