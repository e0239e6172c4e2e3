//! Power, services, kernel, mounts and firewall.

use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::Field;

pub(super) const NAMES: &[&str] = &[
    "shutdown",
    "reboot",
    "poweroff",
    "halt",
    "init",
    "telinit",
    "systemctl",
    "loginctl",
    "service",
    "rc-service",
    "kexec",
    "rtcwake",
    "pm-suspend",
    "pm-hibernate",
    "busctl",
    "dbus-send",
    "gdbus",
    "osascript",
    "insmod",
    "rmmod",
    "modprobe",
    "umount",
    "mount",
    "swapoff",
    "iptables",
    "ip6tables",
    "iptables-legacy",
    "ip6tables-legacy",
    "iptables-nft",
    "ip6tables-nft",
    "nft",
    "sysctl",
    "ip",
    "ifconfig",
    "nmcli",
    "ifdown",
    "hostnamectl",
    "timedatectl",
    "chkconfig",
    "update-rc.d",
    "wall",
    "launchctl",
    "route",
    "pfctl",
    "openrc-shutdown",
];

fn refuse(rule: &'static str, call: &Invocation, what: &str) -> Judged<()> {
    Err(Refusal::new(rule, format!("`{}` would {what}", call.name)))
}

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, _: &mut Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-H", "-M", "-t", "--type", "-p", "-n", "--lines", "-o"]);
    let word = |text: &str| call.arguments.iter().any(|argument| argument.is(text));
    let any = |texts: &[&str]| texts.iter().any(|text| word(text));
    let power = "stop or restart this machine";
    match call.name.as_str() {
        "shutdown" if any(&["-c", "--show", "--help"]) => Ok(()),
        "reboot" | "poweroff" | "halt" if any(&["--help", "-w", "--wtmp-only"]) => Ok(()),
        "shutdown" | "reboot" | "poweroff" | "halt" | "kexec" | "pm-suspend" | "pm-hibernate" | "openrc-shutdown" => {
            refuse("power", call, power)
        }
        "init" | "telinit" if any(&["0", "1", "6", "s", "S", "emergency", "rescue"]) => refuse("power", call, power),
        "rtcwake" if !any(&["no", "on", "show", "disable"]) => refuse("power", call, power),
        "busctl" | "dbus-send" | "gdbus" | "osascript" => by_message(call),
        "systemctl" | "loginctl" | "service" | "rc-service" | "chkconfig" | "update-rc.d" | "launchctl" => {
            services(call, &options)
        }
        "insmod" | "rmmod" => refuse("kernel", call, "change the running kernel"),
        "modprobe" if options.has(&["-r", "--remove"]) && options.operands.iter().any(is_vital_module) => {
            refuse("kernel", call, "remove a part of the running kernel")
        }
        "sysctl" => sysctl(call),
        // To write everything back and begin again is a habit: `swapoff -a && swapon -a`.
        "swapoff" if options.has(&["-a", "--all"]) && !judge.mentions("swapon") => {
            refuse("kernel", call, "take away memory that programs use")
        }
        "umount" if options.has(&["-a", "--all"]) || any(&["/", "/home", "/usr", "/var", "/boot"]) => {
            refuse("mounts", call, "take away a part of the system")
        }
        "mount" => mount(call),
        name if is_iptables(name) && (options.has(&["-F", "--flush", "-X"]) || changes_policy(&call.arguments)) => {
            refuse("firewall", call, "open or empty the firewall")
        }
        "nft" if word("flush") || word("delete") => refuse("firewall", call, "empty the firewall"),
        "pfctl" if options.has(&["-d", "-F"]) => refuse("firewall", call, "open or empty the firewall"),
        "ip" | "ifconfig" | "ifdown" | "nmcli" | "route" => network(call),
        _ => Ok(()),
    }
}

/// Modules of file systems, disks and displays, without which a machine stands still.
fn is_vital_module(operand: &Field) -> bool {
    let name = operand.visible().replace('-', "_");
    let exact = ["ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay", "nvme", "ahci", "dm_mod", "i915", "amdgpu"];
    exact.contains(&name.as_str())
        || ["nvme", "virtio", "sd_", "scsi", "usb", "xhci", "e1000", "md_"].iter().any(|start| name.starts_with(start))
}

fn by_message(call: &Invocation) -> Judged<()> {
    let text: String = call.arguments.iter().map(|argument| argument.visible().to_lowercase() + " ").collect();
    let power = ["poweroff", "reboot", "shut down", "restart\"", "hibernate", ".halt", ".suspend", "kexec"];
    if power.iter().any(|word| text.contains(word)) {
        return refuse("power", call, "stop or restart this machine");
    }
    Ok(())
}

/// Services without which nobody gets into the machine again.
const VITAL: &[&str] = &[
    "ssh",
    "sshd",
    "dbus",
    "networkmanager",
    "network-manager",
    "networking",
    "systemd-networkd",
    "systemd-logind",
    "systemd-resolved",
    "systemd-journald",
    "systemd-udevd",
    "firewalld",
    "ufw",
    "nftables",
    "iptables",
    "auditd",
    "apparmor",
    "display-manager",
    "gdm",
    "getty@tty1",
    "fail2ban",
    "polkit",
];

fn services(call: &Invocation, options: &Options) -> Judged<()> {
    let words: Vec<String> = options.operands.iter().map(|operand| operand.visible().to_lowercase()).collect();
    let has = |texts: &[&str]| words.iter().any(|word| texts.contains(&word.as_str()));
    let looks =
        ["status", "show", "is-active", "is-enabled", "cat", "list-units", "list-dependencies", "help", "is-failed"];
    let first = words.first().map(String::as_str).unwrap_or_default();
    if call.name == "systemctl" && looks.contains(&first) {
        return Ok(());
    }
    let power = [
        "poweroff",
        "reboot",
        "halt",
        "kexec",
        "suspend",
        "hibernate",
        "hybrid-sleep",
        "suspend-then-hibernate",
        "emergency",
        "rescue",
        "exit",
        "soft-reboot",
    ];
    if matches!(call.name.as_str(), "systemctl" | "loginctl") && power.contains(&first) {
        return refuse("power", call, "stop or restart this machine");
    }
    let starts = ["start", "isolate", "set-default"].contains(&first);
    let power_unit = |word: &String| {
        let unit = word.trim_end_matches(".target").trim_end_matches(".service");
        power.contains(&unit) || unit == "runlevel0" || unit == "runlevel6" || unit == "ctrl-alt-del"
    };
    if starts && words.iter().skip(1).any(power_unit) {
        return refuse("power", call, "stop or restart this machine");
    }
    if has(&["kill-user", "terminate-user", "terminate-seat"]) {
        return refuse("kill-all", call, "end everything that a user runs");
    }
    let stops = has(&["stop", "disable", "mask", "kill", "off", "remove", "bootout", "unload"]);
    // launchd's names: `system/com.openssh.sshd`, `/System/Library/LaunchDaemons/ssh.plist`.
    let last = |word: &'_ str| word.trim_end_matches(".plist").rsplit(['/', '.']).next().map(str::to_owned);
    let vital = |word: &String| {
        let unit = word.trim_end_matches(".service").trim_end_matches(".socket");
        VITAL.contains(&unit)
            || call.name == "launchctl" && last(word).is_some_and(|name| VITAL.contains(&name.as_str()))
    };
    if stops && words.iter().any(vital) && !options.has(&["--user"]) {
        return refuse("services", call, "switch off a service that this machine depends on");
    }
    Ok(())
}

fn sysctl(call: &Invocation) -> Judged<()> {
    let sets = |argument: &Field| {
        let text = argument.visible().replace(' ', "");
        text.split_once('=').is_some_and(|(name, value)| weakens(&name.replace('/', "."), value))
    };
    if call.arguments.iter().any(sets) {
        return refuse("kernel", call, "change how the kernel protects itself");
    }
    Ok(())
}

/// Whether a setting of the kernel takes a protection away; what hardens it, or only says when to restart, does not.
fn weakens(name: &str, value: &str) -> bool {
    match name {
        "kernel.core_pattern" => value.is_empty() || value.starts_with('|'),
        "kernel.modprobe" => true,
        "kernel.randomize_va_space" => value != "2",
        "kernel.sysrq" => value != "0",
        "kernel.yama.ptrace_scope" => !["1", "2", "3"].contains(&value),
        _ => false,
    }
}

/// Mounting over a directory of the system hides it; `mount` alone and image files in the workspace are fine.
fn mount(call: &Invocation) -> Judged<()> {
    let settings = Options::read(&call.arguments, &["-o", "--options", "-t"]);
    let locks = settings.values(&["-o", "--options"]).any(|value| {
        let text = value.visible();
        text.contains("remount") && text.split(',').any(|option| option == "ro")
    });
    if locks {
        return refuse("mounts", call, "make a part of the running system read-only");
    }
    let options = Options::read(&call.arguments, &["-o", "-t", "--options", "--types", "-L", "-U"]);
    let system =
        ["/", "/etc", "/usr", "/bin", "/sbin", "/lib", "/home", "/root", "/var", "/boot", "/proc", "/sys", "/dev"];
    if let [.., _, onto] = options.operands.as_slice()
        && system.iter().any(|path| onto.is(path))
    {
        return refuse("mounts", call, "hide a part of the system");
    }
    Ok(())
}

/// The program itself, by whatever it drives the kernel, and not what saves or restores its rules.
fn is_iptables(name: &str) -> bool {
    let plain = name.trim_end_matches("-legacy").trim_end_matches("-nft");
    plain == "iptables" || plain == "ip6tables"
}

/// A policy that lets everything in or through, or that lets nothing in or out of this machine itself.
fn changes_policy(arguments: &[Field]) -> bool {
    arguments.windows(3).any(|words| {
        let is = |at: usize, texts: &[&str]| texts.iter().any(|text| words[at].is(text));
        is(0, &["-P", "--policy"])
            && is(1, &["INPUT", "FORWARD", "OUTPUT"])
            && (words[2].known().is_none() || is(2, &["ACCEPT"]) || !is(1, &["FORWARD"]))
    })
}

fn network(call: &Invocation) -> Judged<()> {
    let words: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    let has = |text: &str| words.iter().any(|word| word == text);
    let downs = has("down") && (has("link") || call.name == "ifconfig")
        || has("flush") && (flushes_routes(&words) || has("addr") || has("address"))
        || call.name == "ifdown"
        || (has("del") || has("delete")) && (has("link") || has("default"))
        || call.name == "nmcli" && has("off") && (has("networking") || has("radio"));
    let own = words.iter().any(|word| {
        ["docker", "br-", "veth", "tun", "tap", "lo", "dummy", "wg", "vcan", "can"]
            .iter()
            .any(|kind| word.starts_with(kind))
            && word.len() < 16
            && word != "link"
            && word != "local"
    });
    if downs && !own {
        return refuse("services", call, "cut this machine off from its network");
    }
    Ok(())
}

/// The cache of routes fills by itself, and a table of one's own is no way out of the machine.
fn flushes_routes(words: &[String]) -> bool {
    let has = |texts: &[&str]| words.iter().any(|word| texts.contains(&word.as_str()));
    has(&["route", "r", "ro"])
        && !has(&["cache"])
        && (!has(&["table"]) || has(&["main", "all", "default", "local", "254", "255"]))
}
