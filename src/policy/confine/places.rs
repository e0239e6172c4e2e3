//! What a confined program sees of the system beside the workspace: enough for compilers, interpreters and package
//! managers, and nothing that is a secret.

use std::path::{Path, PathBuf};

/// Programs and libraries.
pub const SYSTEM: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/snap", "/gnu"];

/// The harmless part of `/etc`: how to resolve names, check certificates, show times, find libraries. No passwords, no
/// keys, nothing that says how the machine is administered.
pub const SETTINGS: [&str; 45] = [
    "alternatives",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "gitconfig",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "java",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "mailcap",
    "manpath.config",
    "mime.types",
    "netconfig",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki",
    "profile",
    "profile.d",
    "protocols",
    "resolv.conf",
    "rpc",
    "services",
    "shells",
    "ssl",
    "terminfo",
    "timezone",
];

/// What programs read of `/sys`: how many processors there are.
pub const KERNEL: [&str; 2] = ["/sys/devices/system/cpu", "/sys/devices/system/node"];

/// Devices that any program may use.
pub const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Below the user's home: where tools install themselves, and settings of theirs that hold no secret.
const TOOLS: [&str; 32] = [
    ".asdf",
    ".bun",
    ".cargo/bin",
    ".cargo/config.toml",
    ".cargo/env",
    ".conda",
    ".config/git/config",
    ".config/git/ignore",
    ".deno",
    ".dotnet",
    ".ghcup",
    ".gitconfig",
    ".juliaup",
    ".linuxbrew",
    ".local/bin",
    ".local/lib",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pnpm",
    ".local/share/uv",
    ".npm-global",
    ".nvm",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".sdkman",
    ".volta",
    "anaconda3",
    "bin",
    "go/bin",
    "miniconda3",
    "miniforge3",
];

/// Variables that name the folder of a tool.
const TOOL_VARIABLES: [&str; 9] = [
    "RUSTUP_HOME",
    "PYENV_ROOT",
    "NVM_DIR",
    "GOROOT",
    "JAVA_HOME",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "VOLTA_HOME",
    "BUN_INSTALL",
];

/// Where the user's tools are: known places below `home`, those that variables name, and every folder of the PATH.
pub fn tools(home: &Path) -> Vec<PathBuf> {
    let known = TOOLS.iter().map(|place| home.join(place));
    let named = TOOL_VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let searched: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all: Vec<PathBuf> = known.chain(named).chain(searched).filter(|place| place.is_absolute()).collect();
    all.retain(|place| !home.starts_with(place));
    all.sort();
    all.dedup();
    all
}
