//! A bridge whose own folder, whose user's home and whose denied places all lie where its commands may write, on each kind
//! of host, with and without roots.

use super::{
    SECRET,
    hosts::{AS_NOBODY, Started, WITHOUT_NAMESPACES},
};
use crate::server::{KEY, Reply, scratch};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use tokio::sync::Semaphore;

/// What starts the bridge, which user owns the files, and the level that this gives.
const HOSTS: [(&[&str], Option<u32>, &str); 4] = [
    (&[], None, "kernel+namespaces"),
    (&AS_NOBODY, Some(65534), "kernel+namespaces"),
    (&WITHOUT_NAMESPACES, None, "kernel"),
    (&AS_NOBODY_WITHOUT_NAMESPACES, Some(65534), "kernel"),
];

/// A user without rights where the host refuses namespaces: in a user namespace of which it is not the superuser.
const AS_NOBODY_WITHOUT_NAMESPACES: [&str; 3] = [
    "python3",
    "-c",
    "import ctypes, os, sys
(read, write), main = os.pipe(), os.getpid()
if os.fork() == 0:
    os.read(read, 1)
    for users in 'uid_map', 'gid_map': open(f'/proc/{main}/{users}', 'w').write('0 0 65536')
    os._exit(0)
if ctypes.CDLL(None).unshare(0x10000000) != 0: sys.exit(1)
os.write(write, b'x')
os.wait()
open('/proc/sys/user/max_mnt_namespaces', 'w').write('0')
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.execvp(sys.argv[1], sys.argv[1:])",
];

/// How a world differs from the usual one.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    /// More settings; `{}` in them stands for the folder that commands may change.
    pub settings: &'a [(&'a str, &'a str)],
    /// What the superuser does in that folder before the bridge starts, in the same mount namespace.
    pub before: &'a str,
    /// Where the bridge and the user's home are in it.
    pub bridge: Option<&'a str>,
    pub home: Option<&'a str>,
}

/// Starts a program where the whole disk but one folder cannot be written, whatever the bridge lets through: an attack that
/// succeeds reaches nothing but its own scratch. Where that cannot be had the program is not started.
const ON_A_READ_ONLY_DISK: &str = r#"set -e
scratch=$1; shift
mount --make-rprivate /
mount --bind "$scratch" "$scratch"
cut -d ' ' -f 2 /proc/self/mounts | sort -u | while read -r place; do
  case $place in "$scratch"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;; *) mount -o remount,bind,ro "$place" || [ ! -e "$place" ] ;; esac
done
for place in / /tmp /var/tmp /root /home /work; do
  if [ -d "$place" ] && [ -w "$place" ]; then echo "$place can be written" >&2; exit 1; fi
done
cd "$scratch"
exec "$@""#;

/// One such bridge that runs.
pub(crate) struct World {
    server: Started,
    work: PathBuf,
    /// Says which of them it is.
    pub name: String,
}

/// Every world that this machine can show.
pub(crate) async fn worlds() -> Vec<World> {
    worlds_by(&Plan::default()).await
}

/// The same, by a plan. They start at once: each waits more than it works.
pub(crate) async fn worlds_by(plan: &Plan<'_>) -> Vec<World> {
    let mut begun = Vec::new();
    std::thread::scope(|scope| {
        let all = HOSTS.iter().flat_map(|host| [(host, true), (host, false)]);
        let starts: Vec<_> = all
            .map(|((prefix, owner, level), roots)| {
                (level, prefix, scope.spawn(move || World::begin(prefix, *owner, roots, plan)))
            })
            .collect();
        begun.extend(starts.into_iter().map(|(level, prefix, start)| (level, prefix, start.join().unwrap())));
    });
    let mut worlds = Vec::new();
    for (level, prefix, world) in begun {
        let Some(world) = world else {
            eprintln!("not tried: {prefix:?} cannot be had here");
            continue;
        };
        let info = world.post("/terminal/info", json!({})).await.ok();
        assert_eq!(info["confinement"], **level, "{info}");
        worlds.push(world);
    }
    assert!(!worlds.is_empty());
    worlds
}

/// Eight bridges at once keep two cores busy: more of them, of other tests, would only make each other late.
static TURN: Semaphore = Semaphore::const_new(1);

/// Does the same in every world, side by side.
pub(crate) async fn in_each(plan: &Plan<'_>, act: impl AsyncFn(World)) {
    let _turn = TURN.acquire().await.expect("it is never closed");
    futures::future::join_all(worlds_by(plan).await.into_iter().map(|world| act(world))).await;
}

impl World {
    fn begin(prefix: &[&str], owner: Option<u32>, roots: bool, plan: &Plan<'_>) -> Option<Self> {
        let directory = scratch();
        let work = directory.path().join("work");
        lay_out(&work);
        let program = directory.path().join("mcp-server");
        // Where it was built another user may not look.
        crate::program::copy_program(program_file(), &program);
        let owner = owner.unwrap_or(0);
        let before = format!(
            "set -e; cd {}; {}\nif [ {owner} != 0 ]; then chown -hR {owner}:{owner} {}; fi; exec \"$@\"",
            work.display(),
            plan.before,
            directory.path().display()
        );
        let mut command = confined_to(directory.path());
        command.args(["sh", "-c", &before, "sh"]).args(prefix).arg(program);
        command.arg("--directory").arg(work.join(plan.bridge.unwrap_or("bridge"))).env_remove("MCP_API_KEY");
        command.env("HOME", work.join(plan.home.unwrap_or("home")));
        command.env("MCP_DENIED_PATHS", work.join("project/private"));
        if roots {
            command.env("MCP_ALLOWED_DIRS", &work);
        }
        let place = work.display().to_string();
        command.envs(plan.settings.iter().map(|(name, value)| (name, value.replace("{}", &place))));
        Some(Self { server: Started::run(command, directory)?, work, name: format!("{prefix:?}, roots: {roots}") })
    }

    /// One without a `.env` of its own.
    pub(crate) fn with_key_in_environment() -> Option<Self> {
        let plan = Plan { before: "rm bridge/.env", settings: &[("MCP_API_KEY", KEY)], ..Plan::default() };
        Self::begin(&[], None, true, &plan)
    }

    /// A place in the folder that commands may change.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// The bridge's own process.
    pub(crate) fn process(&self) -> u32 {
        self.server.process()
    }

    pub(crate) async fn post(&self, path: &str, arguments: Value) -> Reply {
        self.server.post(path, KEY, arguments).await
    }

    /// Whether the bridge takes a key.
    pub(crate) async fn takes(&self, key: &str) -> bool {
        self.server.post("/terminal/info", key, json!({})).await.status == 200
    }

    /// Fails the test if the file routes or a command give the secret out of any file that holds it, wherever it is now.
    pub(crate) async fn keeps_its_secret(&self) {
        let holders = holders(&self.work);
        assert!(holders.len() >= 4, "{}: a secret is gone: {holders:?}", self.name);
        for path in holders {
            let reply = self.post("/filesystem/read", json!({"path": path})).await;
            assert!(!reply.text.contains(SECRET), "{}: {} by the file route", self.name, path.display());
            let answer = self
                .run(&format!("cat '{0}'; cp '{0}' project/open/copy && cat project/open/copy", path.display()))
                .await;
            assert!(!answer.to_string().contains(SECRET), "{}: {} by a command", self.name, path.display());
        }
    }

    /// Runs a script, in which the guard does not look, in the folder that commands may change.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.try_to_run(script).await.ok()
    }

    /// The same, also where nothing may run.
    pub(crate) async fn try_to_run(&self, script: &str) -> Reply {
        let name = "other/script";
        std::fs::write(self.at(name), script).unwrap();
        let command = format!("sh {}", self.at(name).display());
        self.post("/terminal/execute", json!({"command": command, "cwd": self.work, "timeout": 30})).await
    }

    /// Whether the secret can be had out of a file, by its path: by the file route, and by a command.
    pub(crate) async fn gives(&self, name: &str) -> [bool; 2] {
        let read = self.post("/filesystem/read", json!({"path": self.at(name)})).await;
        let shown = self.try_to_run(&format!("cat '{}'", self.at(name).display())).await;
        [read, shown].map(|reply| reply.text.contains(SECRET))
    }

    /// Ends the bridge and starts it again over the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.try_to_restart().await.expect("it starts again")
    }

    /// The same; none where it does not start.
    pub(crate) async fn try_to_restart(self) -> Option<Self> {
        let Self { server, work, name } = self;
        // The other worlds go on meanwhile: their connections wait for nobody.
        let server = tokio::task::spawn_blocking(move || server.restart()).await.expect("it is waited for")?;
        Some(Self { server, work, name })
    }
}

/// The program under test; `BRIDGE_TEST_PROGRAM` names another one, to see what an older one lets through.
fn program_file() -> PathBuf {
    std::env::var_os("BRIDGE_TEST_PROGRAM").map_or_else(|| crate::program::BINARY.into(), PathBuf::from)
}

/// What starts a program that can write in `scratch` alone.
fn confined_to(scratch: &Path) -> Command {
    let temporary = scratch.join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o1777)).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", ON_A_READ_ONLY_DISK, "sh"]).arg(scratch).env("TMPDIR", temporary);
    command
}

/// Files with the secret in places that are denied, and folders that are not.
fn lay_out(work: &Path) {
    for secret in ["home/.config/gh/hosts.yml", "home/.netrc", "project/private/deep/key", "bridge/memory/undo/old"] {
        let path = work.join(secret);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, SECRET).unwrap();
    }
    std::fs::create_dir_all(work.join("project/open")).unwrap();
    std::fs::create_dir_all(work.join("other")).unwrap();
    std::fs::write(work.join("bridge/.env"), format!("# {SECRET}\nMCP_API_KEY={KEY}\n")).unwrap();
}

/// The files that hold the secret, as the test sees them.
fn holders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let found = entries.flat_map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => holders(&entry.path()),
        kind if kind.is_file() => {
            let holds = std::fs::read(entry.path()).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(SECRET));
            Vec::from_iter(holds.then(|| entry.path()))
        }
        _ => vec![],
    });
    found.collect()
}
