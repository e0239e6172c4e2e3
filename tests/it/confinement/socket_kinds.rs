//! Sockets that a program might reach the outside by though it can open none to it.

use super::{
    SECRET,
    worlds::{Plan, in_each},
};
use serde_json::json;
use std::os::unix::net::UnixDatagram;
use syscalls::Sysno;

/// Sends to a socket outside by every kind of pair that there is; what goes out says by which.
const SEND: &str = "cat > project/open/send.py <<'END'
import os, socket, sys
for name in ['SOCK_DGRAM', 'SOCK_STREAM', 'SOCK_SEQPACKET', 'SOCK_RAW']:
    for flags in [0, socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK]:
        try: one, other = socket.socketpair(socket.AF_UNIX, getattr(socket, name) | flags)
        except OSError: continue
        for act in [lambda: one.sendto(name.encode(), sys.argv[1]), lambda: one.connect(sys.argv[1])]:
            try: act(); one.send(name.encode())
            except OSError: pass
        other.close()
        try: one.connect(sys.argv[1]); one.send(name.encode())
        except OSError: pass
for kind in [socket.SOCK_STREAM, socket.SOCK_SEQPACKET]:
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    one.send(b'kept'); print(other.recv(9).decode())
END
python3 project/open/send.py";

#[tokio::test]
async fn a_pair_of_sockets_reaches_none_outside() {
    let outside = crate::server::scratch();
    let path = outside.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    in_each(&Plan::default(), async |world| {
        let info = world.post("/terminal/info", json!({})).await.ok();
        if info["confinement"] == "kernel" {
            let answer = world.run(&format!("{SEND} {}", path.display())).await;
            assert_eq!(answer["stdout"], "kept\nkept\n", "{}: {answer}", world.name);
            let mut buffer = [0; 100];
            assert!(socket.recv(&mut buffer).is_err(), "{}: {buffer:?}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_sockets_that_programs_need_can_be_made() {
    let script = "python3 -c '
import socket
for family in range(46):
    for kind in range(1, 11):
        for protocol in [0, 1, 4, 6, 9, 12, 15, 16, 17, 33, 58, 115, 132, 136, 255, 256, 262]:
            for flags in [0, socket.SOCK_CLOEXEC]:
                try: socket.socket(family, kind | flags, protocol).close(); print(family, kind, protocol)
                except OSError: pass'";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(script).await;
        for line in answer["stdout"].as_str().unwrap().lines() {
            let numbers: Vec<i32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            let needed = match numbers[..] {
                [libc::AF_UNIX, ..] => !world.name.contains("unshare"),
                [libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM, protocol] => [0, 6, 262].contains(&protocol),
                [libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM, protocol] => [0, 1, 17, 58].contains(&protocol),
                [libc::AF_NETLINK, _, protocol] => protocol == libc::NETLINK_ROUTE,
                _ => false,
            };
            assert!(needed, "{}: {line}", world.name);
        }
        assert!(answer["stdout"].as_str().unwrap().contains("2 1 6\n"), "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn no_namespace_is_made_to_get_rights_in_it() {
    let script = format!(
        "cat > project/open/clone.py <<'END'
import ctypes, os, signal
c = ctypes.CDLL(None, use_errno=True)
class Arguments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in 'flags pidfd child parent signal stack size tls'.split()]
for flag in [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x50000000]:
    plain = c.syscall({clone}, flag | signal.SIGCHLD, 0, 0, 0, 0)
    if plain == 0: os._exit(0)
    new = c.syscall({clone3}, ctypes.byref(Arguments(flags=flag, signal=signal.SIGCHLD)), ctypes.sizeof(Arguments))
    if new == 0: os._exit(0)
    print('MADE' if plain > 0 or new > 0 or c.unshare(flag) == 0 else 'refused')
import threading
thread = threading.Thread(target=lambda: print('a thread')); thread.start(); thread.join()
END
python3 project/open/clone.py",
        clone = Sysno::clone.id(),
        clone3 = Sysno::clone3.id()
    );
    in_each(&Plan::default(), async |world| {
        let answer = world.run(&script).await;
        assert_eq!(answer["stdout"], format!("{}a thread\n", "refused\n".repeat(8)), "{}: {answer}", world.name);
        assert!(!answer.to_string().contains(SECRET));
    })
    .await;
}
