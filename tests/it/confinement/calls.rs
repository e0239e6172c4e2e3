//! The kernel's table of system calls, each really made by a confined program: which rule holds it.

use super::worlds::{Plan, World, in_each, worlds};
use std::collections::BTreeMap;
use syscalls::Sysno;

/// Beyond the calls that any kernel has today.
const HIGHEST: i32 = 600;

/// Makes each call in a process of its own, with arguments that mean nothing, and prints the error that it ended with. A
/// call that does not come back prints nothing.
const PROBE: &str = r"import ctypes, os, signal, sys
c = ctypes.CDLL(None, use_errno=True)
for number in map(int, sys.argv[1:]):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(2)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        result = c.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
        if os.getppid() == parent and result == -1:
            os.write(1, b'%d %d\n' % (number, ctypes.get_errno()))
        os._exit(0)
    os.waitpid(child, 0)
";

/// What the list says of each call: the group's verdict, and whether there is a condition.
fn list() -> BTreeMap<String, (String, bool)> {
    let text = include_str!("../../../src/policy/confine/system_calls/calls.txt");
    let (mut list, mut verdict) = (BTreeMap::new(), String::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((_, rest)) = line.split_once("] ") {
            rest.split_once(": ").expect("a group gives its reason").0.clone_into(&mut verdict);
        } else {
            let name = line.split(':').next().unwrap().to_owned();
            list.insert(name, (verdict.clone(), line.contains(':')));
        }
    }
    list
}

/// The errors of these calls, by number.
async fn errors(world: &World, numbers: impl Iterator<Item = i32>) -> BTreeMap<i32, i32> {
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let probe = PROBE.replace("c = ctypes", "parent = os.getpid()\nc = ctypes");
    std::fs::write(world.at("project/open/probe.py"), probe).unwrap();
    let answer = world.run(&format!("python3 project/open/probe.py {}", numbers.join(" "))).await;
    let lines = answer["stdout"].as_str().unwrap().lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(number, error)| (number.parse().unwrap(), error.parse().unwrap())).collect()
}

#[tokio::test]
async fn every_call_of_the_kernel_is_held_by_the_rule_that_the_list_names() {
    let list = list();
    let rule = |number: i32| Sysno::new(usize::try_from(number).unwrap()).and_then(|call| list.get(call.name()));
    in_each(&Plan::default(), async |world| {
        let found = errors(&world, 0..=HIGHEST).await;
        for number in 0..=HIGHEST {
            let name = Sysno::new(usize::try_from(number).unwrap()).map_or("unknown", |call| call.name());
            let error = found.get(&number).copied();
            match rule(number) {
                Some((verdict, _)) if verdict == "refuse" => {
                    assert_eq!(error, Some(libc::EPERM), "{name} {}", world.name);
                }
                Some((verdict, _)) if verdict == "allow" => {}
                _ => assert_eq!(error, Some(libc::ENOSYS), "{number} {name} {}", world.name),
            }
        }
        assert!(found.len() > 350, "most calls come back: {}", found.len());
    })
    .await;
}

#[tokio::test]
async fn calls_that_the_list_allows_reach_the_kernel() {
    let list = list();
    let allowed = Sysno::iter().filter(|call| list.get(call.name()).is_some_and(|(verdict, _)| verdict == "allow"));
    let allowed: Vec<Sysno> = allowed.collect();
    let world = &worlds().await[0];
    let found = errors(world, allowed.iter().map(Sysno::id)).await;
    let absent = |call: &&Sysno| found.get(&call.id()) == Some(&libc::ENOSYS);
    let absent: Vec<&str> = allowed.iter().filter(absent).map(syscalls::Sysno::name).collect();
    // A kernel may be built without some of them, and some say the same of arguments that mean nothing.
    let optional = [
        "futex",
        "get_thread_area",
        "kcmp",
        "map_shadow_stack",
        "memfd_secret",
        "modify_ldt",
        "set_thread_area",
        "uprobe",
        "uretprobe",
    ];
    let newer = |name: &&&str| Sysno::iter().any(|call| call.name() == **name && call.id() >= 449);
    let unexpected: Vec<_> = absent.iter().filter(|name| !optional.contains(name) && !newer(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[tokio::test]
async fn a_ring_of_requests_that_the_filter_does_not_see_cannot_be_made() {
    let script = format!(
        "python3 -c 'import ctypes
c = ctypes.CDLL(None, use_errno=True)
print(\"RING\" if c.syscall({}, 8, ctypes.create_string_buffer(120)) >= 0 else ctypes.get_errno())'",
        Sysno::io_uring_setup.id()
    );
    in_each(&Plan::default(), async |world| {
        assert_eq!(world.run(&script).await["stdout"], format!("{}\n", libc::ENOSYS), "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn numbers_of_other_architectures_are_no_way_around() {
    // What follows the bit of x32 are the numbers of a second table (linux/unistd.h).
    let script = "python3 -c 'import ctypes
c = ctypes.CDLL(None, use_errno=True)
for number in [39, 165, 425]:
    print(c.syscall(ctypes.c_long(0x40000000 + number)), ctypes.get_errno())'";
    for world in worlds().await.iter().filter(|_| cfg!(target_arch = "x86_64")) {
        let absent = format!("-1 {}\n", libc::ENOSYS);
        assert_eq!(world.run(script).await["stdout"], absent.repeat(3), "{}", world.name);
    }
}

#[tokio::test]
async fn nothing_is_typed_into_a_terminal_for_its_next_reader() {
    let script = "cat > project/open/type.py <<'END'
import array, fcntl, os, pty, termios
child, terminal = pty.fork()
if child == 0:
    for request in [termios.TIOCSTI, 0x541c]:
        try: fcntl.ioctl(0, request, b'x'); print('TYPED')
        except OSError as error: print('refused', error.errno)
    os._exit(0)
said = b''
# What a terminal was written comes in parts, and its end is an error of the call.
while True:
    try: said += os.read(terminal, 1000)
    except OSError: break
os.waitpid(child, 0)
print(said.decode())
END
python3 project/open/type.py";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(script).await;
        let output = answer["stdout"].as_str().unwrap();
        assert!(!output.contains("TYPED"), "{}: {answer}", world.name);
        assert_eq!(output.matches("refused 1\r").count(), 2, "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn debuggers_and_tracers_work() {
    let script = "cd project/open; printf 'int six(void) { return 6; } int main(void) { return six() != 6; }' > m.c
cc -g m.c -o m && gdb -batch -ex 'break six' -ex run -ex bt -ex continue ./m 2>&1
strace -f -o trace ./m && grep -c execve trace; setarch -R true && echo fixed";
    in_each(&Plan::default(), async |world| {
        let has = world.run("command -v cc gdb strace setarch | wc -l").await["stdout"] == "4\n";
        if has {
            let answer = world.run(script).await;
            let output = answer["stdout"].as_str().unwrap();
            for word in ["#0  six ()", "exited normally", "fixed"] {
                assert!(output.contains(word), "{}: {answer}", world.name);
            }
        }
    })
    .await;
}
