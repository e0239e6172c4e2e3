//! Devices that the settings give to commands.

use super::{
    looks::{Looks, Names},
    sockets::Pattern,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What of `/sys` tells programs which device is which (sysfs(5)).
pub const DESCRIPTIONS: [&str; 4] = ["/sys/bus", "/sys/class", "/sys/dev", "/sys/devices"];

/// The devices that `MCP_COMMAND_DEVICES` names.
#[derive(Clone, Debug, Default)]
pub struct Devices(Vec<Pattern>);

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

    /// Those that are there.
    pub fn present(&self) -> Vec<PathBuf> {
        let mut present: Vec<PathBuf> =
            self.0.iter().flat_map(|pattern| pattern.expand(&mut BTreeMap::new())).collect();
        present.sort();
        present.dedup();
        present
    }

    /// The same, and `looks` notices when others come.
    pub fn watched(&self, looks: &Looks) -> Vec<PathBuf> {
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
}
