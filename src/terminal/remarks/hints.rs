//! What to do instead, where a command met something that is otherwise here than in a person's terminal.

use super::Ended;
use regex::Regex;
use std::sync::LazyLock;

/// How a server that was meant to go on is started.
const START: &str = "/terminal/start (terminal_start)";

/// Editors, pagers and others that draw on a screen and wait for keys.
const SCREEN_PROGRAMS: [&str; 34] = [
    "btop",
    "code",
    "dialog",
    "elinks",
    "emacs",
    "ex",
    "fzf",
    "gdb",
    "helix",
    "htop",
    "hx",
    "info",
    "joe",
    "kak",
    "less",
    "lynx",
    "man",
    "mc",
    "micro",
    "more",
    "most",
    "nano",
    "ncdu",
    "nvim",
    "passwd",
    "pico",
    "ranger",
    "ssh",
    "top",
    "vi",
    "view",
    "vim",
    "vim.basic",
    "vim.tiny",
];

static SIGNALS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(^|[\s;|&(`])(kill|pkill|killall|skill|fuser\s+-\S*k\S*)\s"));
static LOOKS: LazyLock<Regex> = LazyLock::new(|| regex(r"(^|[\s;|&(`])(lsof|fuser|pgrep|pidof)\s"));
static NOBODY: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)no such process|no process(es)? found|operation not permitted|usage:|arguments must be")
});
static AROUND: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\s*(nohup|setsid|exec)\s+|\s*(\d*|&)>>?\s*(&\d|\S+)|\s*<\s*/dev/null|\s*&\s*(disown)?\s*$")
});

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("the tests use it")
}

/// What helps the caller, in a sentence or two.
pub(crate) fn of(ended: &Ended<'_>, is_confined: bool) -> Option<String> {
    let left = (ended.left_behind && ended.exit_code >= 0).then(|| left_behind(ended.command));
    let signalled = is_confined && ended.exit_code != 0 && finds_no_process(ended);
    let hints: Vec<String> = left.into_iter().chain(signalled.then(foreign_process)).collect();
    (!hints.is_empty()).then(|| hints.join(" "))
}

fn left_behind(command: &str) -> String {
    let instead = foreground(command).map(|line| format!(" with {}", serde_json::json!({"command": line})));
    format!(
        "What this command left running was ended with it: nothing outlives its call. To keep a server or a build running, \
         start it by {START}{}, without nohup and &; it answers with an id to poll and to stop.",
        instead.unwrap_or_default()
    )
}

fn foreign_process() -> String {
    "A command sees and signals only the processes that it started itself. Those of /terminal/start are named by their id: \
     /terminal/processes (terminal_processes) lists them, /terminal/stop (terminal_stop) ends one and /terminal/signal \
     (terminal_signal) signals it."
        .into()
}

/// What a command line of those that were running when the time was over waits for, when it is a program for a screen.
pub(crate) fn waiting(running: &[String]) -> Option<String> {
    let line = running.iter().find(|line| is_for_a_screen(line))?;
    let start = serde_json::json!({"command": line, "pty": true});
    Some(format!(
        "{line:?} waits for somebody at a terminal, and there is none here: start it by {START} with {start}, type by \
         /terminal/input (terminal_input). "
    ))
}

fn is_for_a_screen(line: &str) -> bool {
    let program = line.split_whitespace().next().unwrap_or_default();
    SCREEN_PROGRAMS.contains(&program.rsplit('/').next().unwrap_or_default())
}

/// Whether the command wanted another's process and met none.
fn finds_no_process(ended: &Ended<'_>) -> bool {
    let meets_nobody = SIGNALS.is_match(ended.command) && NOBODY.is_match(ended.stderr);
    let sees_nobody = LOOKS.is_match(ended.command) && ended.stdout.trim().is_empty();
    meets_nobody || sees_nobody
}

/// The line that was put into the background, when there is nothing else to it.
fn foreground(command: &str) -> Option<String> {
    let line = command.trim();
    let mut rest = line.to_owned();
    while let Some(found) = AROUND.find(&rest) {
        rest.replace_range(found.range(), "");
    }
    let is_one = !rest.is_empty() && !rest.contains([';', '&', '|', '\n', '>', '<']);
    (is_one && rest != line).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_server_is_found_in_the_one_that_puts_it_into_the_background() {
        for (command, expected) in [
            ("nohup npm run dev > log.txt 2>&1 &", Some("npm run dev")),
            (
                "setsid python3 -m http.server 8000 </dev/null >/dev/null 2>&1 & disown",
                Some("python3 -m http.server 8000"),
            ),
            ("node server.js &", Some("node server.js")),
            ("cd app && node server.js &", None),
            ("redis-server --daemonize yes", None),
        ] {
            assert_eq!(foreground(command).as_deref(), expected, "{command}");
        }
    }

    #[test]
    fn a_program_that_waits_for_a_person_is_named() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let hint =
            waiting(&lines(&["bash -c git commit; x", "git commit", "/usr/bin/vim /w/.git/COMMIT_EDITMSG"])).unwrap();
        assert!(hint.contains("vim") && hint.contains("/terminal/start") && hint.contains(r#""pty":true"#), "{hint}");
        assert_eq!(waiting(&lines(&["bash -c sleep 10", "sleep 10", "cargo build"])), None);
    }

    #[test]
    fn a_signal_to_a_process_of_another_call_is_recognized() {
        let ended = |command, stdout, stderr| Ended { command, stdout, stderr, exit_code: 1, left_behind: false };
        for (command, stdout, stderr) in [
            ("kill 4711", "", "sh: 1: kill: No such process\n"),
            ("kill -9 $(cat server.pid)", "", "bash: line 1: kill: (4711) - No such process\n"),
            ("kill $(lsof -ti :3000)", "", "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid\n"),
            ("pkill -f node; killall node", "", "node: no process found\n"),
            ("lsof -ti :3000", "", ""),
        ] {
            assert!(finds_no_process(&ended(command, stdout, stderr)), "{command}");
        }
        for (command, stdout, stderr) in [
            ("grep kill notes.txt", "", "grep: notes.txt: No such file or directory\n"),
            ("make", "", "make: No such process\n"),
            ("pgrep node", "12\n", ""),
        ] {
            assert!(!finds_no_process(&ended(command, stdout, stderr)), "{command}");
        }
    }
}
