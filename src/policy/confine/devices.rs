//! Devices that the settings give to commands.

use super::{
    sockets::Pattern,
    view_snapshot::{Names, ViewSnapshot},
};
use rustix::fs::FileType;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What of `/sys` tells programs which device is which (sysfs(5)).
pub(crate) const DESCRIPTIONS: [&str; 4] = ["/sys/bus", "/sys/class", "/sys/dev", "/sys/devices"];

/// Character devices that reach past every other bound, beside disks: memory, ports, what passes orders to disks on, what
/// makes disks, and what hears and presses a person's keys. Names below `/dev` (Documentation/admin-guide/devices.txt).
const WHOLE_MACHINE: [&str; 21] = [
    "bsg",
    "btrfs-control",
    "cpu",
    "crash",
    "hidraw",
    "input",
    "kmem",
    "kmsg",
    "loop-control",
    "mapper",
    "mem",
    "mcelog",
    "ng",
    "nvme",
    "nvram",
    "oldmem",
    "port",
    "raw",
    "sg",
    "uinput",
    "vfio",
];

/// The devices that `MCP_COMMAND_DEVICES` names.
#[derive(Clone, Debug, Default)]
pub struct Devices(Vec<Pattern>);

/// Whether a device holds, or drives, more than commands may ever have: a disk, memory, a keyboard.
#[expect(clippy::disallowed_methods, reason = "a device of the settings, of which nothing is opened")]
fn is_whole_machine(path: &Path) -> bool {
    let is_disk = rustix::fs::stat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_block_device());
    let name = path.strip_prefix("/dev").ok().and_then(|below| below.components().next());
    let name = name.map(|name| name.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
    let numbered =
        |kind: &&str| name.strip_prefix(*kind).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == 'n'));
    is_disk || WHOLE_MACHINE.iter().any(numbered)
}

impl Devices {
    /// Reads the setting.
    ///
    /// # Errors
    /// When one of them is no pattern of a path below `/dev`; the message says why.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let parse = |text: &String| match Path::new(text).strip_prefix("/dev") {
            Ok(below) if below.components().next().is_some() && !text.contains("..") => {
                Pattern::parse(text, Path::new("/"))
            }
            _ => Err(format!("{text} is no path below /dev")),
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are there. A wildcard never means a device that is worth the whole machine.
    pub fn present(&self) -> Vec<PathBuf> {
        let expand = |pattern: &Pattern| {
            // What cannot be looked for now is not given.
            let mut found = pattern.expand(&mut BTreeMap::new()).unwrap_or_default();
            found.retain(|path| !pattern.is_wild() || !is_whole_machine(path));
            found
        };
        let mut present: Vec<PathBuf> = self.0.iter().flat_map(expand).collect();
        present.sort();
        present.dedup();
        present
    }

    /// Those of them by which a command gets past every other bound.
    pub fn whole_machine(&self) -> Vec<PathBuf> {
        self.present().into_iter().filter(|path| is_whole_machine(path)).collect()
    }

    /// The same, and `looks` notices when others come.
    pub fn watched(&self, looks: &ViewSnapshot) -> Vec<PathBuf> {
        let present = self.present();
        if !self.is_empty() {
            let folders = present.iter().filter_map(|path| path.parent()).chain([Path::new("/dev")]);
            folders.for_each(|folder| drop(looks.names(folder, Names::All)));
        }
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_paths_below_dev() {
        let parse = |text: &str| Devices::parse(&[text.to_owned()]);
        assert_eq!(parse("/dev/nul*").unwrap().present(), [PathBuf::from("/dev/null")]);
        for text in ["/dev", "/dev/", "dri", "/etc/passwd", "/dev/../etc", "/devices", "/dev/["] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_wildcard_means_what_is_worth_the_whole_machine() {
        let parse = |text: &str| Devices::parse(&[text.to_owned()]).unwrap();
        for text in ["/dev/*", "/dev/m*", "/dev/{mem,null}", "/dev/mem*"] {
            assert!(parse(text).whole_machine().is_empty(), "{text}");
        }
        assert!(parse("/dev/*").present().contains(&PathBuf::from("/dev/null")));
        for name in
            ["mem", "sg0", "nvme0", "nvme0n1", "raw/raw1", "input/event3", "hidraw7", "mapper/control", "vfio/12"]
        {
            assert!(is_whole_machine(&Path::new("/dev").join(name)), "{name}");
        }
        for name in
            ["null", "dri/card0", "kvm", "nvidia0", "ttyUSB0", "snd/timer", "video0", "fuse", "net/tun", "memory"]
        {
            assert!(!is_whole_machine(&Path::new("/dev").join(name)), "{name}");
        }
    }
}
