//! The person is told on the desktop that something waits.

use super::{asked, with};
use crate::{
    processes::has,
    server::{scratch, until},
};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

/// A program that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A session's bus, and what is sent over it.
struct Bus {
    address: String,
    heard: Arc<Mutex<String>>,
    _programs: [Ends; 2],
}

impl Bus {
    fn start(directory: &std::path::Path) -> Self {
        let address = format!("unix:path={}", directory.join("bus").display());
        let mut daemon = Command::new("dbus-daemon");
        daemon.args(["--session", "--nofork", "--print-address=1", &format!("--address={address}")]);
        let mut daemon = Ends(daemon.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut monitor = Command::new("dbus-monitor");
        monitor.args(["--address", &address, "interface='org.freedesktop.Notifications'"]);
        let mut monitor = Ends(monitor.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let (mut output, heard) = (monitor.0.stdout.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let kept = heard.clone();
        // It ends with the monitor.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(size @ 1..) = output.read(&mut buffer) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..size]));
            }
        });
        Self { address, heard, _programs: [daemon, monitor] }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_desktop_is_told_who_waits_and_how_to_answer_and_not_what_for() {
    if !has("dbus-daemon") || !has("dbus-monitor") {
        return eprintln!("not tried: there is no dbus-daemon here");
    }
    let directory = scratch();
    let bus = Bus::start(directory.path());
    until("the monitor listens", || bus.heard().contains("NameAcquired") || bus.heard().contains("NameLost")).await;
    let settings = |notifications| {
        let own = [("MCP_APPROVAL_WAIT", "0"), ("DBUS_SESSION_BUS_ADDRESS", bus.address.as_str())];
        [own[0], own[1], ("MCP_NOTIFICATIONS", notifications)]
    };
    let (quiet, [its_key]) = with("", &settings("off"), ["careful"]);
    asked(&quiet, &its_key, "touch first.txt").await;
    let (program, [key]) = with("", &settings("on"), ["careful"]);
    let id = asked(&program, &key, "touch secret.txt").await;
    until("the desktop is told", || bus.heard().contains(&format!("mcp-server approve {id}"))).await;
    let told = bus.heard();
    for said in ["member=Notify", "An agent waits for you", "of-careful waits to use terminal_execute"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(!told.contains("secret.txt") && told.matches("member=Notify").count() == 1, "{told}");
}
