//! Places that are denied without being named in a setting.

use std::path::{Path, PathBuf};

/// Of the system: its settings and accounts, the superuser's home, the kernel's windows into every process.
pub const SYSTEM: [&str; 4] = ["/etc", "/root", "/sys", "/proc"];

/// Below a person's home: keys, tokens, passwords, and the profiles of browsers and mail programs, which hold them.
const OF_A_HOME: [&str; 46] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".oci",
    ".docker/config.json",
    ".netrc",
    ".authinfo",
    ".authinfo.gpg",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".pgpass",
    ".my.cnf",
    ".password-store",
    ".vault-token",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/op",
    ".config/rclone",
    ".config/git/credentials",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".local/share/keyrings",
    ".mozilla",
    ".thunderbird",
    "snap/firefox",
    "snap/chromium",
    ".var/app/org.mozilla.firefox",
    ".var/app/com.google.Chrome",
    "Library/Keychains",
    "Library/Cookies",
    "Library/Safari",
    "Library/Application Support/Google/Chrome",
    "Library/Application Support/Firefox",
    "AppData/Local/Google/Chrome/User Data",
    "AppData/Roaming/Mozilla",
];

/// The secret places of every home on this machine.
pub fn of_homes() -> Vec<PathBuf> {
    let places = |home: PathBuf| OF_A_HOME.iter().map(move |place| home.join(place));
    homes().into_iter().flat_map(places).collect()
}

#[expect(clippy::disallowed_methods, reason = "the names of homes, at start, before any caller")]
fn homes() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = std::env::home_dir().into_iter().collect();
    for shelf in ["/home", "/Users"] {
        let entries = std::fs::read_dir(shelf).into_iter().flatten().flatten();
        homes.extend(entries.map(|entry| entry.path()));
    }
    homes.retain(|home| home.is_absolute() && home != Path::new("/"));
    homes.sort();
    homes.dedup();
    homes
}
