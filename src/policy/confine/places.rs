//! What a confined program sees of the system beside the workspace: enough for compilers, interpreters and package
//! managers, and nothing that is a secret.

use std::path::PathBuf;

/// Programs and libraries.
pub(crate) const SYSTEM: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/snap", "/gnu"];

/// What is installed and what could be: package managers read it to say what they would do.
pub(crate) const PACKAGES: [&str; 5] =
    ["/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// What programs read of `/sys`: how many processors there are.
pub(crate) const KERNEL: [&str; 2] = ["/sys/devices/system/cpu", "/sys/devices/system/node"];

/// Devices that any program may use.
pub(crate) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Below the user's home: where tools install themselves.
const TOOLS: [&str; 28] = [
    ".asdf",
    ".bun",
    ".cargo/bin",
    ".cargo/env",
    ".conda",
    ".deno",
    ".dotnet",
    ".ghcup",
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

/// Folders beside a `bin` in which its programs find their parts.
const LIBRARIES: [&str; 5] = ["jmods", "lib", "lib32", "lib64", "libexec"];

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

/// The home of the user who runs the bridge, by the list of accounts: `HOME` may name another one.
#[expect(clippy::disallowed_methods, reason = "the list of accounts, at start, before any caller")]
pub(crate) fn home_of_account() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.get(2) == Some(&user.as_str()))?.get(5).map(PathBuf::from)
}

/// Where the user's tools are: known places below `homes`, those that variables name, and every folder of the PATH.
pub(crate) fn tools(homes: &[PathBuf]) -> Vec<PathBuf> {
    let known = homes.iter().flat_map(|home| TOOLS.iter().map(move |place| home.join(place)));
    let named = TOOL_VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let searched: Vec<PathBuf> =
        std::env::split_paths(&path).flat_map(|folder| with_libraries(folder, homes)).collect();
    let mut all: Vec<PathBuf> = known.chain(named).chain(searched).filter(|place| place.is_absolute()).collect();
    all.retain(|place| !homes.iter().any(|home| home.starts_with(place)));
    all.sort();
    all.dedup();
    all
}

/// A folder of the PATH, with what its programs cannot do without: the libraries beside a `bin`, the packages around npm's
/// `.bin`.
fn with_libraries(folder: PathBuf, homes: &[PathBuf]) -> Vec<PathBuf> {
    let above = folder.parent().filter(|above| !homes.iter().any(|home| home.starts_with(above)));
    let beside: Vec<PathBuf> = match above {
        Some(prefix) if folder.ends_with("bin") => LIBRARIES.iter().map(|name| prefix.join(name)).collect(),
        Some(packages) if folder.ends_with("node_modules/.bin") => vec![packages.to_owned()],
        _ => Vec::new(),
    };
    beside.into_iter().chain([folder]).collect()
}
