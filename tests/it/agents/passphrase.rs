//! A yes of the person needs their passphrase, once they set one, whatever client says it.

use super::{Said, say};
use crate::{
    approvals::{asked, with},
    program::{Program, command, run},
    server::{KEY, scratch, until},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const PASSPHRASE: &str = "correct horse é battery";
const WRONG: &str = "something else that is long";

/// The same command, without a terminal of whoever runs the tests; with one of its own where `is_at_terminal`. Elsewhere than
/// on Linux, where there is no such program, it has that of the tests.
pub(crate) fn alone(inner: &Command, is_at_terminal: bool) -> Command {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setsid");
        command.args(is_at_terminal.then_some("--ctty")).arg(inner.get_program());
        command
    } else {
        Command::new(inner.get_program())
    };
    command.args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Says something where there is no terminal, with these lines on standard input.
pub(crate) fn say_with(directory: &Path, words: &[&str], lines: &[&str]) -> Said {
    let (mut inner, input) = (command(directory, &[]), scratch());
    inner.args(words).args((!lines.is_empty()).then_some("--passphrase-stdin"));
    let path = input.path().join("input");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let mut command = alone(&inner, false);
    command.stdin(File::open(&path).unwrap());
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn set(directory: &Path) {
    say_with(directory, &["owner", "passphrase"], &[PASSPHRASE]).done();
}

/// What the bridge answers another client than the program, which has the owner's token.
async fn asks(program: &Program, route: &str, body: &Value, passphrase: Option<&str>) -> (u16, String) {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let token = fs::read_to_string(program.path("memory/owner.token")).unwrap();
    let given = passphrase.map(|text| format!("x-owner-passphrase: {}\r\n", BASE64_URL_SAFE_NO_PAD.encode(text)));
    let (body, given) = (body.to_string(), given.unwrap_or_default());
    let request = format!(
        "POST {route} HTTP/1.1\r\nhost: localhost\r\nx-owner-token: {token}\r\n{given}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::UnixStream::connect(program.path("memory/.control")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer["HTTP/1.1 ".len()..][..3].parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_needs_the_passphrase_whatever_client_says_it_and_a_no_needs_none() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    set(&program.path(""));
    let id = asked(&program, &key, "touch one").await;
    for scope in [&[][..], &["--session"], &["--hour"], &["--always"], &["--alike"]] {
        let why = say_with(&program.path(""), &[&["approve", &id], scope].concat(), &[]).refused();
        assert!(why.contains("passphrase") && why.contains("--passphrase-stdin"), "{why}");
    }
    let yes = json!({"id": id});
    assert_eq!(asks(&program, "/control/approve", &yes, None).await.0, 401);
    assert_eq!(asks(&program, "/control/approve", &json!({"all_of": "of-careful"}), None).await.0, 401);
    assert_eq!(asks(&program, "/control/approve", &yes, Some("")).await.0, 403, "an empty one is a wrong one");
    let (status, answer) = asks(&program, "/control/approve", &yes, Some(PASSPHRASE)).await;
    assert!(status == 429 && answer.contains("not tried"), "{answer}");
    assert!(say(&program.path(""), &["approve"]).done().contains(&id), "it still waits");
    until("it is tried again", || say_with(&program.path(""), &["approve", &id], &[PASSPHRASE]).ok).await;
    let done = program.post("/terminal/execute", &key, &json!({"command": "touch one"})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let other = asked(&program, &key, "touch two").await;
    say_with(&program.path(""), &["deny", &other], &[]).done();
    say_with(&program.path(""), &["pause"], &[]).done();
    say_with(&program.path(""), &["stop-all"], &[]).done();
    for entry in walkdir::WalkDir::new(program.path("memory")).into_iter().flatten().filter(|it| it.path().is_file()) {
        let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
        assert!(!text.contains("battery"), "{}", entry.path().display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_one_is_tried() {
    let program = Program::start(&[]);
    set(&program.path(""));
    let check = json!({});
    let guesses = (0..20).map(|_| asks(&program, "/control/passphrase_check", &check, Some(WRONG)));
    let statuses: Vec<u16> = futures::future::join_all(guesses).await.into_iter().map(|(status, _)| status).collect();
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(403), count(429)), (1, 19), "{statuses:?}");
    let refused = super::history(&program, &["--outcome", "refused"]);
    assert!(refused.contains("control_passphrase_check"), "{refused}");
}

#[test]
fn what_gives_an_agent_more_needs_the_passphrase_and_what_takes_from_it_does_not() {
    let program = Program::start(&[]);
    let folder = program.path("");
    say(&folder, &["agent", "add", "claude", "--expires", "2d"]).done();
    set(&folder);
    let more: [&[&str]; 6] = [
        &["agent", "add", "other"],
        &["agent", "set", "claude", "--profile", "careful"],
        &["agent", "set", "claude", "--expires", "never"],
        &["agent", "rotate", "claude"],
        &["agent", "resume", "claude"],
        &["resume"],
    ];
    let less: [&[&str]; 6] = [
        &["agent", "set", "claude", "--note", "mine"],
        &["agent", "set", "claude", "--expires", "1d", "--calls-at-once", "2"],
        &["agent", "pause", "claude"],
        &["pause"],
        &["agent", "list"],
        &["agent", "revoke", "claude"],
    ];
    let try_all = |folder: &Path| {
        for words in more {
            let why = say_with(folder, words, &[]).refused();
            assert!(why.contains("passphrase"), "{words:?}: {why}");
        }
        less.iter().for_each(|words| drop(say_with(folder, words, &[]).done()));
        more[1..].iter().for_each(|words| drop(say_with(folder, words, &[PASSPHRASE]).done()));
    };
    try_all(&folder);
    // The same in its files, where no bridge runs.
    let stopped = program.stop();
    say_with(stopped.path(), &["agent", "set", "claude", "--expires", "2d", "--profile", "trusted"], &[PASSPHRASE])
        .done();
    try_all(stopped.path());
    say_with(stopped.path(), &["agent", "rotate", "claude"], &[WRONG]).refused();
}

#[test]
fn it_is_changed_and_removed_by_who_knows_it() {
    let program = Program::start(&[]);
    let folder = program.path("");
    let passphrase =
        |words: &[&str], lines: &[&str]| say_with(&folder, &[&["owner", "passphrase"], words].concat(), lines);
    let why = passphrase(&[], &["short"]).refused();
    assert!(why.contains("8 characters"), "{why}");
    say(&folder, &["agent", "add", "one"]).done();
    set(&folder);
    let file = folder.join("memory/owner.passphrase");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    passphrase(&[], &[]).refused();
    passphrase(&["--remove"], &[]).refused();
    passphrase(&[], &[PASSPHRASE, "short"]).refused();
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "nothing was changed");
    passphrase(&[], &[PASSPHRASE, WRONG]).done();
    say_with(&folder, &["agent", "add", "two"], &[WRONG]).done();
    passphrase(&["--remove"], &[WRONG]).done();
    say_with(&folder, &["agent", "add", "three"], &[]).done();
    assert!(say_with(&folder, &["owner", "passphrase", "--remove"], &[]).done().contains("no passphrase"));
}

#[test]
fn a_file_that_is_damaged_or_was_changed_by_others_is_a_no() {
    let program = Program::start(&[]);
    set(&program.path(""));
    let refused = |folder: &Path, how: &str| {
        let why = say_with(folder, &["agent", "add", "claude"], &[PASSPHRASE]).refused();
        assert!(why.contains("owner.passphrase") && why.contains(how), "{why}");
    };
    let file = program.path("memory/owner.passphrase");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, "none\n").unwrap();
    refused(&program.path(""), "start the bridge again");
    fs::remove_file(&file).unwrap();
    refused(&program.path(""), "start the bridge again");
    fs::write(&file, &text).unwrap();
    say_with(&program.path(""), &["agent", "add", "before"], &[PASSPHRASE]).done();
    let stopped = program.stop();
    let file = stopped.path().join("memory/owner.passphrase");
    for damage in ["", &text[..40], "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaA\n"] {
        fs::write(&file, damage).unwrap();
        refused(stopped.path(), "mcp-server owner passphrase");
    }
    let program = Program::start_in(stopped, &[("MCP_API_KEY", KEY)]);
    refused(&program.path(""), "mcp-server owner passphrase");
    let stopped = program.stop();
    let file = stopped.path().join("memory/owner.passphrase");
    fs::write(&file, &text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    refused(stopped.path(), "chmod 600");
}

#[test]
fn a_start_warns_where_an_agent_could_say_yes_to_itself_until_a_passphrase_is_set() {
    let words = "could run `mcp-server approve` as you do";
    let stdio = |directory: &Path| say(directory, &["stdio"]).err;
    let program = Program::start(&[("MCP_CONFINEMENT", "off")]);
    program.logged(words);
    assert!(program.stderr().contains("owner passphrase"), "{}", program.stderr());
    let stopped = program.stop();
    assert!(stdio(stopped.path()).contains(words));
    set(stopped.path());
    assert!(!stdio(stopped.path()).contains(words));
    let program = Program::start_in(stopped, &[("MCP_CONFINEMENT", "off")]);
    assert!(program.stderr().contains("NOT confined") && !program.stderr().contains(words), "{}", program.stderr());
}
