//! Hosts that give less: another user, no namespaces.

use super::{SECRET, process_with};
use crate::server::{KEY, Reply, client, scratch};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program itself, started by another: as another user, or where the host refuses namespaces.
struct Started {
    child: std::process::Child,
    url: String,
    directory: TempDir,
}

impl Started {
    /// `prefix` is the command that starts it; none when that cannot be done here.
    async fn by(prefix: &[&str], owner: Option<u32>) -> Option<Self> {
        use std::io::BufRead;
        let directory = scratch();
        std::fs::create_dir(directory.path().join("work")).unwrap();
        std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={}\n", KEY)).unwrap();
        // Where it was built another user may not look.
        let program = directory.path().join("work/mcp-server");
        std::fs::copy(env!("CARGO_BIN_EXE_mcp-server"), &program).unwrap();
        for name in ["", "work", ".env"] {
            std::os::unix::fs::chown(directory.path().join(name), owner, owner).ok()?;
        }
        let mut command = std::process::Command::new(prefix[0]);
        command.args(&prefix[1..]).arg(&program).args(["--port", "0", "--directory"]).arg(directory.path());
        command.env("HOME", directory.path()).env_remove("MCP_API_KEY");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().ok()?;
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let line = output.lines().map_while(Result::ok).find(|line| line.contains("http://"));
        let Some(line) = line else {
            let _ = child.wait();
            return None;
        };
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Some(Self { child, url, directory })
    }

    async fn call(&self, name: &str, arguments: Value) -> Value {
        let request = client().post(format!("{}/terminal/{name}", self.url));
        Reply::send(request.bearer_auth(KEY).json(&arguments)).await.ok()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: it is the process that this test started.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_user_without_rights_gets_the_whole_confinement() {
    let Some(server) = Started::by(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], Some(65534)).await
    else {
        return eprintln!("not tried: this test is not run by the superuser");
    };
    let info = server.call("info", json!({})).await;
    assert_eq!(info["confinement"], "kernel+namespaces", "{info}");
    let probe = "id -u; cat .env; echo x > memory/x; echo x > made && cat made; ls /proc | grep -c '^[0-9]'";
    std::fs::write(server.directory.path().join("work/probe"), probe).unwrap();
    let answer = server.call("execute", json!({"command": "sh work/probe"})).await;
    let lines: Vec<&str> = answer["stdout"].as_str().unwrap().lines().collect();
    assert_eq!(&lines[..2], ["65534", "x"], "{answer}");
    assert!(lines[2].parse::<u32>().unwrap() < 10, "it sees its own processes alone: {answer}");
}

#[tokio::test]
async fn where_namespaces_are_refused_the_rules_of_the_kernel_hold() {
    let no_namespaces = "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"";
    let Some(server) = Started::by(&["unshare", "-U", "-r", "sh", "-c", no_namespaces, "sh"], None).await else {
        return eprintln!("not tried: this host lets no user make namespaces");
    };
    let info = server.call("info", json!({})).await;
    assert_eq!(info["confinement"], "kernel", "{info}");
    let probe = "cat .env ~/.ssh/key /etc/shadow /proc/1/environ; echo x > memory/x && echo WROTE
python3 -c 'import socket; socket.socket(socket.AF_UNIX)' && echo SOCKET
mount -t tmpfs t work && echo MOUNTED; unshare -U true && echo ENTERED
echo x > work/made && cat work/made; t=$(mktemp) && echo kept > $t && cat $t; python3 -c 'print(6 * 7)'";
    std::fs::create_dir(server.directory.path().join(".ssh")).unwrap();
    std::fs::write(server.directory.path().join(".ssh/key"), SECRET).unwrap();
    std::fs::write(server.directory.path().join("work/probe"), probe).unwrap();
    let answer = server.call("execute", json!({"command": "sh work/probe"})).await;
    assert_eq!(answer["stdout"], "x\nkept\n42\n", "{answer}");
    let late = json!({"command": "setsid sleep 7021 & sleep 7021", "timeout": 1});
    let request = client().post(format!("{}/terminal/execute", server.url)).json(&late);
    let reply = Reply::send(request.bearer_auth(KEY)).await;
    assert_eq!(reply.status, 408);
    assert_eq!(process_with("sleep 7021"), None);
}
