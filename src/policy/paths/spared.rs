//! What a link at a denied name does not deny with it: a link that a program makes must not take the machine away.

use std::path::{Path, PathBuf};

/// Programs, libraries and devices, which hold no secret of a home.
const OF_THE_SYSTEM: [&str; 13] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu", "/snap", "/dev", "/run", "/proc"];

/// Folders that stay reachable, with all above them.
const NEEDED: [&str; 2] = ["/tmp", "/var/tmp"];

/// Places that stay as they are when a denied name becomes a link to them.
#[derive(Debug)]
pub(crate) struct Spared {
    /// What holds one of these means more than a secret.
    needed: Vec<PathBuf>,
}

impl Spared {
    /// The roots, the bridge's own folder, the user's home, and what every program needs.
    pub(crate) fn new(roots: &[PathBuf], directory: &Path) -> Self {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let own = [directory.to_owned(), std::env::temp_dir()];
        let needed = roots.iter().cloned().chain(own).chain(home).chain(NEEDED.map(PathBuf::from));
        Self { needed: needed.collect() }
    }

    /// Whether what a link leads to, without links, is not denied with the link.
    pub(crate) fn spare(&self, target: &Path) -> bool {
        self.needed.iter().any(|place| place.starts_with(target))
            || OF_THE_SYSTEM.iter().any(|place| target.starts_with(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_denies_data_and_neither_programs_nor_what_holds_the_workspace() {
        let spared = Spared::new(&["/srv/work".into()], Path::new("/srv/bridge"));
        for spare in ["/", "/usr", "/usr/bin/env", "/dev/null", "/srv", "/srv/work", "/tmp", "/var"] {
            assert!(spared.spare(Path::new(spare)), "{spare}");
        }
        for denied in ["/srv/work/keys", "/srv/data", "/opt/keys", "/tmp/x", "/usrx"] {
            assert!(!spared.spare(Path::new(denied)), "{denied}");
        }
    }
}
