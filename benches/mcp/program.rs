//! The program itself, over a folder of its own.

use super::KEY;
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// It runs until this is dropped.
pub(crate) struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Up when this returns.
    pub(crate) fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
        command.args(["--port", "0", "--directory"]).arg(folder).env("MCP_API_KEY", KEY).env("LOG_LEVEL", "ERROR");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut addresses = lines.filter_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            rest.split_whitespace().next()?.trim_end_matches('/').parse().ok()
        });
        let address = addresses.next().expect("it says where it listens");
        Self { child, address }
    }

    /// A line of its status that tells of its memory (proc_pid_status(5)), in MiB.
    pub(crate) fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
