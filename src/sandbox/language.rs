//! What code is written in: how it is handed to its interpreter. The contract's own languages, and those of
//! `SANDBOX_LANGUAGES`.

use crate::error::{Error, Result};
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;

/// The longest program that goes into one argument, in bytes. The kernel takes 131,072 (MAX_ARG_STRLEN, execve(2));
/// the launcher reads what it is told byte by byte, so a long program is better put into a file.
const MAX_ARGUMENT: usize = 32 * 1024;

/// What stands in a command for the program's text.
const CODE: &str = "{code}";

/// The languages that are known.
pub(super) struct Languages(BTreeMap<String, Language>);

struct Language {
    image: Option<String>,
    command: Vec<Word>,
    /// For a program that cannot be an argument: the interpreter and the name of the file.
    from_file: Option<(&'static str, &'static str)>,
}

enum Word {
    Plain(String),
    Code { before: String, after: String },
    File { before: String, name: String, after: String },
}

/// Something to run.
pub(super) struct Program {
    /// Another image than the sandbox's own.
    pub image: Option<String>,
    pub arguments: Vec<String>,
    /// What is put into a file first.
    pub file: Option<CodeFile>,
    /// The command line, for a person.
    pub shown: String,
}

/// A program that its interpreter reads from a file.
pub(super) struct CodeFile {
    pub path: String,
    pub content: String,
}

impl Languages {
    /// Reads `SANDBOX_LANGUAGES`: `name=image|command`, separated by `;`. The contract's own may be replaced.
    ///
    /// # Errors
    /// When an entry is not of this form; the message says which.
    pub(crate) fn open(table: &str) -> anyhow::Result<Self> {
        let mut known = BTreeMap::new();
        for (names, command, from_file) in [
            (&["python", "python3", "py"][..], ["python3", "-c", CODE].as_slice(), ("python3", "program.py")),
            (&["bash", "sh", "shell"], &["bash", "-c", CODE], ("bash", "program.sh")),
            (&["node", "javascript", "js"], &["node", "-e", CODE], ("node", "program.js")),
        ] {
            for name in names {
                let command = command.iter().map(|word| Word::parse(word)).collect::<anyhow::Result<_>>()?;
                known.insert((*name).to_owned(), Language { image: None, command, from_file: Some(from_file) });
            }
        }
        for entry in table.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, language) = custom(entry).with_context(|| {
                format!(
                    "SANDBOX_LANGUAGES has {entry:?}, but an entry is name=image|command with {CODE} or {{file:NAME}}"
                )
            })?;
            known.insert(name, language);
        }
        Ok(Self(known))
    }

    /// How to run `code`.
    ///
    /// # Errors
    /// For a language that is not known, and code that no command line can hold.
    pub(crate) fn program(&self, language: &str, code: String) -> Result<Program> {
        let Some(found) = self.0.get(&language.trim().to_lowercase()) else {
            let known: Vec<_> = self.0.keys().map(String::as_str).collect();
            let message = format!("Unknown language {language:?}: use one of {}", known.join(", "));
            return Err(Error::invalid("language", message));
        };
        if code.contains('\0') {
            return Err(Error::invalid("code", "A program cannot contain a NUL character"));
        }
        found.program(code)
    }

    /// How to run a shell command.
    ///
    /// # Errors
    /// For a command that holds a NUL.
    pub(crate) fn command(&self, command: String) -> Result<Program> {
        if command.contains('\0') {
            return Err(Error::invalid("command", "A command cannot contain a NUL character"));
        }
        let shown = command.clone();
        Ok(Program { shown, ..self.program("bash", command)? })
    }
}

impl Language {
    fn program(&self, code: String) -> Result<Program> {
        // What begins like an option would be taken for one.
        let needs_file = code.len() > MAX_ARGUMENT || code.starts_with('-');
        if let (true, Some((interpreter, name))) = (needs_file, self.from_file) {
            let file = CodeFile { path: format!("/tmp/{name}"), content: code };
            let shown = format!("{interpreter} {}", file.path);
            let arguments = vec![interpreter.to_owned(), file.path.clone()];
            return Ok(Program { image: None, arguments, file: Some(file), shown });
        }
        let arguments: Vec<String> = self.command.iter().map(|word| word.fill(&code)).collect();
        let place = self.command.iter().find_map(Word::path);
        if place.is_none() && code.len() > MAX_ARGUMENT {
            return Err(Error::TooLarge(format!(
                "The program is longer than {MAX_ARGUMENT} bytes: give its language {{file:NAME}} in SANDBOX_LANGUAGES"
            )));
        }
        let shown = arguments.iter().map(|word| shlex::try_quote(word).expect("there is no NUL in it"));
        let shown = shown.collect::<Vec<_>>().join(" ");
        let file = place.map(|path| CodeFile { path, content: code });
        Ok(Program { image: self.image.clone(), arguments, file, shown })
    }
}

impl Word {
    fn parse(text: &str) -> anyhow::Result<Self> {
        if let Some((before, after)) = text.split_once(CODE) {
            return Ok(Self::Code { before: before.to_owned(), after: after.to_owned() });
        }
        let Some((before, rest)) = text.split_once("{file:") else { return Ok(Self::Plain(text.to_owned())) };
        let (name, after) = rest.split_once('}').context("a { without its }")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        ensure!(
            !name.is_empty() && name.chars().all(plain) && !name.starts_with('.'),
            "{name:?} is no plain file name"
        );
        Ok(Self::File { before: before.to_owned(), name: name.to_owned(), after: after.to_owned() })
    }

    fn fill(&self, code: &str) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Code { before, after } => format!("{before}{code}{after}"),
            Self::File { before, name, after } => format!("{before}/tmp/{name}{after}"),
        }
    }

    fn path(&self) -> Option<String> {
        match self {
            Self::File { name, .. } => Some(format!("/tmp/{name}")),
            _ => None,
        }
    }
}

fn custom(entry: &str) -> anyhow::Result<(String, Language)> {
    let (name, rest) = entry.split_once('=').context("no = after the name")?;
    let (image, command) = rest.split_once('|').context("no | after the image")?;
    let (name, image) = (name.trim().to_lowercase(), image.trim());
    let words = shlex::split(command).context("the command's quotes do not match")?;
    let command: Vec<Word> = words.iter().map(|word| Word::parse(word)).collect::<anyhow::Result<_>>()?;
    let places = command.iter().filter(|word| !matches!(word, Word::Plain(_))).count();
    ensure!(places == 1, "the command says {places} times where the program goes, but it must be once");
    ensure!(!name.is_empty(), "the name is missing");
    let image = Some(image.to_owned()).filter(|image| !image.is_empty());
    Ok((name, Language { image, command, from_file: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(table: &str, language: &str, code: &str) -> Program {
        Languages::open(table).unwrap().program(language, code.to_owned()).unwrap()
    }

    #[test]
    fn code_is_handed_over_verbatim() {
        let code = "print('a\"b $HOME \\n')\n# é";
        for (language, before) in [("python", "python3"), ("bash", "bash"), ("javascript", "node"), (" Node ", "node")]
        {
            let program = program("", language, code);
            assert_eq!((program.arguments[0].as_str(), program.arguments.last().unwrap().as_str()), (before, code));
        }
        assert_eq!(program("", "python", "1").shown, "python3 -c 1");
    }

    #[test]
    fn a_program_too_long_for_an_argument_goes_into_a_file() {
        let long = "#".repeat(MAX_ARGUMENT + 1);
        let program = program("", "python", &long);
        assert_eq!(program.arguments, ["python3", "/tmp/program.py"]);
        assert_eq!(program.file.unwrap().content, long);
    }

    #[test]
    fn other_languages_come_from_the_settings() {
        let table = "ruby=ruby:3|ruby -e {code}; go = golang:1.23 | go run {file:main.go}";
        let ruby = program(table, "ruby", "puts 1");
        assert_eq!(
            (ruby.image.as_deref(), ruby.arguments.as_slice()),
            (Some("ruby:3"), &["ruby", "-e", "puts 1"].map(String::from)[..])
        );
        let go = program(table, "Go", "package main");
        assert_eq!((go.image.as_deref(), go.arguments.last().unwrap().as_str()), (Some("golang:1.23"), "/tmp/main.go"));
        assert_eq!(go.file.unwrap().content, "package main");
    }

    #[test]
    fn a_table_that_is_not_understood_stops_the_start() {
        for wrong in ["ruby", "ruby=ruby:3", "ruby=ruby:3|ruby", "x=|x {file:../a}", "x=|x 'a", "=|x {code}"] {
            assert!(Languages::open(wrong).is_err(), "{wrong}");
        }
    }
}
