//! The engine's API, driven with as little as it takes: create, attach, start, read to the end, wait, remove.

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
        WaitContainerOptions,
    },
};
use futures::StreamExt;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

pub(crate) struct Engine {
    docker: Docker,
    image: String,
}

impl Engine {
    pub(crate) fn connect(image: &str) -> Self {
        Self { docker: Docker::connect_with_defaults().expect("there is an engine"), image: image.to_owned() }
    }

    /// The time until the output is there and the exit code is known; the removal comes after, as in the bridge.
    pub(crate) async fn run(&self, program: &str) -> Duration {
        let began = Instant::now();
        let created = self.docker.create_container(None::<CreateContainerOptions>, self.body(program)).await.unwrap();
        let attach =
            AttachContainerOptionsBuilder::default().stdin(true).stdout(true).stderr(true).stream(true).build();
        let mut streams = self.docker.attach_container(&created.id, Some(attach)).await.unwrap();
        self.docker.start_container(&created.id, None::<StartContainerOptions>).await.unwrap();
        let mut output = Vec::new();
        while let Some(Ok(frame)) = streams.output.next().await {
            output.extend(frame.into_bytes());
        }
        let code = self.docker.wait_container(&created.id, None::<WaitContainerOptions>).next().await.unwrap().unwrap();
        let time = began.elapsed();
        assert_eq!((output.as_slice(), code.status_code), (&b"4\n"[..], 0));
        let remove = RemoveContainerOptionsBuilder::default().force(true).build();
        self.docker.remove_container(&created.id, Some(remove)).await.unwrap();
        time
    }

    /// The same limits as the bridge's.
    fn body(&self, program: &str) -> ContainerCreateBody {
        let memory = Some(256 << 20);
        let limit =
            |name: &str, value| ResourcesUlimits { name: Some(name.into()), soft: Some(value), hard: Some(value) };
        let writable = |rest: &str| format!("rw,exec,nosuid,nodev,{rest}");
        let seccomp = include_str!("../../sandbox/seccomp.json");
        let host = HostConfig {
            memory,
            memory_swap: memory,
            nano_cpus: Some(500_000_000),
            pids_limit: Some(128),
            network_mode: Some("none".into()),
            ipc_mode: Some("none".into()),
            cap_drop: Some(vec!["ALL".into()]),
            security_opt: Some(vec!["no-new-privileges".into(), format!("seccomp={seccomp}")]),
            readonly_rootfs: Some(true),
            tmpfs: Some(HashMap::from([
                ("/home/sandbox/workspace".into(), writable("size=128m,uid=1000,gid=1000")),
                ("/tmp".into(), writable("size=64m")),
            ])),
            ulimits: Some(vec![limit("core", 0), limit("nofile", 1024)]),
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            ..HostConfig::default()
        };
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(["python3", "-c", program].map(str::to_owned).to_vec()),
            user: Some("1000:1000".into()),
            working_dir: Some("/home/sandbox/workspace".into()),
            network_disabled: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        }
    }
}
