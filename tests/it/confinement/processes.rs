//! The limits, the priority and the processors of processes: those outside stay as they are, a program's own can be set.

use super::worlds::{Plan, in_each};

/// Tries every such call on the bridge, then on what the program started itself.
const CALLS: &str = r"cat > project/open/calls.py <<'END'
import ctypes, os, resource, sys, threading
c = ctypes.CDLL(None, use_errno=True)
def attribute():
    attribute = ctypes.create_string_buffer(48); attribute[0] = 48; attribute[16] = 7
    return attribute
def tries(pid):
    yield 'limit', lambda: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    yield 'priority', lambda: os.setpriority(os.PRIO_PROCESS, pid, 7)
    yield 'processors', lambda: os.sched_setaffinity(pid, {0})
    yield 'parameters', lambda: os.sched_setparam(pid, os.sched_param(0))
    yield 'scheduler', lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    yield 'attributes', lambda: call(NUMBERS[0], pid, attribute(), 0)
    yield 'disk', lambda: call(NUMBERS[1], 1, pid, 3 << 13)
def call(number, *arguments):
    if c.syscall(number, *arguments) != 0: raise OSError(ctypes.get_errno(), '')
def attempt(what, pid):
    for name, act in tries(pid):
        try: act(); print(what, name)
        except (PermissionError, ProcessLookupError): pass
outside = int(sys.argv[1])
attempt('outside', outside)
for kind, number in (os.PRIO_USER, 54321), (os.PRIO_PGRP, outside), (os.PRIO_PGRP, 1):
    try: os.setpriority(kind, number, 7); print('set')
    except OSError as error: print(error.strerror, end='; ')
print()
def in_thread(): attempt('own', threading.get_native_id())
thread = threading.Thread(target=in_thread); thread.start(); thread.join()
read, write = os.pipe()
ended, lives = os.pipe()
child = os.fork()
if child == 0:
    os.close(lives)
    grandchild = os.fork()
    if grandchild == 0: os.setsid()
    else: os.write(write, b'%d' % grandchild); os._exit(0)
    os.close(write); os.read(ended, 1); os._exit(0)
os.waitpid(child, 0)
attempt('orphan', int(os.read(read, 20)))
attempt('self', 0)
END
python3 project/open/calls.py";

#[tokio::test]
async fn no_command_sets_limits_priority_or_processors_of_a_process_outside() {
    let names = ["limit", "priority", "processors", "parameters", "scheduler", "attributes", "disk"];
    let all = |what: &str| names.map(|name| format!("{what} {name}\n")).concat();
    let numbers = format!("{}, {}", syscalls::Sysno::sched_setattr.id(), syscalls::Sysno::ioprio_set.id());
    let calls = CALLS.replace("NUMBERS", &format!("[{numbers}]"));
    in_each(&Plan::default(), async |world| {
        let bridge = world.process();
        let answer = world.run(&format!("{calls} {bridge}")).await;
        let output = answer["stdout"].as_str().unwrap();
        let (refused, own) = output.split_once('\n').unwrap();
        assert!(!refused.contains("outside") && !refused.contains("set"), "{}: {answer}", world.name);
        if world.post("/terminal/info", serde_json::json!({})).await.ok()["confinement"] == "kernel" {
            assert_eq!(refused, "Operation not permitted; ".repeat(3), "{}: {answer}", world.name);
        }
        assert_eq!(own, [all("own"), all("orphan"), all("self")].concat(), "{}: {answer}", world.name);
    })
    .await;
}
