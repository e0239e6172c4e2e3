//! Programs that would run with their owner's rights: a command of the superuser's leaves none behind.

use super::{
    Scene,
    worlds::{Plan, in_each, worlds},
};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use syscalls::Sysno;

/// Makes files in every way that there is, with rights that are given in octal, and names those that have them.
fn ways(mode: &str) -> String {
    format!(
        "cat > ways.py <<'END'
import ctypes, os, stat, subprocess, tarfile
c = ctypes.CDLL(None)
mode = 0o{mode}
made = lambda name: open(name, 'w').close()
def fchmodat2(name):
    made(name); c.syscall(452, -100, name.encode(), mode, 0)
def openat2(name):
    class How(ctypes.Structure):
        _fields_ = [(field, ctypes.c_uint64) for field in ['flags', 'mode', 'resolve']]
    how = How(os.O_CREAT | os.O_WRONLY, mode, 0)
    c.syscall(437, -100, name.encode(), ctypes.byref(how), ctypes.sizeof(how))
def unnamed(name):
    file = os.open('.', os.O_TMPFILE | os.O_WRONLY, mode)
    c.linkat(-100, b'/proc/self/fd/%d' % file, -100, name.encode(), 0x400)
def copied(name):
    subprocess.run(['cp', '-p', 'given', name], stderr=subprocess.DEVNULL)
def unpacked(name):
    with tarfile.open('a.tar', 'w') as archive:
        part = tarfile.TarInfo(name); part.mode = mode; archive.addfile(part)
    subprocess.run(['tar', '-xpf', 'a.tar'], stderr=subprocess.DEVNULL)
def by(open_file):
    def way(name):
        file = open_file(name); os.close(file)
    return way
ways = {{
    'chmod': lambda name: (made(name), os.chmod(name, mode)),
    'fchmod': lambda name: (made(name), os.chmod(os.open(name, os.O_RDWR), mode)),
    'fchmodat': lambda name: (made(name), c.fchmodat(-100, name.encode(), mode, 0)),
    'fchmodat2': fchmodat2,
    'open': by(lambda name: c.open(name.encode(), os.O_CREAT | os.O_WRONLY, mode)),
    'openat': by(lambda name: os.open(name, os.O_CREAT | os.O_WRONLY, mode)),
    'openat2': openat2,
    'creat': by(lambda name: c.creat(name.encode(), mode)),
    'unnamed': unnamed,
    'mknod': lambda name: os.mknod(name, stat.S_IFREG | mode),
    'high bits': lambda name: (made(name), c.syscall({fchmodat}, -100, name.encode(), ctypes.c_long(mode | 1 << 40))),
    'install': lambda name: subprocess.run(['install', '-m', '{mode}', '/dev/null', name], stderr=subprocess.DEVNULL),
    'copied': copied,
    'unpacked': unpacked,
}}
os.umask(0)
for way, make in ways.items():
    try: make('x-' + way)
    except OSError: pass
for name in ways:
    try:
        if os.stat('x-' + name).st_mode & 0o6000: print(name)
    except OSError: pass
END
python3 ways.py",
        fchmodat = Sysno::fchmodat.id()
    )
}

#[tokio::test]
async fn no_file_that_runs_with_its_owners_rights_can_be_made_in_any_way() {
    for mode in ["4755", "2755", "6755"] {
        for (confinement, expected) in [("require", 0), ("off", 14)] {
            let scene = Scene::new();
            std::fs::write(scene.work("given"), "").unwrap();
            let given = u32::from_str_radix(mode, 8).unwrap();
            std::fs::set_permissions(scene.work("given"), PermissionsExt::from_mode(given)).unwrap();
            let answer = scene.run(confinement, &format!("cd $WORK; {}", ways(mode))).await;
            let made = answer["stdout"].as_str().unwrap().lines().count();
            assert_eq!(made, expected, "{mode} with confinement {confinement}: {answer}");
        }
    }
}

#[tokio::test]
async fn none_can_be_made_where_there_are_no_namespaces_either() {
    in_each(&Plan::default(), async |world| {
        for mode in ["4755", "2755"] {
            std::fs::create_dir_all(world.at("project/open")).unwrap();
            let answer = world.run(&format!("cd project/open; {}", ways(mode))).await;
            assert_eq!((&answer["stdout"], &answer["success"]), (&"".into(), &true.into()), "{}: {answer}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_command_writes_into_such_a_file_takes_its_rights_away() {
    for (confinement, expected) in [("require", 0o755), ("off", 0o4755)] {
        let scene = Scene::new();
        let tool = scene.work("tool");
        std::fs::write(&tool, "#!/bin/sh\n").unwrap();
        if chown(&tool, Some(0), Some(0)).is_err() {
            return eprintln!("not tried: this test is not run by the superuser");
        }
        std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o4755)).unwrap();
        scene.run(confinement, "echo other >> $WORK/tool").await;
        assert_eq!(tool.metadata().unwrap().mode() & 0o7777, expected, "confinement {confinement}");
    }
}

#[tokio::test]
async fn no_file_gets_capabilities() {
    // The structure of capabilities(7): revision 2, effective, CAP_SETUID.
    let script = "python3 -c 'import os
open(\"f\", \"w\").close()
os.setxattr(\"f\", \"security.capability\", bytes.fromhex(\"0100000280000000\" + \"00\" * 12))' 2>&1 && echo GIVEN";
    if rustix::process::geteuid().is_root() {
        Scene::attack(script, |_, output| output.contains("GIVEN")).await;
    }
}

#[tokio::test]
async fn folders_hand_on_their_group_as_outside() {
    let script = "cd project/open; set -e; mkdir -p shared; chmod 2775 shared; mkdir -p shared/a/b; echo x > shared/a/b/f
stat -c %a shared; chmod g-s shared; chmod g+s $PWD/shared; chmod 2750 shared/a; stat -c %a shared shared/a shared/a/b
python3 -c \"import os; os.fchmod(os.open('shared', os.O_RDONLY), 0o2711); print(oct(os.stat('shared').st_mode))\"
git init -q --shared=group repository; test -g repository/.git && echo shared; chmod 2755 gone 2>&1 | grep -o 'No such.*'";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(&format!("umask 022; {script}")).await;
        let expected = "2775\n2775\n2750\n2755\n0o42711\nshared\nNo such file or directory\n";
        assert_eq!(answer["stdout"], expected, "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_takes_a_folders_place_while_its_mode_is_set_gets_no_rights() {
    let script = "cat > project/open/swap.py <<'END'
import ctypes, os, threading
c = ctypes.CDLL(None)
os.mkdir('folder'); open('file', 'w').close()
done = False
def swap():
    while not done: c.renameat2(-100, b'folder', -100, b'file', 2)
thread = threading.Thread(target=swap); thread.start()
got = False
for _ in range(2000):
    try: os.chmod('folder', 0o2755)
    except OSError: pass
    for name in ['folder', 'file']:
        held = os.open(name, os.O_RDONLY); found = os.fstat(held); os.close(held)
        got = got or (found.st_mode & 0o102000) == 0o102000
done = True; thread.join()
print('GOT' if got else 'held')
END
cd project/open && python3 swap.py";
    in_each(&Plan::default(), async |world| {
        assert_eq!(world.run(script).await["stdout"], "held\n", "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn who_gave_up_rights_sets_the_group_of_no_folder_of_others() {
    let script = "cd project/open; mkdir own other; chown 65534:65534 own; chown 65534:0 other; mkdir roots
setpriv --reuid=65534 --regid=65534 --clear-groups chmod 2755 own other roots 2>/dev/null; stat -c %a own other roots";
    for world in worlds().await.iter().filter(|world| world.name.starts_with("[]")) {
        if rustix::process::geteuid().is_root() {
            assert_eq!(
                world.run(&format!("umask 022; {script}")).await["stdout"],
                "2755\n755\n755\n",
                "{}",
                world.name
            );
        }
    }
}
