//! Hostile programs, really run: what they try fails under confinement, and works without it, so that each test can fail.
#![cfg(target_os = "linux")]

mod barriers;
mod calls;
mod harmless;
mod harmless_lines;
mod hosts;
mod keys;
mod later;
mod life;
mod linked;
mod memory;
mod own_settings;
mod person;
mod processes;
mod renames;
mod set_id;
mod shared_memory;
mod socket_kinds;
mod sockets;
pub(crate) mod worlds;
mod writable;

pub(crate) use hosts::Started;

use crate::server::{Server, scratch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    io::Write,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::{SocketAddr, UnixListener},
        },
    },
    path::PathBuf,
};
use tempfile::TempDir;

/// What no confined program may learn.
const SECRET: &str = "the-secret-of-the-outside";

/// A workspace for the server, and what lies outside it.
struct Scene {
    workspace: TempDir,
    outside: TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { workspace: scratch(), outside: scratch() };
        std::fs::write(scene.out("secret"), SECRET).unwrap();
        scene
    }

    fn out(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }

    fn work(&self, name: &str) -> PathBuf {
        self.workspace.path().join(name)
    }

    async fn server(&self, confinement: &str) -> Server {
        let root = self.workspace.path().to_str().unwrap();
        let settings = [("MCP_CONFINEMENT", confinement), ("MCP_ALLOWED_DIRS", root)];
        Server::at_directory(self.workspace.path(), &settings).await
    }

    /// Runs a program that lies in a script, where the guard does not look: this is about the boundary.
    async fn run(&self, confinement: &str, script: &str) -> Value {
        let server = self.server(confinement).await;
        std::fs::write(self.work("attack"), script).unwrap();
        let env = json!({
            "OUT": self.outside.path(), "WORK": self.workspace.path(), "SERVER": std::process::id().to_string(),
        });
        let reply = server.post("/terminal/execute", json!({"command": "sh ./attack", "env": env})).await;
        server.stop().await;
        reply.ok()
    }

    /// The same attack fails when confined and gets through when not; `got_through` looks at what it did.
    async fn attack(script: &str, got_through: impl Fn(&Scene, &str) -> bool) {
        for (confinement, expected) in [("require", false), ("off", true)] {
            let scene = Self::new();
            let answer = scene.run(confinement, script).await;
            let output = answer["stdout"].as_str().unwrap();
            assert_eq!(got_through(&scene, output), expected, "confinement {confinement}: {script}\n{answer}");
        }
    }

    /// An attack that prints the secret.
    async fn spy(script: &str) {
        Self::attack(script, |_, output| output.contains(SECRET)).await;
    }
}

#[tokio::test]
async fn a_secret_outside_cannot_be_read_by_its_path() {
    Scene::spy("cat $OUT/secret").await;
    Scene::spy("cat $WORK/../${OUT##*/}/secret").await;
}

#[tokio::test]
async fn a_secret_outside_cannot_be_read_through_a_link() {
    Scene::spy("ln -s $OUT/secret link; ln -s $OUT folder; cat link folder/secret").await;
    Scene::spy("ln $OUT/secret hard && cat hard").await;
}

#[tokio::test]
async fn a_secret_outside_cannot_be_read_through_the_files_of_a_process() {
    Scene::spy("cat /proc/$SERVER/root$OUT/secret /proc/1/root$OUT/secret").await;
    Scene::spy("cd /proc/$SERVER/cwd && cat /proc/$SERVER/cwd/../../../../../..$OUT/secret").await;
}

#[tokio::test]
async fn a_secret_cannot_be_read_through_a_descriptor_that_the_server_left_open() {
    let script = "for n in 3 4 5 6 7 8 9 $(seq 10 200); do cat /proc/self/fd/$n; done 2>/dev/null | head -c 100000";
    let scene = Scene::new();
    let file = std::fs::File::open(scene.out("secret")).unwrap();
    let _inherited = rustix::io::dup(&file).unwrap();
    let plain = std::process::Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(String::from_utf8_lossy(&plain.stdout).contains(SECRET), "a program that is just started inherits it");
    for confinement in ["require", "off"] {
        let answer = scene.run(confinement, script).await;
        assert!(!answer["stdout"].as_str().unwrap().contains(SECRET), "{confinement}");
    }
}

/// Answers every connection with the secret until it is dropped.
fn tell(listener: UnixListener) {
    std::thread::spawn(move || {
        while let Ok((mut peer, _)) = listener.accept() {
            let _ = peer.write_all(SECRET.as_bytes());
        }
    });
}

const ASK: &str = "import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(2)
s.connect(eval(sys.argv[1]))
print(s.recv(100).decode())
";

#[tokio::test]
async fn a_socket_outside_cannot_be_asked() {
    for (confinement, expected) in [("require", false), ("off", true)] {
        let scene = Scene::new();
        tell(UnixListener::bind(scene.out("socket")).unwrap());
        let name = format!("bridge-test-{}-{confinement}", std::process::id());
        tell(UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap());
        std::fs::write(scene.work("ask.py"), ASK).unwrap();
        for address in ["os.environ['OUT'] + '/socket'".to_owned(), format!("chr(0) + '{name}'")] {
            let answer = scene.run(confinement, &format!("python3 ask.py \"{address}\"")).await;
            let got = answer["stdout"].as_str().unwrap().contains(SECRET);
            assert_eq!(got, expected, "{confinement} {address}: {answer}");
        }
    }
}

#[tokio::test]
async fn nothing_outside_can_be_written_removed_or_renamed() {
    Scene::attack("echo x > $OUT/written", |scene, _| scene.out("written").exists()).await;
    Scene::attack("echo x >> $OUT/secret", |scene, _| std::fs::read_to_string(scene.out("secret")).unwrap() != SECRET)
        .await;
    Scene::attack("mv $OUT/secret $OUT/moved", |scene, _| scene.out("moved").exists()).await;
    Scene::attack("mv $OUT/secret stolen", |scene, _| !scene.out("secret").exists()).await;
    Scene::attack("rm $OUT/secret", |scene, _| !scene.out("secret").exists()).await;
    Scene::attack("mkdir $OUT/made; ln -s x $OUT/linked", |scene, _| scene.out("made").exists()).await;
}

#[tokio::test]
async fn rights_and_times_outside_cannot_be_changed() {
    let mode = |scene: &Scene| scene.out("secret").metadata().unwrap().permissions().mode() & 0o777;
    Scene::attack("chmod 601 $OUT/secret", move |scene, _| mode(scene) == 0o601).await;
    let time = |scene: &Scene| scene.out("secret").metadata().unwrap().mtime();
    Scene::attack("touch -d 2001-01-01 $OUT/secret", move |scene, _| time(scene) < 1_000_000_000).await;
}

#[tokio::test]
async fn the_server_cannot_be_signalled_nor_looked_into() {
    let said = |word: &'static str| move |_: &Scene, output: &str| output.contains(word);
    Scene::attack("kill -0 $SERVER && echo SIGNALLED", said("SIGNALLED")).await;
    let trace = "python3 -c 'import ctypes, os; c = ctypes.CDLL(None); pid = int(os.environ[\"SERVER\"])
print(\"TRACED\" if c.ptrace(0x4206, pid, None, None) == 0 else \"refused\")'";
    Scene::attack(trace, said("TRACED")).await;
    Scene::attack("exec 3< /proc/$SERVER/mem && echo OPENED", said("OPENED")).await;
    Scene::attack("tr '\\0' '\\n' < /proc/$SERVER/environ | grep -q . && echo SEEN", said("SEEN")).await;
}

#[tokio::test]
async fn no_daemon_is_left_behind() {
    let script = "(setsid sh -c 'echo $$ > pid; exec sleep 20' </dev/null >/dev/null 2>&1 &)
while ! [ -s pid ]; do :; done";
    for (confinement, expected) in [("require", false), ("off", true)] {
        let scene = Scene::new();
        // A number that no other process of this machine has in its command line.
        let mark = format!("sleep 20.{}{}", std::process::id(), u8::from(expected));
        scene.run(confinement, &script.replace("sleep 20", &mark)).await;
        let daemon = process_with(&mark);
        assert_eq!(daemon.is_some(), expected, "{confinement}");
        if let Some(daemon) = daemon {
            let daemon = Pid::from_raw(daemon).expect("it has a number");
            kill_process(daemon, Signal::KILL).unwrap();
        }
    }
}

/// The process with `mark` in its command line.
fn process_with(mark: &str) -> Option<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ").trim() == mark
        })
        .find_map(|process| process.file_name().to_str()?.parse().ok())
}

#[tokio::test]
async fn what_looks_after_a_command_can_be_neither_looked_into_nor_ended_by_it() {
    let look = "import ctypes, os, signal
for name in ['environ', 'mem', 'maps', 'fd/3', 'root', 'cwd']:
    try: print(os.open('/proc/1/' + name, os.O_RDONLY), 'OPENED', name)
    except OSError: pass
print('TRACED' if ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 else '')
for number in [signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL]:
    try: os.kill(1, number)
    except OSError: pass
print('still here')";
    let scene = Scene::new();
    std::fs::write(scene.work("look.py"), look).unwrap();
    let answer = scene.run("require", "python3 look.py; kill -0 1; echo $?; cat /proc/1/comm").await;
    assert_eq!(answer["exit_code"], 0, "{answer}");
    assert_eq!(answer["stdout"].as_str().unwrap().trim_start(), "still here\n1\nbridge-command\n", "{answer}");
}

#[tokio::test]
async fn devices_are_out_of_reach() {
    let disk = "while read -r major minor size name; do
if [ -b /dev/$name ] && head -c 1 /dev/$name > /dev/null; then echo READ; fi
if [ \"$size\" -gt 0 ] 2> /dev/null && mknod device b $major $minor && head -c 1 device > /dev/null; then echo READ; fi
rm -f device
done < /proc/partitions";
    if reads_disks() {
        Scene::attack(disk, |_, output| output.contains("READ")).await;
    }
}

/// Whether this test itself may read a disk of the machine.
fn reads_disks() -> bool {
    let table = std::fs::read_to_string("/proc/partitions").unwrap_or_default();
    let names = table.lines().filter_map(|line| line.split_ascii_whitespace().nth(3));
    names.map(|name| format!("/dev/{name}")).any(|path| std::fs::File::open(path).is_ok())
}

#[tokio::test]
async fn a_program_cannot_take_its_confinement_off() {
    let scene = Scene::new();
    std::fs::write(scene.work(".env"), SECRET).unwrap();
    let script = "umount .env; umount -l .env; umount -l /etc; mount -t proc proc /proc; mount --bind / /mnt
unshare -Urm umount .env; unshare -m umount .env; chroot / cat .env; nsenter -t 1 -m cat $OUT/secret
rm -f .env; mv .env other; cat .env other; chmod 777 .env && cat .env; mount -o remount,rw /proc/sys
echo 1 > /proc/sys/vm/drop_caches && echo WRITTEN; echo h > /proc/sysrq-trigger && echo WRITTEN; true";
    let answer = scene.run("require", script).await;
    let output = answer["stdout"].as_str().unwrap();
    assert!(!output.contains(SECRET) && !output.contains("WRITTEN"), "{answer}");
    assert_eq!(std::fs::read_to_string(scene.work(".env")).unwrap(), SECRET);
}

#[tokio::test]
async fn what_the_file_routes_deny_inside_the_workspace_is_denied_to_commands() {
    let directory = scratch();
    let settings = [("MCP_DENIED_PATHS", "private,hidden.txt")];
    let server = Server::at_directory(directory.path(), &settings).await;
    let files = [(".env", SECRET), ("private/key", SECRET), ("hidden.txt", SECRET), ("open.txt", "open")];
    let server = files.iter().fold(server, |server, (name, content)| server.with_file(name, content));
    for name in [".env", "private/key", "hidden.txt", "open.txt"] {
        let by_file = server.post("/filesystem/read", json!({"path": server.at(name)})).await;
        let by_command = server.call("terminal_execute", json!({"command": format!("cat {}", server.at(name))})).await;
        assert_eq!(by_command["success"] == true, by_file.status == 200, "{name}: {by_command}");
        assert!(!by_command["stdout"].as_str().unwrap().contains(SECRET), "{name}");
    }
    for place in ["memory/new", "memory/history/new", ".env", "private/new", "hidden.txt"] {
        // In a script, where the guard does not look.
        std::fs::write(server.path("script"), format!("echo x > {place}")).unwrap();
        let answer = server.call("terminal_execute", json!({"command": "sh ./script"})).await;
        assert_eq!(answer["success"], false, "{place}");
    }
    let own =
        server.call("terminal_execute", json!({"command": "echo x > new && mkdir f && mv new f/ && cat f/new"})).await;
    assert_eq!(own["stdout"], "x\n", "{own}");
}

/// Asks the bridge's own socket, which needs no key, for its tools.
const KNOCK: &str = "import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect('memory/.socket')
hello = {'protocolVersion': '2025-11-25', 'capabilities': {}, 'clientInfo': {'name': 'x', 'version': '1'}}
s.sendall((json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'initialize', 'params': hello}) + chr(10)).encode())
print('LET IN' if b'serverInfo' in s.recv(100000) else 'nothing')
";

#[tokio::test]
async fn the_private_socket_and_the_memory_folder_cannot_be_used_by_commands() {
    for (confinement, expected) in [("require", false), ("off", true)] {
        let directory = scratch();
        let server = Server::at_directory(directory.path(), &[("MCP_CONFINEMENT", confinement)]).await;
        let listener =
            skynet_bridge::server::stdio::IpcListener::open(server.bridge.clone(), None).expect("it listens");
        let server = server.with_file("knock.py", KNOCK).with_file("memory/index_memory.json", "[]");
        let attacks = "python3 knock.py 2>&1; mv memory/.socket memory/moved && echo MOVED
echo x > memory/.socket-new && echo MADE; echo '[]' > memory/index_memory.json && echo WROTE
rm memory/.lock && echo REMOVED; chmod 777 memory && echo OPENED; ls memory/undo/* && echo SEEN; mv memory away && echo AWAY";
        let server = server.with_file("attack", attacks).with_file("memory/undo/1/secret", SECRET);
        let answer = server.call("terminal_execute", json!({"command": "sh ./attack"})).await;
        let output = answer["stdout"].as_str().unwrap();
        for word in ["LET IN", "MOVED", "MADE", "WROTE", "REMOVED", "OPENED", "SEEN", "AWAY"] {
            assert_eq!(output.lines().any(|line| line == word), expected, "{confinement} {word}: {answer}");
        }
        listener.close().await;
    }
}

#[tokio::test]
async fn the_systems_secrets_are_denied_and_its_harmless_part_is_there() {
    let server = Server::start().await;
    let run = async |command: &str| server.call("terminal_execute", json!({"command": command})).await;
    for secret in ["/etc/shadow", "/etc/sudoers", "/run/docker.sock", "/sys/kernel", "/dev/mem"] {
        let answer = run(&format!("head -c 10 {secret} || ls {secret}")).await;
        assert_eq!((&answer["success"], &answer["stdout"]), (&json!(false), &json!("")), "{secret}");
    }
    for harmless in ["/etc/passwd", "/etc/hosts", "/proc/cpuinfo", "/proc/meminfo", "/proc/self/status"] {
        assert_eq!(run(&format!("head -c 10 {harmless} > /dev/null")).await["success"], true, "{harmless}");
    }
    let devices =
        run("echo x > /dev/null && head -c 4 /dev/urandom | wc -c && ls /dev/fd/ > /dev/null && true > /dev/shm/x");
    assert_eq!(devices.await["success"], true);
}

#[tokio::test]
async fn a_folder_outside_is_refused_as_cwd() {
    let scene = Scene::new();
    let server = scene.server("auto").await;
    let outside = json!({"command": "pwd", "cwd": scene.outside.path()});
    assert_eq!(server.post("/terminal/execute", outside).await.status, 403);
    for denied in ["/etc", "/root", "/proc/1"] {
        assert_eq!(server.post("/terminal/execute", json!({"command": "pwd", "cwd": denied})).await.status, 403);
    }
}

#[tokio::test]
async fn the_level_is_said_in_info_and_health_and_off_is_none() {
    for (setting, expected) in [("auto", "kernel+namespaces"), ("require", "kernel+namespaces"), ("off", "none")] {
        let server = Server::with_settings(&[("MCP_CONFINEMENT", setting)]).await;
        let (info, health) = (server.call("terminal_info", json!({})).await, server.get("/health").await.ok());
        assert_eq!((&info["confinement"], &health["confinement"]), (&json!(expected), &json!(expected)), "{info}");
        assert!(!info["confinement_reason"].as_str().unwrap().is_empty());
    }
}
