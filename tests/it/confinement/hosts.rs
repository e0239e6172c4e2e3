//! Hosts that give less: another user, no namespaces.

use super::{SECRET, process_with};
use crate::{
    program::{BINARY, Program, run},
    server::{KEY, Reply, scratch},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{env::consts::ARCH, path::Path, process::Command};
use tempfile::TempDir;

/// The program itself, started by another: as another user, or where the host refuses namespaces.
pub(crate) struct Started {
    command: Command,
    /// None while it is started again.
    program: Option<Program>,
}

/// What starts it where the host refuses namespaces.
pub(super) const WITHOUT_NAMESPACES: [&str; 7] =
    ["unshare", "-U", "-r", "sh", "-c", "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"", "sh"];

/// What starts it as a user without rights.
pub(super) const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

impl Started {
    /// `prefix` is the command that starts it; none when that cannot be done here.
    fn by(prefix: &[&str], owner: Option<u32>) -> Option<Self> {
        Self::with_settings(prefix, owner, &[])
    }

    /// The same with settings; an empty prefix is none.
    pub(super) fn with_settings(prefix: &[&str], owner: Option<u32>, settings: &[(&str, String)]) -> Option<Self> {
        let directory = scratch();
        std::fs::create_dir(directory.path().join("work")).unwrap();
        std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
        // Where it was built another user may not look.
        let program = directory.path().join("work/mcp-server");
        crate::program::copy_program(BINARY, &program);
        for name in ["", "work", ".env"] {
            std::os::unix::fs::chown(directory.path().join(name), owner, owner).ok()?;
        }
        let program = [program.to_str().unwrap()];
        let words: Vec<&str> = prefix.iter().copied().chain(program).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).envs(settings.iter().map(|(name, value)| (name, value)));
        Self::with(command, directory)
    }

    /// One as this user, with what the command has of its own.
    pub(crate) fn plain(command: Command) -> Option<Self> {
        let directory = scratch();
        std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
        Self::with(command, directory)
    }

    fn program(&self) -> &Program {
        self.program.as_ref().expect("it runs")
    }

    pub(crate) fn url(&self) -> &str {
        &self.program().url
    }

    /// The folder that goes with it.
    pub(crate) fn directory(&self) -> &Path {
        self.program().directory()
    }

    pub(super) fn process(&self) -> u32 {
        self.program().id()
    }

    pub(super) async fn health(&self) -> Value {
        self.program().get("/health").await.ok()
    }

    fn with(mut command: Command, directory: TempDir) -> Option<Self> {
        command.arg("--directory").arg(directory.path());
        command.env("HOME", directory.path()).env_remove("MCP_API_KEY");
        Self::run(command, directory)
    }

    /// Runs a program that knows its folder, on a port that is free.
    pub(crate) fn run(mut command: Command, directory: TempDir) -> Option<Self> {
        // Where the tests are built is no place for what commands build, several at once, under one name.
        command.args(["--port", "0"]).env_remove("CARGO_TARGET_DIR");
        let program = Program::launch(&mut command, directory).ok()?;
        Some(Self { command, program: Some(program) })
    }

    /// Ends it and runs it again.
    pub(super) fn restart(mut self) -> Option<Self> {
        let directory = self.program.take().expect("it runs").stop();
        self.program = Some(Program::launch(&mut self.command, directory).ok()?);
        Some(self)
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Value {
        self.post(&format!("/terminal/{name}"), KEY, arguments).await.ok()
    }

    pub(crate) async fn post(&self, path: &str, key: &str, arguments: Value) -> Reply {
        self.program().post(path, key, &arguments).await
    }
}

/// The program on a host whose kernel has no Landlock and makes no namespaces: a filter plays that kernel.
#[expect(unsafe_code, reason = "a filter is entered between fork and exec")]
fn on_a_bare_host(directory: &TempDir) -> Command {
    use seccompiler::{SeccompAction, SeccompFilter};
    use std::os::unix::process::CommandExt;
    let refuse = |call: libc::c_long, error: i32| {
        let action = SeccompAction::Errno(error.unsigned_abs());
        let filter =
            SeccompFilter::new([(call, vec![])].into(), SeccompAction::Allow, action, ARCH.try_into().unwrap());
        seccompiler::BpfProgram::try_from(filter.unwrap()).unwrap()
    };
    // 444 is landlock_create_ruleset on every architecture (asm-generic/unistd.h).
    let filters = [refuse(444, libc::ENOSYS), refuse(libc::SYS_unshare, libc::EPERM)];
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let mut command = Command::new(BINARY);
    // SAFETY: system calls on programs that were made before the fork.
    unsafe {
        command.pre_exec(move || {
            filters
                .iter()
                .try_for_each(|filter| seccompiler::apply_filter(filter).map_err(|_| std::io::Error::last_os_error()))
        });
    }
    command
}

#[tokio::test]
async fn where_nothing_can_be_enforced_require_refuses_to_start_and_says_why() {
    let directory = scratch();
    let mut command = on_a_bare_host(&directory);
    command.args(["--port", "0", "--directory"]).arg(directory.path()).env("MCP_CONFINEMENT", "require");
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("MCP_CONFINEMENT is require") && said.contains("no Landlock"), "{said}");
}

#[tokio::test]
async fn where_nothing_can_be_enforced_auto_runs_and_says_so() {
    let directory = scratch();
    let command = on_a_bare_host(&directory);
    let server = Started::with(command, directory).expect("it starts");
    let health = server.health().await;
    let info = server.call("info", json!({})).await;
    assert_eq!((&health["confinement"], &info["confinement"]), (&json!("none"), &json!("none")));
    assert!(info["confinement_reason"].as_str().unwrap().contains("no Landlock"), "{info}");
    assert_eq!(server.call("execute", json!({"command": "echo runs"})).await["stdout"], "runs\n");
}

#[tokio::test]
async fn the_memory_of_the_bridge_stays_flat_under_a_command_that_writes_without_end() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let command = Command::new(BINARY);
    let server = Started::with(command, directory).expect("it starts");
    let peak = || server.program().peak_memory();
    // The pages of the program itself count as well.
    let idle = peak();
    let mut peaks = Vec::new();
    for _ in 0..5 {
        let answer = server.call("execute", json!({"command": "yes; yes >&2"})).await;
        assert_eq!(answer["truncated"], true);
        peaks.push(peak());
    }
    // The limit of output (10 MiB) as it is read and as it is sent, and no more with each command.
    assert!(peaks[4] < idle + 70 && peaks[4] <= peaks[1] + 24, "{idle}, then {peaks:?} MiB");
}

impl Drop for Started {
    fn drop(&mut self) {
        self.program.take().map(Program::stop);
    }
}

#[tokio::test]
async fn a_user_without_rights_gets_the_whole_confinement() {
    let Some(server) = Started::by(&AS_NOBODY, Some(65534)) else {
        return eprintln!("not tried: this test is not run by the superuser");
    };
    let info = server.call("info", json!({})).await;
    assert_eq!(info["confinement"], "kernel+namespaces", "{info}");
    let probe = "id -u; cat .env; echo x > memory/x; echo x > made && cat made; ls /proc | grep -c '^[0-9]'";
    std::fs::write(server.directory().join("work/probe"), probe).unwrap();
    let answer = server.call("execute", json!({"command": "sh work/probe"})).await;
    let lines: Vec<&str> = answer["stdout"].as_str().unwrap().lines().collect();
    assert_eq!(&lines[..2], ["65534", "x"], "{answer}");
    assert!(lines[2].parse::<u32>().unwrap() < 10, "it sees its own processes alone: {answer}");
}

#[tokio::test]
async fn where_namespaces_are_refused_the_rules_of_the_kernel_hold() {
    let Some(server) = Started::by(&WITHOUT_NAMESPACES, None) else {
        return eprintln!("not tried: this host lets no user make namespaces");
    };
    let info = server.call("info", json!({})).await;
    assert_eq!(info["confinement"], "kernel", "{info}");
    let probe = "cat .env ~/.ssh/key /etc/shadow /proc/1/environ; echo x > memory/x && echo WROTE
python3 -c 'import socket; socket.socket(socket.AF_UNIX)' && echo SOCKET
mount -t tmpfs t work && echo MOUNTED; unshare -U true && echo ENTERED
echo x > work/made && cat work/made; t=$(mktemp) && echo kept > $t && cat $t; python3 -c 'print(6 * 7)'";
    std::fs::create_dir(server.directory().join(".ssh")).unwrap();
    std::fs::write(server.directory().join(".ssh/key"), SECRET).unwrap();
    std::fs::write(server.directory().join("work/probe"), probe).unwrap();
    let answer = server.call("execute", json!({"command": "sh work/probe"})).await;
    assert_eq!(answer["stdout"], "x\nkept\n42\n", "{answer}");
    let late = json!({"command": "setsid sleep 7021 & sleep 7021", "timeout": 1});
    assert_eq!(server.post("/terminal/execute", KEY, late).await.status, 408);
    assert_eq!(process_with("sleep 7021"), None);
}

#[tokio::test]
async fn a_program_is_found_where_an_earlier_folder_of_the_path_is_denied() {
    let tools = scratch();
    for name in ["denied", "open"] {
        let tool = tools.path().join(name).join("bridge-tool");
        std::fs::create_dir(tool.parent().unwrap()).unwrap();
        std::fs::write(&tool, format!("#!/bin/sh\necho {name}\n")).unwrap();
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let [denied, open] = ["denied", "open"].map(|name| tools.path().join(name).to_str().unwrap().to_owned());
    let path = format!("{denied}:{open}:{}", std::env::var("PATH").unwrap());
    let settings = [("MCP_DENIED_PATHS", denied), ("PATH", path)];
    for prefix in [&WITHOUT_NAMESPACES[..], &["env"]] {
        let Some(server) = Started::with_settings(prefix, None, &settings) else { continue };
        let answer = server.call("execute", json!({"command": "bridge-tool"})).await;
        assert_eq!(answer["stdout"], "open\n", "{prefix:?}: {answer}");
    }
}

#[tokio::test]
async fn commands_go_on_when_what_forks_them_was_killed() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let server = Started::with(Command::new(BINARY), directory).expect("it starts");
    assert_eq!(server.call("execute", json!({"command": "echo runs"})).await["stdout"], "runs\n");
    let first = *children(server.process()).first().expect("one process forks for the server");
    let stage = *children(first).first().expect("and one forks commands");
    let is_gone = async |process: u32| {
        let process = Pid::from_raw(process.cast_signed()).expect("it has a number");
        kill_process(process, Signal::KILL).unwrap();
        assert_eq!(server.call("execute", json!({"command": "echo runs"})).await["stdout"], "runs\n");
    };
    is_gone(stage).await;
    let another = *children(first).first().expect("the first process forked another one");
    is_gone(first).await;
    is_gone(another).await;
    assert_eq!(children(server.process()).len(), 1, "there is another one, and nothing is left of the first");
}

#[tokio::test]
async fn what_is_mounted_is_seen_by_the_next_command_and_what_is_unmounted_is_not_held() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    std::fs::create_dir(directory.path().join("disk")).unwrap();
    let server = Started::with(Command::new(BINARY), directory).expect("it starts");
    let disk = server.directory().join("disk");
    let run = |words: &[&str]| Command::new(words[0]).args(&words[1..]).arg(&disk).status().unwrap();
    let look = async || server.call("execute", json!({"command": "ls disk"})).await["stdout"].clone();
    assert_eq!(look().await, "");
    if !run(&["mount", "-t", "tmpfs", "bridge-test"]).success() {
        return eprintln!("not tried: this test is not run by the superuser");
    }
    std::fs::write(disk.join("file"), "x").unwrap();
    assert_eq!(look().await, "file\n");
    assert!(run(&["umount"]).success());
    let first = children(server.process())[0];
    let holds = |process: &u32| {
        let mounts = std::fs::read_to_string(format!("/proc/{process}/mountinfo")).unwrap_or_default();
        mounts.contains(disk.to_str().unwrap())
    };
    crate::server::until("the file system is let go", || !children(first).iter().any(holds)).await;
    assert_eq!(look().await, "");
}

/// The processes that any thread of a process started (proc_pid_children(5)).
fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let lists = tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    lists.flat_map(|list| list.split(' ').flat_map(str::parse).collect::<Vec<_>>()).collect()
}
