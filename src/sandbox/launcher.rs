//! What a run's container does: its first process is a small shell program that waits for a plan on standard input.
//! So a container can be started before it is known what will run in it, and a cold start runs the same way.

use super::{language::Program, limits::WORKSPACE, random_hex};
use bytes::Bytes;
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("launcher.sh");

/// The size of the pieces in which an archive is read inside, in bytes.
const BLOCK: usize = 64 * 1024;

/// The exit code that a shell gives a program that is not there (POSIX 2.8.2).
const NOT_FOUND: u8 = 127;

/// The exit code of a launcher whose input ended before its plan: nothing was run. Docker's own for what never began
/// (`docker run --help`: 125 where it was not the program that failed).
pub(super) const UNBEGUN: i64 = 125;

/// What stands for the exit code when the caller's files could not be put in place.
pub(super) const NO_ROOM: &str = "files";

/// The command of a container that waits, and the line that ends its plan.
pub(super) fn waiting() -> (Vec<String>, String) {
    let end = random_hex::<16>();
    (["/bin/sh", "-c", SCRIPT, "sh", &end].map(str::to_owned).to_vec(), end)
}

/// What a container is to do, once.
pub(super) struct Job {
    pub program: Program,
    /// The caller's files as a tar archive.
    pub files: Option<Vec<u8>>,
    /// What the program reads; nothing when it is `None`.
    pub stdin: Option<String>,
    /// What to bring back of the workspace: paths in it.
    pub collect: Vec<String>,
}

impl Job {
    /// The plan, which goes to the container's standard input with the line that ends it, and what follows there, in order.
    /// `mark` is what the launcher says when the program is over; the program cannot guess it.
    pub(crate) fn input(self, mark: &str) -> (String, Vec<Bytes>) {
        let (plan, mut pieces) = (self.plan(mark), Vec::new());
        if let Some(file) = self.program.file {
            pieces.push(file.content.into());
        }
        if let Some(mut archive) = self.files {
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
            pieces.push(archive.into());
        }
        pieces.extend(self.stdin.map(Bytes::from));
        (plan, pieces)
    }

    fn plan(&self, mark: &str) -> String {
        let mut plan = format!("mark={}\nset --", quote(mark));
        for word in &self.program.arguments {
            let _ = write!(plan, " {}", quote(word));
        }
        plan.push('\n');
        if let Some(file) = &self.program.file {
            let (size, path) = (file.content.len(), quote(&file.path));
            let _ = writeln!(plan, "dd bs={size} count=1 iflag=fullblock of={path} 2>/dev/null");
        }
        if let Some(archive) = &self.files {
            let blocks = archive.len().div_ceil(BLOCK);
            // What tar leaves unread must not reach the program.
            let unpack = "{ tar -xf - 2>/dev/null; code=$?; cat >/dev/null; exit $code; }";
            let _ = writeln!(
                plan,
                "dd bs={BLOCK} count={blocks} iflag=fullblock 2>/dev/null | {unpack} || {{ finish {NO_ROOM}; exit; }}"
            );
        }
        let missing = r#"echo "$1 is not in the sandbox's image" >&3"#;
        let _ = writeln!(plan, "command -v \"$1\" >/dev/null || {{ {missing}; finish {NOT_FOUND}; exit; }}");
        let input = if self.stdin.is_some() { "" } else { "</dev/null " };
        // In a shell of its own: some shells redirect themselves while they wait for a plain command.
        let _ = writeln!(plan, "(exec \"$@\" {input}2>&3 3>&-)\ncode=$?");
        // What the program left behind writes nothing after the mark.
        plan.push_str("kill -9 -1\nfinish $code\n");
        if !self.collect.is_empty() {
            let paths: Vec<_> = self.collect.iter().map(|path| quote(&format!("./{path}"))).collect();
            let _ = writeln!(plan, "cd {WORKSPACE} && tar -cf - {} 2>/dev/null </dev/null", paths.join(" "));
        }
        plan
    }
}

/// What the launcher said of the program: `CODE KILLS`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Its exit code; negative when a signal ended it.
    pub exit_code: i64,
    /// Whether the memory limit killed something in the container.
    pub oom_killed: bool,
}

impl Verdict {
    /// `None` for anything that the launcher does not say.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let (code, kills) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        Some(Self { exit_code: exit_code(code.parse().ok()?), oom_killed: kills.trim() != "0" })
    }

    /// As the engine reports it of the first process.
    pub(crate) fn of_engine((code, oom_killed): (i64, bool)) -> Self {
        Self { exit_code: exit_code(code), oom_killed }
    }
}

/// Shells and engines say 128 + n for signal n (POSIX 2.8.2); 1 to 31 are the signals that end programs.
fn exit_code(code: i64) -> i64 {
    if (129..=159).contains(&code) { 128 - code } else { code }
}

/// A word for the shell, whatever is in it.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_the_negative_number_and_high_exit_codes_stay() {
        let codes = [0, 1, 127, 128, 137, 139, 159, 160, 255];
        assert_eq!(codes.map(exit_code), [0, 1, 127, 128, -9, -11, -31, 160, 255]);
        assert_eq!(Verdict::parse(b"137 1"), Some(Verdict { exit_code: -9, oom_killed: true }));
        assert_eq!(Verdict::parse(b"files 0"), None);
    }

    #[test]
    fn whatever_is_in_a_word_the_shell_takes_it_literally() {
        assert_eq!(quote("it's $HOME `x` \\ \n"), "'it'\\''s $HOME `x` \\ \n'");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the launcher is a program of its own")]
    fn a_launcher_whose_input_ends_before_its_plan_says_that_nothing_was_run() {
        for input in ["/dev/null", "launcher.sh"] {
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox").join(input);
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", SCRIPT, "sh", "no line of it"]).stdin(std::fs::File::open(file).unwrap());
            assert_eq!(shell.status().unwrap().code().map(i64::from), Some(UNBEGUN), "{input}");
        }
    }
}
