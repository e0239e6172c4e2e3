//! A bridge whose own folder, whose user's home and whose denied places all lie where its commands may write, on each kind
//! of host, with and without roots.

use super::{
    SECRET,
    hosts::{AS_NOBODY, Started, WITHOUT_NAMESPACES},
};
use crate::server::{KEY, Reply, scratch};
use serde_json::{Value, json};
use std::{
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
        let mut words: Vec<std::ffi::OsString> = prefix.iter().map(Into::into).collect();
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        Self::start(command, directory, format!("{prefix:?}, roots: {roots}"), roots)
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

    pub async fn post_with_key(&self, path: &str, key: &str, arguments: Value) -> Reply {
        self.server.post(path, key, arguments).await
    }

    /// Runs a script, in which the guard does not look, in the folder that commands may change.
    pub async fn run(&self, script: &str) -> Value {
        let name = "project/open/script";
        std::fs::write(self.at(name), script).unwrap();
        let command = format!("sh {}", self.at(name).display());
        self.post("/terminal/execute", json!({"command": command, "cwd": self.work, "timeout": 30})).await.ok()
    }

    /// What the file routes give of a file.
    pub async fn read(&self, name: &str) -> Reply {
        self.post("/filesystem/read", json!({"path": self.at(name)})).await
    }
}

/// Files with the secret in places that are denied, and folders that are not.
fn lay_out(work: &Path) {
    for secret in ["home/.config/gh/hosts.yml", "home/.netrc", "project/private/deep/key", "bridge/memory/undo/old"] {
        let path = work.join(secret);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, SECRET).unwrap();
    }
    std::fs::create_dir_all(work.join("project/open")).unwrap();
    std::fs::write(work.join("bridge/.env"), format!("# {SECRET}\nMCP_API_KEY={KEY}\n")).unwrap();
}
