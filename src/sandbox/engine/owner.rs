//! Whose a container is: labels by which a later server knows what an earlier, killed one left behind.
#![expect(clippy::disallowed_methods, reason = "the kernel's own files, not paths that a caller names")]

use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// What a container is for: `run`, `session`.
pub(super) const PURPOSE: &str = "skynet-bridge.sandbox";
/// `MACHINE/PROCESS` of the server that made it.
const SERVER: &str = "skynet-bridge.server";
/// When it is certainly no longer needed, in seconds since 1970: what another machine's server left is removed then.
const UNTIL: &str = "skynet-bridge.until";

/// This server, as its labels name it.
pub(super) struct Owner {
    machine: String,
    process: String,
}

impl Owner {
    /// This process on this machine.
    pub(crate) fn this() -> Self {
        Self { machine: machine(), process: process(std::process::id()).unwrap_or_else(|| "unknown".to_owned()) }
    }

    /// The labels of a container for `purpose` that is needed no longer than `lifetime`.
    pub(crate) fn labels(&self, purpose: &str, lifetime: Duration) -> HashMap<String, String> {
        let until = seconds_now() + lifetime.as_secs();
        HashMap::from([
            (PURPOSE.to_owned(), purpose.to_owned()),
            (SERVER.to_owned(), format!("{}/{}", self.machine, self.process)),
            (UNTIL.to_owned(), until.to_string()),
        ])
    }

    /// Whether the server that made a container with these labels is gone: seen for this machine's, by the time that
    /// it set itself for others'. Several bridges may share an engine.
    pub(crate) fn is_abandoned(&self, labels: &HashMap<String, String>) -> bool {
        let number = |label: &str| labels.get(label).and_then(|text| text.parse::<u64>().ok());
        if number(UNTIL).is_none_or(|until| until < seconds_now()) {
            return true;
        }
        let Some((machine, other)) = labels.get(SERVER).and_then(|text| text.split_once('/')) else { return true };
        if machine != self.machine {
            return false;
        }
        let pid = other.split(':').next().and_then(|pid| pid.parse().ok());
        cfg!(target_os = "linux") && pid.and_then(process).as_deref() != Some(other)
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The same for every process that sees the same process numbers.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let numbers = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digest = Sha256::digest(format!("{}{}{}", read("/etc/machine-id"), host_name(), numbers.display()));
    digest[..8].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    String::new()
}

/// `PID:START:BOOT`: a number that another process has taken over since does not pass for this one.
/// The start is field 22 of proc_pid_stat(5), in ticks since the boot.
#[cfg(target_os = "linux")]
fn process(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let start = stat.rsplit(')').next()?.split_whitespace().nth(19)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{pid}:{start}:{}", boot.trim()))
}

#[cfg(not(target_os = "linux"))]
fn process(pid: u32) -> Option<String> {
    Some(format!("{pid}:{}", seconds_now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_containers_of_a_living_server_are_not_abandoned() {
        let owner = Owner::this();
        assert!(!owner.is_abandoned(&owner.labels("run", HOUR)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn those_of_a_dead_process_and_those_past_their_time_are() {
        let owner = Owner::this();
        let dead = Owner { machine: owner.machine.clone(), process: "4194304:1:x".to_owned() };
        assert!(owner.is_abandoned(&dead.labels("run", HOUR)));
        let elsewhere = Owner { machine: "other".to_owned(), process: "1:1:x".to_owned() };
        assert!(!owner.is_abandoned(&elsewhere.labels("run", HOUR)));
        let mut late = elsewhere.labels("run", HOUR);
        late.insert(UNTIL.to_owned(), "1".to_owned());
        assert!(owner.is_abandoned(&late));
    }
}
