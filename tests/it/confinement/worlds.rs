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
use tempfile::TempDir;

/// What starts the bridge, which user owns the files, and the level that this gives.
const HOSTS: [(&[&str], Option<u32>, &str); 3] = [
    (&[], None, "kernel+namespaces"),
    (&AS_NOBODY, Some(65534), "kernel+namespaces"),
    (&WITHOUT_NAMESPACES, None, "kernel"),
];

/// Starts a program where the whole disk but one folder cannot be written, whatever the bridge lets through: an attack that
/// succeeds reaches nothing but its own scratch. Where that cannot be had the program is not started.
const ON_A_READ_ONLY_DISK: &str = r#"set -e
scratch=$1; shift
mount --make-rprivate /
mount --bind "$scratch" "$scratch"
cut -d ' ' -f 2 /proc/self/mounts | sort -u | while read -r place; do
  case $place in "$scratch"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done
for place in / /tmp /var/tmp /root /home /work; do
  if [ -d "$place" ] && [ -w "$place" ]; then echo "$place can be written" >&2; exit 1; fi
done
cd "$scratch"
exec "$@""#;

/// One such bridge that runs.
pub struct World {
    server: Started,
    work: PathBuf,
    /// Says which of them it is.
    pub name: String,
}

/// Every world that this machine can show.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (prefix, owner, level) in HOSTS {
        for roots in [true, false] {
            match World::begin(prefix, owner, roots) {
                Some(world) => {
                    let info = world.post("/terminal/info", json!({})).await.ok();
                    assert_eq!(info["confinement"], level, "{info}");
                    worlds.push(world);
                }
                None => eprintln!("not tried: {prefix:?} cannot be had here"),
            }
        }
    }
    worlds
}

impl World {
    fn begin(prefix: &[&str], owner: Option<u32>, roots: bool) -> Option<Self> {
        let directory = scratch();
        let work = directory.path().join("work");
        lay_out(&work);
        let program = directory.path().join("mcp-server");
        // Where it was built another user may not look.
        std::fs::copy(env!("CARGO_BIN_EXE_mcp-server"), &program).unwrap();
        if let Some(owner) = owner {
            let owned = Command::new("chown").args(["-R", &format!("{owner}:{owner}")]).arg(directory.path()).status();
            owned.ok().filter(std::process::ExitStatus::success)?;
        }
        let mut command = confined_to(directory.path());
        command.args(prefix).arg(program);
        Self::start(command, directory, format!("{prefix:?}, roots: {roots}"), roots)
    }

    /// One without a `.env` of its own.
    pub fn with_key_in_environment() -> Option<Self> {
        let directory = scratch();
        lay_out(&directory.path().join("work"));
        std::fs::remove_file(directory.path().join("work/bridge/.env")).unwrap();
        let mut command = confined_to(directory.path());
        command.args(["env", &format!("MCP_API_KEY={KEY}"), env!("CARGO_BIN_EXE_mcp-server")]);
        Self::start(command, directory, "the key in the environment".into(), true)
    }

    fn start(mut command: Command, directory: TempDir, name: String, roots: bool) -> Option<Self> {
        let work = directory.path().join("work");
        command.arg("--directory").arg(work.join("bridge")).env_remove("MCP_API_KEY");
        command.env("HOME", work.join("home")).env("MCP_DENIED_PATHS", work.join("project/private"));
        if roots {
            command.env("MCP_ALLOWED_DIRS", &work);
        }
        Some(Self { server: Started::run(command, directory)?, work, name })
    }

    /// A place in the folder that commands may change.
    pub fn at(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    pub async fn post(&self, path: &str, arguments: Value) -> Reply {
        self.server.post(path, KEY, arguments).await
    }

    /// Whether the bridge takes a key.
    pub async fn takes(&self, key: &str) -> bool {
        self.server.post("/terminal/info", key, json!({})).await.status == 200
    }

    /// Fails the test if the file routes or a command give the secret out of any file that holds it, wherever it is now.
    pub async fn keeps_its_secret(&self) {
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
    pub async fn run(&self, script: &str) -> Value {
        let name = "project/open/script";
        std::fs::write(self.at(name), script).unwrap();
        let command = format!("sh {}", self.at(name).display());
        self.post("/terminal/execute", json!({"command": command, "cwd": self.work, "timeout": 30})).await.ok()
    }
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
