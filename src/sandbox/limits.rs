//! What a container may use and do: the settings as the engine takes them.

use crate::settings::Settings;
use anyhow::Result;
use bollard::models::{DeviceRequest, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use std::collections::HashMap;

/// Where programs start, and the only place but `/tmp` that they can write to.
pub(super) const WORKSPACE: &str = "/home/sandbox/workspace";

/// The user of the image, by number: another image need not know the name.
pub(super) const USER: &str = "1000:1000";

/// The longest a run may take, in seconds.
pub(super) const MAX_TIMEOUT: u64 = 60;

/// Which system calls a program may make.
const SECCOMP: &str = include_str!("../../sandbox/seccomp.json");

/// The limits of every container.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    memory_mib: u64,
    cpus: f64,
    pids: u64,
    /// The size of the workspace, in MiB.
    pub workspace_mib: u64,
    tmp_mib: u64,
    gpu: Gpu,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Gpu {
    None,
    All,
    Count(i64),
}

impl Limits {
    /// # Errors
    /// When `SANDBOX_GPU` is not understood.
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        Ok(Self {
            memory_mib: settings.sandbox_memory_mib,
            cpus: settings.sandbox_cpus,
            pids: settings.sandbox_pids,
            workspace_mib: settings.sandbox_workspace_mib,
            tmp_mib: settings.sandbox_tmp_mib,
            gpu: Gpu::parse(&settings.sandbox_gpu)?,
        })
    }

    /// Everything that confines a container.
    pub(crate) fn host_config(&self, is_podman: bool) -> HostConfig {
        let memory = mib(self.memory_mib);
        HostConfig {
            memory: Some(memory),
            // The sum of memory and swap: no swap.
            memory_swap: Some(memory),
            #[expect(clippy::cast_possible_truncation, reason = "at most 64e9")]
            nano_cpus: Some((self.cpus * 1e9) as i64),
            pids_limit: Some(self.pids.cast_signed()),
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(security(is_podman)),
            readonly_rootfs: Some(true),
            tmpfs: Some(self.writable()),
            ulimits: Some(vec![
                ulimit("core", 0),
                ulimit("nofile", 1024),
                ulimit("fsize", mib(self.workspace_mib.max(self.tmp_mib) + 1)),
            ]),
            // Output goes through attach only: the engine's log files would grow outside every limit.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            device_requests: self.gpu.requests(),
            ..HostConfig::default()
        }
    }

    /// In memory, so that they vanish with the container, and counted as its memory.
    fn writable(&self) -> HashMap<String, String> {
        let options = |mib: u64, rest: &str| format!("rw,exec,nosuid,nodev,size={mib}m,{rest}");
        HashMap::from([
            (WORKSPACE.to_owned(), options(self.workspace_mib, "uid=1000,gid=1000,mode=0755")),
            ("/tmp".to_owned(), options(self.tmp_mib, "mode=1777")),
        ])
    }
}

fn mib(count: u64) -> i64 {
    (count * 1024 * 1024).cast_signed()
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
}

fn security(is_podman: bool) -> Vec<String> {
    let mut options = vec!["no-new-privileges".to_owned()];
    if !is_podman {
        options.push(format!("seccomp={SECCOMP}"));
    }
    options
}

impl Gpu {
    fn parse(text: &str) -> Result<Self> {
        match text.to_lowercase().as_str() {
            "none" | "0" => Ok(Self::None),
            "all" => Ok(Self::All),
            number => {
                let count = number.parse().ok().filter(|count| (1..=64).contains(count));
                count
                    .map(Self::Count)
                    .ok_or_else(|| anyhow::anyhow!("SANDBOX_GPU is {text:?}, but must be none, all or 1 to 64"))
            }
        }
    }

    /// As `docker run --gpus` asks for them; -1 is all.
    fn requests(&self) -> Option<Vec<DeviceRequest>> {
        let count = match self {
            Self::None => return None,
            Self::All => -1,
            Self::Count(count) => *count,
        };
        let capabilities = Some(vec![vec!["gpu".to_owned()]]);
        Some(vec![DeviceRequest { count: Some(count), capabilities, ..DeviceRequest::default() }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(name: &str, value: &str) -> Result<Limits> {
        Limits::open(&Settings::from_pairs([(name, value)]).unwrap())
    }

    #[test]
    fn the_number_of_graphics_processors_has_an_upper_bound() {
        for value in ["65", "some"] {
            let error = limits("SANDBOX_GPU", value).unwrap_err().to_string();
            assert!(error.contains("SANDBOX_GPU") && error.contains("must be"), "{error}");
        }
    }

    #[test]
    fn graphics_processors_are_asked_for_by_number() {
        let count = |value| limits("SANDBOX_GPU", value).unwrap().gpu.requests().map(|all| all[0].count);
        assert_eq!((count("none"), count("all"), count("2")), (None, Some(Some(-1)), Some(Some(2))));
    }
}
