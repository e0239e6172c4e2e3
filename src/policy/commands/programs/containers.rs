//! Containers: harmless by themselves, dangerous by what of the host they see.

use crate::policy::commands::judge::{Judge, Judged};
use crate::policy::commands::options::Options;
use crate::policy::commands::scope::Scope;
use crate::policy::commands::simple::Invocation;
use crate::policy::commands::targets::resolve;
use crate::policy::commands::values::{Data, Field};

pub(super) const NAMES: &[&str] = &["docker", "podman", "nerdctl", "docker-compose", "bwrap"];

/// Options of `docker run` that take a value in the next argument.
const VALUED: &[&str] = &[
    "-v",
    "--volume",
    "--mount",
    "-w",
    "--workdir",
    "-e",
    "--env",
    "--env-file",
    "-p",
    "--publish",
    "--name",
    "-u",
    "--user",
    "--network",
    "--net",
    "--entrypoint",
    "-h",
    "--hostname",
    "-m",
    "--memory",
    "--cpus",
    "-l",
    "--label",
    "--device",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--tmpfs",
    "--shm-size",
    "--ulimit",
    "--restart",
    "--pid",
    "--ipc",
    "--uts",
    "--userns",
    "--gpus",
    "--platform",
    "--pull",
    "--add-host",
    "--dns",
    "--log-driver",
    "--log-opt",
    "-a",
    "--attach",
    "--volumes-from",
    "--ip",
    "--link",
    "--runtime",
    "--stop-signal",
    "--stop-timeout",
    "-c",
    "--cpu-shares",
    "--cpuset-cpus",
    "--group-add",
    "--health-cmd",
    "--cgroupns",
    "--expose",
    "--init-path",
    "--memory-swap",
    "--pids-limit",
    "--read-only-path",
    "--cidfile",
    "--sysctl",
    "--blkio-weight",
];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    if call.name == "bwrap" {
        return Ok(());
    }
    let (_, read) =
        Options::leading(&call.arguments, &["-H", "--host", "-c", "--context", "-l", "--log-level", "--config"]);
    let mut rest = &call.arguments[read..];
    if rest.first().is_some_and(|first| first.is("container")) {
        rest = &rest[1..];
    }
    let runs = rest.first().is_some_and(|first| first.is("run") || first.is("create"));
    if !runs {
        return Ok(());
    }
    let (options, read) = Options::leading(&rest[1..], VALUED);
    let inside = &rest[1 + read..];
    let command = inside.get(1..).unwrap_or_default();
    let mut inner = container(&options, scope);
    let mut argv: Vec<Field> = options.value(&["--entrypoint"]).into_iter().collect();
    argv.extend_from_slice(command);
    let result = judge.run(&argv, &mut inner);
    match result {
        Err(refusal) if is_own(refusal.rule) && !options.has(&["--privileged", "--device"]) => Ok(()),
        other => other.map(drop),
    }
}

/// Dangers that stay in the container: its own machine, accounts, processes and devices.
fn is_own(rule: &str) -> bool {
    matches!(
        rule,
        "power"
            | "disk"
            | "kill-all"
            | "account"
            | "services"
            | "firewall"
            | "packages"
            | "kernel"
            | "mounts"
            | "permissions"
            | "pipe-to-shell"
            | "decoded-shell"
            | "fork-bomb"
            | "disk-full"
            | "hidden-character"
    )
}

/// The container's view: what is mounted leads to the host, everything else is its own.
fn container(options: &Options, scope: &Scope) -> Scope {
    let mut mounts = Vec::new();
    for volume in options.values(&["-v", "--volume"]) {
        if let Some((_, after)) = volume.split_once(':').map(|(head, tail)| (head, tail.visible())) {
            let inside = after.split(':').next().unwrap_or_default().to_owned();
            let read_only = after.split(':').skip(1).any(|flags| flags.split(',').any(|flag| flag == "ro"));
            let outside = before_colon(volume);
            if !read_only {
                add(&mut mounts, &inside, &outside, scope);
            }
        }
    }
    for mount in options.values(&["--mount"]) {
        let text = mount.visible();
        let part = |names: &[&str]| {
            text.split(',').find_map(|part| {
                let (name, value) = part.split_once('=')?;
                names.contains(&name).then(|| value.to_owned())
            })
        };
        let read_only = text.split(',').any(|part| matches!(part, "ro" | "readonly" | "ro=true" | "readonly=true"));
        if let (Some(outside), Some(inside)) = (part(&["src", "source"]), part(&["dst", "destination", "target"]))
            && !read_only
        {
            add(&mut mounts, &inside, &Field::text(outside), scope);
        }
    }
    // A privileged container reaches the disks of the host by their usual names.
    if options.has(&["--privileged", "--device"]) {
        mounts.push(("/dev".to_owned(), "/dev".to_owned()));
    }
    let mut inner = scope.clone();
    inner.mounts = Some(mounts);
    let directory = options.value(&["-w", "--workdir"]).and_then(|field| field.known());
    inner.directories = vec![Some(directory.unwrap_or_else(|| "/".to_owned()))];
    inner.stdin = if options.has(&["-i", "--interactive"]) { scope.stdin.clone() } else { Data::Nothing };
    // The home of the container is its own.
    inner.set_one("HOME", Field::text("/root"));
    inner
}

fn before_colon(field: &Field) -> Field {
    let mut before = Field::default();
    for part in &field.0 {
        if let crate::policy::commands::values::Part::Text(text) = part
            && let Some((head, _)) = text.split_once(':')
        {
            before.push(crate::policy::commands::values::Part::Text(head.to_owned()));
            return before;
        }
        before.push(part.clone());
    }
    before
}

fn add(mounts: &mut Vec<(String, String)>, inside: &str, outside: &Field, scope: &Scope) {
    // A name without a slash is a volume of the engine, not a place of the host.
    let text = outside.visible();
    if !text.contains('/') && text != "." && text != ".." && outside.origin().is_none() {
        return;
    }
    for target in resolve(outside, scope) {
        mounts.push((inside.to_owned(), target.shown()));
    }
}
