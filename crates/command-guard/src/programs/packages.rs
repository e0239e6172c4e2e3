//! Package managers: removing what the system stands on, and commands hidden in their options.

use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::patterns::matches_text;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::Field;

pub(super) const NAMES: &[&str] =
    &["apt", "apt-get", "aptitude", "dpkg", "yum", "dnf", "rpm", "pacman", "zypper", "apk", "emerge", "snap", "brew"];

/// Packages without which a system does not start, or cannot be repaired.
const ESSENTIAL: &[&str] = &[
    "libc6",
    "glibc",
    "libc-bin",
    "musl",
    "dpkg",
    "apt",
    "rpm",
    "yum",
    "dnf",
    "pacman",
    "apk-tools",
    "alpine-baselayout",
    "core",
    "snapd",
    "bash",
    "dash",
    "coreutils",
    "util-linux",
    "systemd",
    "systemd-sysv",
    "init",
    "sudo",
    "login",
    "passwd",
    "mount",
    "grub-pc",
    "grub-efi-amd64",
    "grub2",
    "grub",
    "python3",
    "python3-minimal",
    "perl-base",
    "perl",
    "openssh-server",
    "network-manager",
    "NetworkManager",
    "linux",
    "kernel",
    "base-files",
    "base",
    "filesystem",
    "initramfs-tools",
    "e2fsprogs",
    "libpam-runtime",
    "udev",
    "dbus",
    "ubuntu-desktop",
    "linux-image-generic",
    "linux-image-amd64",
    "kernel-core",
    "openssl",
    "ca-certificates",
    "busybox",
    "alpine-base",
];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let valued = ["-o", "-t", "-c", "--option", "--config-file", "--root", "-r"];
    // For dpkg it removes.
    let valued = if call.name == "dpkg" { &valued[..6] } else { &valued };
    let options = Options::read(&call.arguments, valued);
    // `apt -o APT::Update::Pre-Invoke::=command` runs the command as root.
    for option in options.values(&["-o", "--option"]) {
        if let Some((name, value)) = option.split_once('=')
            && name.to_lowercase().contains("invoke")
        {
            let source = crate::values::Data::Text(value.clone());
            let text = crate::shells::script_text(&value);
            crate::shells::run_text(judge, &source, &text, &mut scope.clone())?;
        }
    }
    if options.has(&["-s", "--simulate", "--dry-run", "--just-print", "--assumeno"])
        && !matches!(call.name.as_str(), "pacman" | "rpm" | "dpkg")
    {
        return Ok(());
    }
    let removes = removes(call, &options);
    let essential = |operand: &&Field| {
        let name = operand.visible();
        let plain = name.split([':', '=']).next().unwrap_or_default().trim_end_matches(['-', '+']);
        ESSENTIAL.iter().any(|known| matches_text(plain, known)) || is_kernel(plain)
    };
    if removes && let Some(package) = options.operands.iter().find(essential) {
        return Err(Refusal::new(
            "packages",
            format!("`{}` would remove {}, which the system stands on", call.name, package.visible()),
        ));
    }
    Ok(())
}

/// A kernel that a machine can start, and not what one is built, examined or documented with.
fn is_kernel(package: &str) -> bool {
    const BESIDE: &[&str] = &[
        "devel",
        "headers",
        "tools",
        "doc",
        "docs",
        "debuginfo",
        "debug",
        "source",
        "macros",
        "dbg",
        "dbgsym",
        "syms",
    ];
    let Some(rest) = package.strip_prefix("linux-image-").or_else(|| package.strip_prefix("kernel-")) else {
        return false;
    };
    let mut words = rest.split(['-', '_']);
    let kind = words.clone().next().unwrap_or_default();
    let starts = package.starts_with("linux-image-")
        || kind.starts_with(|c: char| c.is_ascii_digit() || "*?[".contains(c))
        || ["core", "modules", "default", "lt", "ml", "rt", "uek", "pae", "PAE", "generic", "image"].contains(&kind);
    starts && !words.any(|word| BESIDE.contains(&word))
}

fn removes(call: &Invocation, options: &Options) -> bool {
    let word =
        |names: &[&str]| options.operands.iter().take(2).any(|operand| names.iter().any(|name| operand.is(name)));
    match call.name.as_str() {
        "dpkg" => options.has(&["-r", "-P", "--remove", "--purge"]),
        "rpm" => options.has(&["-e", "--erase"]),
        "pacman" => options.options.iter().any(|option| option.name == "-R" || option.name == "--remove"),
        "apk" => word(&["del"]),
        "emerge" => options.has(&["-C", "--unmerge"]),
        "brew" => false,
        _ => word(&["remove", "purge", "erase", "rm", "autoremove"]),
    }
}
