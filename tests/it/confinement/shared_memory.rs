//! What System V shares between processes, and devices of no number: bounded where they go with a command, absent where
//! they would stay.

use super::{
    hosts::{AS_NOBODY, Started, WITHOUT_NAMESPACES},
    worlds::{Plan, in_each},
};
use serde_json::json;

/// Takes segments of 10 MiB, queues and sets of semaphores until there are no more, unmapped; then uses one of each.
const TAKE: &str = "import ctypes
c = ctypes.CDLL(None, use_errno=True)
c.shmat.restype = ctypes.c_void_p
def take(get, most):
    taken = []
    while len(taken) < most and (found := get()) >= 0: taken.append(found)
    return taken
def segment():
    found = c.shmget(0, 10 << 20, 0o1600)
    if found >= 0:
        place = c.shmat(found, None, 0); ctypes.memset(place, 1, 10 << 20); c.shmdt(ctypes.c_void_p(place))
    return found
segments = take(segment, 60)
queues = take(lambda: c.msgget(0, 0o1600), 200)
sets = take(lambda: c.semget(0, 200, 0o1600), 400)
for found in segments: c.shmctl(found, 0, None)
again = [c.shmget(7, 4096, 0o1600), c.msgget(7, 0o1600) if len(queues) < 1 else 0]
same = c.shmget(7, 0, 0) == again[0]
print(len(segments), len(queues), len(sets), again[0] >= 0 and same)
";

#[tokio::test]
async fn what_a_command_leaves_in_shared_memory_is_bounded_or_cannot_be_made() {
    let all: [(&str, &[&str], Option<u32>); 3] =
        [("root", &[], None), ("nobody", &AS_NOBODY, Some(65534)), ("kernel", &WITHOUT_NAMESPACES, None)];
    let settings = [("MAX_COMMAND_MEMORY_MIB", "200".to_owned())];
    for (name, prefix, owner) in all {
        let Some(server) = Started::with_settings(prefix, owner, &settings) else { continue };
        std::fs::write(server.directory().join("work/take.py"), TAKE).unwrap();
        let command = json!({"command": "cd work && python3 take.py", "timeout": 25});
        let answer = server.call("execute", command).await;
        let expected = if name == "kernel" { "0 0 0 False\n" } else { "5 16 128 True\n" };
        assert_eq!(answer["stdout"], expected, "{name}: {answer}");
    }
}

#[tokio::test]
async fn no_device_is_made_even_one_that_stands_for_a_file_s_absence() {
    let script = "cd project/open; mknod node c 0 0 2>/dev/null && echo DEVICE; mkfifo pipe && echo made";
    in_each(&Plan::default(), async |world| {
        assert_eq!(world.run(script).await["stdout"], "made\n", "{}", world.name);
    })
    .await;
}
