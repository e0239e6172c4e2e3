//! The program itself, as a person starts it.
#![allow(dead_code, reason = "each file of tests uses the part it needs")]

use crate::server::{KEY, Pipe, Reply, client, scratch};
use serde_json::Value;
use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take that should happen at once.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long passes between two looks at something that comes by itself.
const BETWEEN: Duration = Duration::from_millis(5);

/// Where the program was built.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mcp-server");

/// Copies a program that is started from there afterwards. Not by this process: a child that another test forks while
/// the copy is written holds it open for writing, and the kernel starts no such file.
pub(crate) fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let copied = Command::new("cp").arg(from.as_ref()).arg(to.as_ref()).status();
    assert!(copied.expect("there is cp").success());
}

/// The program with this directory, no settings but these, and nothing of the environment that tests run in.
pub(crate) fn command(directory: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("HOME", directory).env("MCP_PORT", "0").envs(settings.iter().copied());
    command.arg("--directory").arg(directory).stdin(Stdio::null());
    command
}

/// Runs it to its end, which must come by itself.
pub(crate) fn run(mut command: Command) -> Output {
    let mut program = Program::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()), scratch());
    let status = program.wait();
    let (stdout, stderr) = (program.stdout(), program.stderr());
    Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() }
}

/// A server process, ended on drop.
pub(crate) struct Program {
    child: Child,
    directory: TempDir,
    printed: [Arc<Mutex<Vec<u8>>>; 2],
    readers: Vec<std::thread::JoinHandle<()>>,
    pub url: String,
    pub http: reqwest::Client,
}

impl Program {
    /// Starts it with the tests' key and waits until it listens.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let directory = scratch();
        std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
        Self::start_in(directory, settings)
    }

    /// Starts it in a directory and waits until it listens.
    pub(crate) fn start_in(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        Self::start_as(command(directory.path(), settings), directory)
    }

    /// Starts what the command says and waits until it listens.
    pub(crate) fn start_as(mut command: Command, directory: TempDir) -> Self {
        Self::launch(&mut command, directory).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same; why it ended where it does.
    pub(crate) fn launch(command: &mut Command, directory: TempDir) -> Result<Self, String> {
        let mut program = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()), directory);
        let end = Instant::now() + TIMEOUT;
        while program.url.is_empty() {
            let printed = program.stdout();
            let after = printed.split_once("listens on ").map(|(_, after)| after);
            if let Some((url, _)) = after.and_then(|after| after.split_once(char::is_whitespace)) {
                url.clone_into(&mut program.url);
            }
            if let Some(ended) = program.child.try_wait().unwrap() {
                return Err(format!("{ended:?} {printed} {}", program.stderr()));
            }
            assert!(Instant::now() < end, "{printed} {}", program.stderr());
            std::thread::park_timeout(BETWEEN);
        }
        Ok(program)
    }

    /// Starts it, whatever it does, with its output piped.
    pub(crate) fn spawn(command: &mut Command, directory: TempDir) -> Self {
        let mut child = command.spawn().expect("the program was built");
        let printed: [Arc<Mutex<Vec<u8>>>; 2] = Default::default();
        let stdout = keep(child.stdout.take().expect("it is piped"), &printed[0]);
        let stderr = keep(child.stderr.take().expect("it is piped"), &printed[1]);
        Self { child, directory, printed, readers: vec![stdout, stderr], url: String::new(), http: client() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.printed[0].lock().unwrap()).into_owned()
    }

    /// What it has logged so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.printed[1].lock().unwrap()).into_owned()
    }

    /// Waits until words are in the log, which a thread of its own writes.
    pub(crate) fn logged(&self, words: &str) {
        let end = Instant::now() + TIMEOUT;
        while !self.stderr().contains(words) {
            assert!(Instant::now() < end, "no {words:?} in {}", self.stderr());
            std::thread::park_timeout(BETWEEN);
        }
    }

    pub(crate) async fn post(&self, path: &str, key: &str, arguments: &Value) -> Reply {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(key).json(arguments).pipe(Reply::send).await
    }

    /// The history line of an action, as soon as it is on disk.
    pub(crate) fn history_line(&self, action: &str) -> Value {
        let file = self.path("memory/history").join(format!("{}.log", skynet_bridge::clock::today()));
        let end = Instant::now() + TIMEOUT;
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.find(|line| line["action"] == action) {
                return line;
            }
            assert!(Instant::now() < end, "no {action} in {text}");
            std::thread::park_timeout(BETWEEN);
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.http.get(format!("{}{path}", self.url)).pipe(Reply::send).await
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill is everywhere");
        assert!(sent.success());
    }

    /// Asks it to stop, waits for its end and gives back the directory.
    pub(crate) fn stop(mut self) -> TempDir {
        if !self.has_ended() {
            self.terminate();
            self.wait();
        }
        std::mem::replace(&mut self.directory, scratch())
    }

    /// Ends it as a crash does and gives back the directory.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.directory, scratch())
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                for reader in self.readers.drain(..) {
                    reader.join().unwrap();
                }
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::park_timeout(BETWEEN);
        }
    }

    /// Its most memory so far, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(mut stream: impl Read + Send + 'static, into: &Arc<Mutex<Vec<u8>>>) -> std::thread::JoinHandle<()> {
    let into = into.clone();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read) = stream.read(&mut chunk)
            && read > 0
        {
            into.lock().unwrap().extend_from_slice(&chunk[..read]);
        }
    })
}
