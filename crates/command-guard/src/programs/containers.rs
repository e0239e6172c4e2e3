//! Containers: harmless by themselves, dangerous by what of the host they see.

use crate::effects::{Call, Effects};
use crate::options::Options;
use crate::scope::Scope;
use crate::targets::{Target, resolve};
use crate::values::{Data, Field};

pub(super) const NAMES: &[&str] =
    &["docker", "podman", "nerdctl", "docker-compose", "podman-compose", "singularity", "apptainer"];

/// Options of `docker run` that take a value in the next argument.
const VALUED: &str = "-v --volume -B --bind --mount -w --workdir -e --env --env-file -p --publish --name -u --user \
                      --network --net --entrypoint -h --hostname -m --memory --cpus -l --label --device --cap-add \
                      --cap-drop --security-opt --tmpfs --shm-size --ulimit --restart --pid --ipc --uts --userns \
                      --gpus --platform --pull --add-host --dns --log-driver --log-opt -a --attach --volumes-from \
                      --ip --link --runtime --stop-signal --stop-timeout -c --cpu-shares --cpuset-cpus --group-add \
                      --health-cmd --cgroupns --expose --init-path --memory-swap --pids-limit --read-only-path \
                      --cidfile --sysctl --blkio-weight";

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let (_, read) =
        Options::leading(call.arguments, &["-H", "--host", "-c", "--context", "-l", "--log-level", "--config"]);
    let mut rest = &call.arguments[read..];
    if rest.first().is_some_and(|first| first.is("container")) {
        rest = &rest[1..];
    } else if rest.first().is_some_and(|first| first.is("compose")) {
        let (_, read) = Options::leading(&rest[1..], &["-f", "--file", "-p", "--project-name", "--profile"]);
        rest = &rest[1 + read..];
    }
    let image = matches!(call.name, "singularity" | "apptainer");
    let task = rest.first().map(Field::visible).unwrap_or_default();
    if task == "exec" && !image {
        return enters(&call.with(&rest[1..]), effects);
    }
    if !matches!((task.as_str(), image), ("run" | "create", false) | ("exec", true)) {
        return;
    }
    let (options, read) = Options::leading(&rest[1..], &valued());
    let inside = &rest[1 + read..];
    let command = inside.get(1..).unwrap_or_default();
    let inner = container(&options, call.scope);
    let mut argv: Vec<Field> = options.value(&["--entrypoint"]).into_iter().collect();
    argv.extend_from_slice(command);
    if opens_the_host(&argv, &inner) {
        return effects.refuse("account", "the container would hand out a shell of this machine's root");
    }
    let reaches = options.has(&["--privileged", "--device"]);
    effects.program(&argv).in_scope(&inner).forgiving(if reaches { |_| false } else { is_own });
}

fn valued() -> Vec<&'static str> {
    VALUED.split(' ').collect()
}

/// `docker exec NAME command`: what is mounted there is not known; the way out of it is, and what no container survives.
fn enters(call: &Call<'_>, effects: &mut Effects) {
    let (_, read) = Options::leading(call.arguments, &valued());
    let command = call.arguments.get(read + 1..).unwrap_or_default();
    if command.first().is_some_and(|program| program.is("nsenter")) {
        effects.program(command);
    }
    effects.program(command).elsewhere(call.scope);
}

/// A shell in the namespaces of the first process, or in the host's root: nothing of the container is left around it.
fn opens_the_host(argv: &[Field], inner: &Scope) -> bool {
    let Some((program, arguments)) = argv.split_first() else {
        return false;
    };
    let shell = |field: &Field| field.known().is_some_and(|text| text.ends_with("sh"));
    let ends_in_shell = arguments.last().is_some_and(shell) || arguments.len() == 1;
    match program.known().as_deref().and_then(|text| text.rsplit('/').next()) {
        Some("nsenter") => {
            let first = Options::leading(arguments, &["-t", "--target"]).0.value(&["-t", "--target"]);
            ends_in_shell && first.is_some_and(|process| process.is("1"))
        }
        Some("chroot") => {
            let root = arguments.iter().find(|argument| !argument.visible().starts_with('-'));
            ends_in_shell && root.is_some_and(|root| resolve(root, inner).iter().any(Target::is_root))
        }
        _ => false,
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
    for place in options.values(&["-B", "--bind"]).filter(|place| place.split_once(':').is_none()) {
        add(&mut mounts, &place.visible(), place, scope);
    }
    for volume in options.values(&["-v", "--volume", "-B", "--bind"]) {
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
        if let crate::values::Part::Text(text) = part
            && let Some((head, _)) = text.split_once(':')
        {
            before.push(crate::values::Part::Text(head.to_owned()));
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
