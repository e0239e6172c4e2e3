//! Programs that mean harm, really run: each is contained, answered in time, and leaves nothing.

use super::Tag;
use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long one that comes to its end may run, in seconds.
const LIMIT: u64 = 8;

/// How long one may run that never ends, in seconds.
const ENDLESS: u64 = 2;

struct Den {
    server: Server,
    tag: Tag,
}

impl Den {
    async fn open(name: &str) -> Option<Self> {
        let tag = Tag::new(name)?;
        let settings = [("SANDBOX_IMAGE", tag.name.as_str()), ("SANDBOX_POOL_SIZE", "0")];
        let server = super::with_engine(&settings).await?;
        Some(Self { server, tag })
    }

    /// Runs it; it must be answered within its time and a second, and its container must go.
    async fn run(&self, program: Value) -> Reply {
        self.run_for(LIMIT, program).await
    }

    async fn run_for(&self, seconds: u64, mut program: Value) -> Reply {
        program["timeout"] = json!(seconds);
        let began = Instant::now();
        let reply = self.server.post("/sandbox/run", program.clone()).await;
        assert!(began.elapsed() < Duration::from_secs(seconds + 1), "{program} took {:?}", began.elapsed());
        assert!([200, 408].contains(&reply.status), "{program}: {}", reply.text);
        self.tag.reaches(0).await;
        reply
    }

    /// Runs a command that must come to its end; gives everything that it said.
    async fn said(&self, command: &str) -> String {
        let answer = self.run(json!({"command": command})).await.ok();
        format!("{}{}", answer["stdout"].as_str().unwrap(), answer["stderr"].as_str().unwrap())
    }

    /// Another program runs as ever.
    async fn close(self) {
        assert_eq!(self.said("echo well").await, "well\n");
        self.server.stop().await;
    }
}

#[tokio::test]
async fn a_fork_bomb_stays_in_its_container() {
    let Some(den) = Den::open("fork").await else { return };
    den.run_for(ENDLESS, json!({"command": ":(){ :|:& };: ; sleep 1; echo over"})).await;
    den.run_for(ENDLESS, json!({"code": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"})).await;
    let threads =
        "import threading, time\nfor n in range(1000): threading.Thread(target=time.sleep, args=(60,)).start()";
    let reply = den.run_for(ENDLESS, json!({"code": threads})).await;
    assert!(reply.status == 408 || reply.text.contains("can't start new thread"), "{}", reply.text);
    den.close().await;
}

#[tokio::test]
async fn memory_and_disks_have_an_end() {
    let Some(den) = Den::open("room").await else { return };
    let hog = den.run(json!({"code": "b = []\nwhile True: b.append(bytearray(10_000_000))"})).await.ok();
    assert_eq!((&hog["oom_killed"], &hog["exit_code"]), (&json!(true), &json!(-9)));
    for (place, words) in
        [("/x", "Read-only"), ("/home/sandbox/workspace/x", "No space left"), ("/tmp/x", "No space left")]
    {
        let said = den.said(&format!("dd if=/dev/zero of={place} bs=1M; true")).await;
        assert!(said.contains(words), "{place}: {said}");
    }
    let many =
        "n = 0\ntry:\n  while n < 400_000:\n    open(f'f{n}', 'w').close()\n    n += 1\nexcept OSError as e: print(e)";
    den.run(json!({"code": many, "outputs": ["f1"]})).await;
    let sparse = "truncate -s 100T huge; truncate -s 120M large; echo x >small; exit 0";
    let kept = den.run(json!({"command": sparse, "outputs": ["**"]})).await.ok()["outputs"].clone();
    let [huge, large, small] = [0, 1, 2].map(|place| &kept[place]);
    assert_eq!((&huge["path"], &huge["size"]), (&json!("huge"), &json!(0)), "no file is larger than the workspace");
    assert!(large["skipped"].is_string() && large["content"].is_null(), "{large}");
    assert_eq!(small["content"], "x\n");
    den.close().await;
}

#[tokio::test]
async fn there_is_no_network() {
    let Some(den) = Den::open("network").await else { return };
    let connect = "import socket\nfor a in [('1.1.1.1', 53), ('172.17.0.1', 22), ('169.254.169.254', 80), ('::1', 80)]:\n  \
        try: socket.create_connection(a, 2); print('REACHED', a)\n  except OSError as e: print(e)\n\
        try: print('RESOLVED', socket.gethostbyname('example.com'))\nexcept OSError as e: print(e)\n\
        print(sorted(n for _, n in socket.if_nameindex()))\n\
        for f, t in [(socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW), (40, 1), (38, 5)]:\n  \
        try: socket.socket(f, t); print('OPENED', f)\n  except OSError as e: print(e)";
    let said = den.run(json!({"code": connect})).await.ok();
    let said = said["stdout"].as_str().unwrap();
    for word in ["REACHED", "RESOLVED", "OPENED", "eth"] {
        assert!(!said.contains(word), "{said}");
    }
    den.close().await;
}

#[tokio::test]
async fn the_kernel_takes_no_orders() {
    let Some(den) = Den::open("kernel").await else { return };
    let calls = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n\
        def call(name, *a):\n  r = libc.syscall(*a); print(name, r if r >= 0 else 'refused', os.strerror(ctypes.get_errno()))\n\
        call('ptrace', 101, 0, 0, 0, 0)\ncall('io_uring', 425, 8, ctypes.create_string_buffer(120))\n\
        call('mount', 165, b't', b'/tmp', b'tmpfs', 0, 0)\ncall('unshare', 272, 0x10000000)\ncall('setns', 308, 0, 0)\n\
        call('bpf', 321, 0, 0, 0)\ncall('perf', 298, 0, 0, 0, 0, 0)\ncall('keyctl', 250, 0, 0)\ncall('userfaultfd', 323, 0)\n\
        call('init_module', 175, 0, 0, b'')\ncall('kexec', 246, 0, 0, 0, 0)\ncall('pivot_root', 155, b'/', b'/')\n\
        call('process_vm_readv', 310, 1, 0, 0, 0, 0, 0)\ncall('reboot', 169, 0, 0, 0, 0)\ncall('swapon', 167, b'/x', 0)";
    let answer = den.run(json!({"code": calls})).await.ok();
    let lines: Vec<_> = answer["stdout"].as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), 15, "{answer}");
    assert!(lines.iter().all(|line| line.contains("refused")), "{lines:#?}");
    let files = "for f in /proc/kcore /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper \
        /proc/1/environ /dev/mem /dev/sda /var/run/docker.sock /run/docker.sock /sys/fs/cgroup/memory/memory.limit_in_bytes; do \
        (echo x >$f) 2>/dev/null && echo WROTE $f; done; (head -c 1 /proc/kcore | wc -c) 2>/dev/null; \
        dmesg 2>&1 | head -1; mknod d b 8 0 2>&1; chroot / true 2>&1; hostname evil 2>&1; \
        grep -E 'NoNewPrivs|CapEff|CapBnd|Seccomp:' /proc/self/status; \
        find / -xdev -perm -4000 -type f 2>/dev/null | head -3; su -c id 2>&1 </dev/null; id -u";
    let said = den.said(files).await;
    assert!(!said.contains("WROTE"), "{said}");
    for expected in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2"] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert!(said.ends_with("1000\n") && !said.contains("uid=0"), "{said}");
    den.close().await;
}

#[tokio::test]
async fn output_and_signals_do_not_hold_up_the_answer() {
    let Some(den) = Den::open("output").await else { return };
    let flood = den.run(json!({"command": "head -c 1000000000 /dev/zero"})).await;
    if flood.status == 200 {
        assert_eq!(flood.body["truncated"], true);
        let kept = flood.body["stdout"].as_str().unwrap().len();
        assert!((10 << 20..(10 << 20) + 100).contains(&kept), "{kept} bytes and how much is left out");
    }
    for endless in [
        "yes",
        "exec 0<&- 1>&- 2>&-; sleep 100",
        "trap '' TERM INT HUP QUIT; while :; do :; done",
        "kill -STOP $$",
        "exec >/dev/null 2>&1; while :; do (setsid sleep 100 &) ; sleep 0.2; done",
    ] {
        let reply = den.run_for(ENDLESS, json!({"command": endless})).await;
        assert_eq!(reply.status, 408, "{endless}: {}", reply.text);
        let shown = reply.body["stdout"].as_str().unwrap().len();
        assert!(shown < (1 << 20) + 100, "{endless}: {shown} bytes, and how much is left out");
    }
    for (ends, code) in [
        ("kill -9 $$; echo no", -9),
        ("kill -9 -1; exit 4", 4),
        ("kill -KILL 1; kill -TERM 1; kill -STOP 1; exit 3", 3),
    ] {
        let answer = den.run(json!({"command": ends})).await.ok();
        assert_eq!(answer["exit_code"], code, "{ends}: {answer}");
    }
    let daemon = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.closerange(0, 9)\n    time.sleep(100)\n  \
        os._exit(0)\nprint('started')";
    assert_eq!(den.run(json!({"code": daemon})).await.ok()["stdout"], "started\n");
    den.close().await;
}
