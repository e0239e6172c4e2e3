//! A command with all that it starts is held to the memory that it may take, and programs that only reserve much run.

use super::hosts::{AS_NOBODY, Started, WITHOUT_NAMESPACES};
use serde_json::{Value, json};
use std::process::Command;

/// How much commands may take here, in MiB.
const LIMIT: usize = 200;

/// Hogs say on standard output how many MiB they have taken, ten at a time.
const HOGS: [(&str, &str); 6] = [
    ("its heap", "x = []\nwhile True: x.append(b'x' * (10 << 20)); print(10, flush=True)"),
    (
        "files in memory",
        "f = open('/dev/shm/hog', 'wb')\nwhile True: f.write(b'x' * (10 << 20)); f.flush(); print(10, flush=True)",
    ),
    (
        "a file without a name",
        "import os\nf = os.memfd_create('hog')\nwhile True: os.write(f, b'x' * (10 << 20)); print(10, flush=True)",
    ),
    (
        "files without a name, mapped",
        "import os, mmap\nkept = []
while True:
    f = os.memfd_create('hog'); os.ftruncate(f, 10 << 20); m = mmap.mmap(f, 10 << 20); os.close(f)
    m.write(b'x' * (10 << 20)); kept.append(m); print(10, flush=True)",
    ),
    (
        "what processes share",
        "import mmap\nx = []
while True: m = mmap.mmap(-1, 10 << 20); m.write(b'x' * (10 << 20)); x.append(m); print(10, flush=True)",
    ),
    (
        "many processes that each stay below it",
        "import os, time
for n in range(40):
    if os.fork() == 0:
        x = b'x' * (60 << 20); os.write(1, b'60\\n'); time.sleep(100); os._exit(0)
    time.sleep(0.05)
time.sleep(100)",
    ),
];

/// Bridges as the superuser and as a user without rights, and what bounds memory for them.
fn bridges() -> Vec<(&'static str, Started)> {
    let all: [(&str, &[&str], Option<u32>); 3] =
        [("root", &[], None), ("nobody", &AS_NOBODY, Some(65534)), ("kernel", &WITHOUT_NAMESPACES, None)];
    let settings = [("MAX_COMMAND_MEMORY_MIB", LIMIT.to_string())];
    all.into_iter()
        .filter_map(|(name, prefix, owner)| Some((name, Started::with_settings(prefix, owner, &settings)?)))
        .collect()
}

/// Whether this machine has control groups of memory that the superuser may make.
fn has_groups() -> bool {
    std::path::Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists()
        || std::fs::read_to_string("/sys/fs/cgroup/cgroup.subtree_control").is_ok_and(|all| all.contains("memory"))
}

#[tokio::test]
async fn a_command_that_takes_more_memory_than_it_may_is_ended_and_told_so() {
    for (name, server) in bridges() {
        for (what, hog) in HOGS {
            // Where there is no view, the machine's own files in memory are the commands', too.
            if name == "kernel" && what == "files in memory" {
                continue;
            }
            std::fs::write(server.directory().join("work/hog.py"), hog).unwrap();
            let command = json!({"command": "python3 work/hog.py", "timeout": 25});
            let answer = server.call("execute", command).await;
            let said = answer["stdout"].as_str().unwrap().split_ascii_whitespace();
            let took: usize = said.map(|mib| mib.parse::<usize>().unwrap()).sum();
            assert!(took <= 3 * LIMIT, "{name}: {what} took {took} MiB: {answer}");
            let says =
                answer["stderr"].as_str().unwrap().contains("200 MiB with all its processes (MAX_COMMAND_MEMORY");
            let full = answer["stderr"].as_str().unwrap().contains("No space left on device");
            assert!(answer["success"] == false && (says || full), "{name}: {what}: {answer}");
            assert_eq!(answer["memory_exceeded"] == true, says, "{name}: {what}: {answer}");
        }
        let after = server.call("execute", json!({"command": "echo runs"})).await;
        assert_eq!((&after["stdout"], &after["memory_exceeded"]), (&json!("runs\n"), &Value::Null), "{name}");
    }
}

#[tokio::test]
async fn a_process_in_the_background_that_was_ended_for_its_memory_says_so() {
    for (name, server) in bridges() {
        std::fs::write(server.directory().join("work/hog.py"), HOGS[0].1).unwrap();
        let started = server.call("start", json!({"command": "python3 work/hog.py"})).await;
        let mut polled = json!({"status": "running", "cursor": 0});
        while polled["status"] == "running" {
            let poll = json!({"id": started["id"], "cursor": polled["cursor"], "timeout": 30});
            polled = server.call("poll", poll).await;
        }
        assert_eq!(polled["memory_exceeded"], true, "{name}: {polled}");
    }
}

#[tokio::test]
async fn info_and_health_say_who_bounds_memory() {
    for (name, server) in bridges() {
        let info = server.call("info", json!({})).await;
        let expected = if name == "root" && has_groups() { "cgroup" } else { "watched" };
        if name != "kernel" {
            assert_eq!(info["memory_bound"], expected, "{name}: {info}");
        }
        assert_eq!(server.health().await["memory_bound"], info["memory_bound"]);
    }
}

#[tokio::test]
async fn what_processes_share_counts_once() {
    let shares = "import os, mmap, time
x = b'x' * (60 << 20); m = mmap.mmap(-1, 60 << 20)
for n in range(60): m.write(b'x' * (1 << 20))
children = []
for n in range(8):
    child = os.fork()
    if child == 0:
        assert sum(m[n << 20] for n in range(60)) and x.count(b'y') == 0
        time.sleep(2); os._exit(0)
    children.append(child)
for child in children: assert os.waitpid(child, 0)[1] == 0
print('all lived')";
    for (name, server) in bridges() {
        std::fs::write(server.directory().join("work/shares.py"), shares).unwrap();
        let answer = server.call("execute", json!({"command": "python3 work/shares.py", "timeout": 25})).await;
        assert_eq!(answer["stdout"], "all lived\n", "{name}: {answer}");
    }
}

#[tokio::test]
async fn sanitizers_and_machines_that_reserve_much_run() {
    let required = std::env::var("BRIDGE_TEST_PROGRAMS").is_ok_and(|value| value == "required");
    let source = "#include <pthread.h>\n#include <stdio.h>
static void *work(void *x) { return x; }
int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_join(t, 0); puts(\"works\"); }";
    for (name, server) in bridges() {
        std::fs::write(server.directory().join("work/m.c"), source).unwrap();
        for (program, command) in [
            ("gcc", "gcc -pthread -fsanitize=address work/m.c -o work/a && work/a"),
            ("gcc", "gcc -pthread -fsanitize=thread work/m.c -o work/t && work/t"),
            ("valgrind", "gcc -pthread work/m.c -o work/v && valgrind -q work/v"),
            ("node", "node -e 'console.log(\"works\")'"),
            ("java", "java -Xshare:off -version 2> /dev/null && echo works"),
        ] {
            let is_there = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
            if !is_there.status.success() {
                assert!(!required, "{program} must be there");
                eprintln!("not tried: there is no {program} here");
                continue;
            }
            let answer = server.call("execute", json!({"command": command, "timeout": 30})).await;
            assert_eq!(answer["stdout"], "works\n", "{name}: {command}: {answer}");
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_the_groups_of_a_bridge_that_ended() {
    let groups = || {
        let found = walkdir::WalkDir::new("/sys/fs/cgroup").into_iter().flatten();
        let names = found.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("bridge-commands-")).collect::<Vec<_>>()
    };
    let server = Started::with_settings(&[], None, &[]).expect("it starts");
    let process = server.process();
    server.call("execute", json!({"command": "echo runs"})).await;
    drop(server);
    let prefix = format!("bridge-commands-{process}-");
    assert!(!groups().iter().any(|name| name.starts_with(&prefix)), "{:?}", groups());
}
