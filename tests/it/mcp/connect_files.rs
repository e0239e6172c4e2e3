//! The files of clients as they may be: changed by others meanwhile, links, no files at all.

use crate::{
    agents::say,
    program::{self, command},
    server::{KEY, scratch},
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// `connect cursor --write` in a directory, for the user of this home.
fn connect(directory: &Path, home: &Path) -> Command {
    let mut command = command(directory, &[]);
    command.args(["connect", "cursor", "--write"]).env("HOME", home).env_remove("MCP_PORT");
    command
}

/// The folder of a bridge that does not run.
fn bridge() -> TempDir {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    directory
}

fn file(home: &Path) -> PathBuf {
    fs::create_dir_all(home.join(".cursor")).unwrap();
    home.join(".cursor/mcp.json")
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn key_in(file: &Path) -> String {
    let text: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let key = text["mcpServers"]["skynet-bridge"]["headers"]["Authorization"].as_str().unwrap();
    key.trim_start_matches("Bearer ").to_owned()
}

#[test]
fn what_is_no_file_is_left_alone_and_no_agent_is_made_for_it() {
    let (directory, home) = (bridge(), scratch());
    let path = file(home.path());
    for (name, said) in [("pipe", "is no file"), ("folder", "is no file"), ("nowhere", "leads nowhere")] {
        let target = home.path().join(name);
        match name {
            "pipe" => assert!(Command::new("mkfifo").arg(&target).status().unwrap().success()),
            "folder" => fs::create_dir(&target).unwrap(),
            _ => {}
        }
        symlink(&target, &path).unwrap();
        let why = refused(&program::run(connect(directory.path(), home.path())));
        assert!(why.contains(said), "{name}: {why}");
        assert_eq!(fs::read_link(&path).unwrap(), target, "{name}");
        fs::remove_file(&path).unwrap();
    }
    assert!(!say(directory.path(), &["agent", "list"]).done().contains("cursor"));
}

#[test]
fn what_another_program_adds_meanwhile_is_kept() {
    let (directory, home) = (bridge(), scratch());
    let path = file(home.path());
    fs::write(&path, "{}").unwrap();
    let add = "import json, os, sys, tempfile
path = sys.argv[1]
for number in range(200):
    with open(path) as f: text = f.read()
    data = json.loads(text)
    data.setdefault('mcpServers', {})[f'mine-{number}'] = {'command': 'x'}
    with open(path + '.mine', 'w') as f: json.dump(data, f)
    with open(path) as f: same = f.read() == text
    if same: os.rename(path + '.mine', path)
    else: print('again')
print('added')
";
    let mut adding = Command::new("python3").args(["-c", add]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut done = 0;
    while adding.try_wait().unwrap().is_none() || done == 0 {
        let output = program::run(connect(directory.path(), home.path()));
        assert!(output.status.success(), "{output:?}");
        done += 1;
    }
    let said = adding.wait_with_output().unwrap();
    let again = String::from_utf8_lossy(&said.stdout).matches("again").count();
    let after: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let servers = after["mcpServers"].as_object().unwrap();
    let mine = servers.keys().filter(|name| name.starts_with("mine-")).count();
    // Between the last look and the rename there is a moment that no system closes: of 200 hardly one falls into it.
    assert!(servers.contains_key("skynet-bridge") && mine + again >= 198, "{mine} of 200, {again} not tried");
}

#[test]
fn several_at_once_leave_a_key_that_opens() {
    let (directory, home) = (bridge(), scratch());
    let path = file(home.path());
    for _ in 0..3 {
        // As one that somebody pasted: each of them would replace it.
        fs::write(&path, json!({"mcpServers": {"skynet-bridge": {"url": "http://x"}}}).to_string()).unwrap();
        let started = || connect(directory.path(), home.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running: Vec<Child> = (0..4).map(|_| started().unwrap()).collect();
        for mut one in running {
            assert!(one.wait().unwrap().success());
        }
        let again = program::run(connect(directory.path(), home.path()));
        let said = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(said.contains("nothing was changed"), "the key in {} is dead: {said}", key_in(&path));
    }
    assert_eq!(say(directory.path(), &["agent", "list"]).done().matches("cursor").count(), 1);
}

#[test]
fn a_file_that_cannot_be_written_costs_no_key() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("not tried: only the superuser makes a file system of their own");
    }
    let (directory, home) = (bridge(), scratch());
    let folder = home.path().join(".cursor");
    fs::create_dir(&folder).unwrap();
    assert!(program::run(connect(directory.path(), home.path())).status.success());
    let (path, other) = (folder.join("mcp.json"), scratch());
    let agents = || fs::read(directory.path().join("memory/agents.json")).unwrap();
    let before = (fs::read(&path).unwrap(), agents());
    // Another machine's home, on a disk that is full.
    let full = other.path().join(".cursor");
    fs::create_dir(&full).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"]).arg(&full).status().unwrap();
    assert!(mounted.success());
    fs::write(full.join("filler"), vec![b'x'; 4096]).unwrap();
    let why = refused(&program::run(connect(directory.path(), other.path())));
    let unmounted = Command::new("umount").arg(&full).status().unwrap();
    assert!(unmounted.success() && why.contains("cannot be written"), "{why}");
    assert_eq!(
        before,
        (fs::read(&path).unwrap(), agents()),
        "{}",
        String::from_utf8_lossy(full.as_os_str().as_bytes())
    );
}
