//! What a command is refused at a place, in a sentence for who ran it: a program only says "permission denied", or that
//! nothing is there.

use super::{Level, Refusal, bounds::Bounds, places, sockets::Sockets, system_settings};
use std::path::Path;

/// Where the system keeps what runs now. A view has an empty one.
const RUNTIME: [&str; 2] = ["/run", "/var/run"];

/// What the kernel and the running system show of themselves.
const KERNELS: [&str; 5] = ["/run", "/var/run", "/sys", "/proc", "/dev"];

/// What each program finds in `/dev` beside [`places::DEVICES`].
const OWN_DEVICES: [&str; 7] = ["fd", "pts", "shm", "stdin", "stdout", "stderr", "ptmx"];

/// The settings that lift a refusal.
const MCP_COMMAND_SOCKETS: Option<&str> = Some("MCP_COMMAND_SOCKETS");
const MCP_COMMAND_DEVICES: Option<&str> = Some("MCP_COMMAND_DEVICES");
const MCP_DENIED_PATHS: Option<&str> = Some("MCP_DENIED_PATHS");
const MCP_WRITABLE_PATHS: Option<&str> = Some("MCP_WRITABLE_PATHS");
const MCP_ALLOWED_DIRS: Option<&str> = Some("MCP_ALLOWED_DIRS");

/// Says what is refused at a path without dots in it.
pub(crate) fn at(path: &Path, bounds: &Bounds, sockets: &Sockets, level: Level) -> Option<Refusal> {
    if level == Level::None || bounds.private().holds(path) {
        return None;
    }
    let has_view = level == Level::Namespaces;
    if has_view && sockets.shows(path) {
        return None;
    }
    if has_view && sockets.covers(path) {
        let why = "is a socket of a program outside, which commands do not reach";
        return Some(hidden(why, MCP_COMMAND_SOCKETS));
    }
    if KERNELS.iter().any(|place| path.starts_with(place)) {
        return kernels(path, has_view, bounds);
    }
    settings_of_system(path, bounds).or_else(|| workspace(path, bounds))
}

fn hidden(why: impl Into<String>, setting: Option<&'static str>) -> Refusal {
    Refusal { why: why.into(), setting, reading_too: true }
}

fn read_only(why: impl Into<String>, setting: Option<&'static str>) -> Refusal {
    Refusal { reading_too: false, ..hidden(why, setting) }
}

/// What the kernel and the running system show of themselves.
fn kernels(path: &Path, has_view: bool, bounds: &Bounds) -> Option<Refusal> {
    if RUNTIME.iter().any(|place| path.starts_with(place) && path != Path::new(place)) {
        let why = "lies where the system keeps sockets and state of running services, which commands do not see";
        return Some(hidden(why, if has_view { MCP_COMMAND_SOCKETS } else { None }));
    }
    if path.starts_with("/sys") && !places::KERNEL.iter().any(|place| path.starts_with(place)) {
        return Some(hidden("is a window into the kernel, of which commands see the processors alone", None));
    }
    if path.starts_with("/proc/sys") || path == Path::new("/proc/sysrq-trigger") {
        return Some(read_only("is a switch of the kernel, which commands can read and not change", None));
    }
    let name = path.strip_prefix("/dev").ok()?.components().next()?.as_os_str().to_str()?;
    let is_own = places::DEVICES.contains(&name) || OWN_DEVICES.contains(&name);
    let is_given = bounds.devices.present().iter().any(|device| path.starts_with(device));
    (!is_own && !is_given).then(|| {
        hidden("is a device, of which commands get the harmless ones and those that are named", MCP_COMMAND_DEVICES)
    })
}

fn settings_of_system(path: &Path, bounds: &Bounds) -> Option<Refusal> {
    let below = path.strip_prefix("/etc").ok()?;
    let name = below.components().next()?.as_os_str().to_str()?;
    let is_shown = system_settings::is_shown(name) && !bounds.denies_below(path, Path::new("/etc"));
    Some(match is_shown {
        true => read_only("belongs to the system's settings, which commands can read and not change", None),
        false => hidden("belongs to the system's settings, of which commands see the harmless part alone", None),
    })
}

fn workspace(path: &Path, bounds: &Bounds) -> Option<Refusal> {
    let is_tool = places::tools(&bounds.homes).iter().any(|tool| path.starts_with(tool) && bounds.may_show_tool(tool));
    if is_tool && !bounds.reaches(path) {
        return Some(read_only("belongs to the user's tools, which commands can use and not change", None));
    }
    if bounds.is_denied(path) {
        let setting = if bounds.is_always_denied(path) { None } else { MCP_DENIED_PATHS };
        return Some(hidden("is kept from commands as it is from the file routes", setting));
    }
    if bounds.is_kept(path) {
        return Some(read_only("belongs to the bridge, which alone writes there", None));
    }
    if bounds.roots.is_empty() || bounds.roots.iter().any(|root| path.starts_with(root)) {
        let why = "lies where commands can read and not change";
        return (!bounds.may_change(path)).then(|| read_only(why, MCP_WRITABLE_PATHS));
    }
    if places::SYSTEM.iter().chain(&places::PACKAGES).any(|place| path.starts_with(place)) {
        return Some(read_only("belongs to the system, which commands can read and not change", MCP_ALLOWED_DIRS));
    }
    let has_own = ["/tmp", "/var/tmp"].iter().any(|place| path.starts_with(place));
    Some(match has_own {
        true => hidden("lies where commands have a folder of their own instead of the machine's", MCP_ALLOWED_DIRS),
        false => hidden("lies outside the folders that commands may use", MCP_ALLOWED_DIRS),
    })
}
