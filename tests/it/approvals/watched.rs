//! The person watches, with keys at a terminal and without.

use super::{asked, begun, question, with};
use crate::{
    agents::passphrase::{PASSPHRASE, alone, set},
    program::{Program, command},
    server::{scratch, until},
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
};

/// The program in a terminal of its own.
struct Watch {
    child: Child,
    terminal: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Watch {
    fn begin(program: &Program) -> Self {
        Self::of(program, &["watch"])
    }

    fn of(program: &Program, words: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let own = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let mut said = command(&program.path(""), &[]);
        said.args(words);
        let child = alone(&said, true).stdin(own()).stdout(own()).stderr(own()).spawn().unwrap();
        let terminal = File::from(terminal);
        let (mut reader, shown) = (terminal.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = shown.clone();
        // It ends with the terminal.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(size @ 1..) = reader.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..size]);
            }
        });
        Self { child, terminal, shown }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    async fn shows(&self, words: &str) {
        until(words, || self.text().contains(words)).await;
    }

    fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Presses a key until these words are shown anew: one that comes too soon is not taken.
    async fn press_until(&mut self, key: &str, words: &str) {
        let before = self.text().len();
        until(words, || {
            let is_shown = self.text()[before..].contains(words);
            if !is_shown {
                self.press(key);
            }
            is_shown
        })
        .await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_answer_the_question_in_front_pause_its_agent_and_leave() {
    let (program, [key]) = with("", &[], ["careful"]);
    let mut watch = Watch::begin(&program);
    watch.shows("Nothing waits.").await;
    let touch = |name: &str| begun(&program, &key, "/terminal/execute", &json!({"command": format!("touch {name}")}));
    let first = touch("one");
    watch.shows("touch one").await;
    watch.shows("[a]pprove").await;
    watch.press_until("a", "approved once").await;
    first.await.unwrap().ok();
    watch.shows("terminal_execute").await;
    let second = touch("two");
    watch.shows("touch two").await;
    watch.press_until("d", "denied").await;
    assert_eq!(second.await.unwrap().status, 403);
    let third = touch("three");
    watch.shows("touch three").await;
    watch.press_until("p", "of-careful is paused").await;
    watch.press_until("a", "approved once").await;
    assert_eq!(third.await.unwrap().status, 423, "a yes does not undo the pause");
    watch.shows("paused").await;
    watch.press("q");
    assert!(watch.child.wait().unwrap().success());
    let modes = rustix::termios::tcgetattr(&watch.terminal).unwrap().local_modes;
    assert!(modes.contains(rustix::termios::LocalModes::ICANON | rustix::termios::LocalModes::ECHO));
    let exist = ["one", "two", "three"].map(|name| program.path(name).exists());
    assert_eq!(exist, [true, false, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_lines_come_as_they_are_until_the_bridge_stops() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let mut watch = command(&program.path(""), &[]);
    let watch = Program::spawn(watch.arg("watch").stdout(Stdio::piped()).stderr(Stdio::piped()), scratch());
    let (id, shown) = (asked(&program, &key, "touch made").await, || watch.stdout());
    until("the question is shown", || shown().contains(&id) && shown().contains("touch made")).await;
    until("the call is shown", || shown().contains("asked")).await;
    question(&program).await;
    crate::agents::say(&program.path(""), &["deny", &id]).done();
    until("the answer is shown", || shown().contains("control_deny") && shown().contains("no longer waits")).await;
    assert!(!shown().contains('\u{1b}'), "{}", shown());
    drop(program);
    until("it says so", || watch.stderr().contains("mcp-server:")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_passphrase_is_asked_for_at_the_terminal_and_never_shown() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let mut owner = Watch::of(&program, &["owner", "passphrase"]);
    for question in ["New passphrase: ", "The same again: "] {
        owner.shows(question).await;
        owner.press(&format!("{PASSPHRASE}\r"));
    }
    owner.shows("The passphrase is set").await;
    assert!(owner.child.wait().unwrap().success());
    let id = asked(&program, &key, "touch made").await;
    let mut approve = Watch::of(&program, &["approve", &id]);
    approve.shows("Passphrase: ").await;
    approve.press("\u{3}");
    approve.shows("nothing was done").await;
    assert!(!approve.child.wait().unwrap().success());
    let mut approve = Watch::of(&program, &["approve", &id]);
    approve.shows("Passphrase: ").await;
    // A backspace takes the last character, and not what a part of it would be.
    approve.press(&format!("{PASSPHRASE}é\u{7f}\r"));
    approve.shows("approved once").await;
    assert!(approve.child.wait().unwrap().success());
    let refused = crate::agents::history(&program, &["--outcome", "refused"]);
    assert!(!refused.contains("control_"), "nothing is tried before it was asked for: {refused}");
    for terminal in [&owner, &approve] {
        assert!(!terminal.text().contains("battery"), "{}", terminal.text());
        let modes = rustix::termios::tcgetattr(&terminal.terminal).unwrap().local_modes;
        let wanted = [rustix::termios::LocalModes::ECHO, rustix::termios::LocalModes::ISIG];
        assert!(wanted.into_iter().all(|mode| modes.contains(mode)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_types_the_passphrase_for_each_yes_and_for_no_no() {
    let (program, [key]) = with("", &[], ["careful"]);
    set(&program.path(""));
    let mut watch = Watch::begin(&program);
    watch.shows("Nothing waits.").await;
    let touch = |name: &str| begun(&program, &key, "/terminal/execute", &json!({"command": format!("touch {name}")}));
    let first = touch("one");
    watch.shows("touch one").await;
    watch.press_until("a", "Passphrase, to approve").await;
    watch.press("\u{1b}");
    watch.shows("Nothing was answered").await;
    watch.press_until("a", "Passphrase, to approve").await;
    watch.press(&format!("{PASSPHRASE}\r"));
    first.await.unwrap().ok();
    let second = touch("two");
    watch.shows("touch two").await;
    watch.press_until("d", "denied").await;
    assert_eq!(second.await.unwrap().status, 403);
    assert!(!watch.text().contains("battery"), "{}", watch.text());
    watch.press("q");
    assert!(watch.child.wait().unwrap().success());
}
