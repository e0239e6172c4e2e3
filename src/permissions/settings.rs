//! The settings that hold for a profile.

use super::profile::Profile;
use crate::settings::{PathList, Settings, WritablePaths};

/// The folder of the bridge's own files, in the server's directory.
const MEMORY: &str = "memory";

/// What stands before the path in the address of a bus (D-Bus specification, "Server Addresses").
const BUS: &str = "unix:path=";

impl Profile {
    /// The settings that hold for it: what a workspace, a confinement and a policy for URLs are made of.
    pub fn settings(&self, base: &Settings) -> Settings {
        let mut settings = base.clone();
        let files = &self.files;
        if let Some(read) = files.read() {
            settings.allowed_dirs = PathList::of(read.texts().to_vec());
        }
        if let Some(write) = files.write() {
            settings.writable_paths = WritablePaths::Only(PathList::of(write.texts().to_vec()));
        }
        // Its files hold every entry, whatever its tags.
        let memory = self.bounds_memory().then(|| MEMORY.to_owned());
        settings.denied_paths = base.denied_paths.and(files.deny().texts().iter().cloned().chain(memory));
        if let Some(network) = &self.network {
            settings.terminal_network = network.value;
        }
        let sockets = self.grants.iter().flat_map(|grant| &grant.sockets).filter_map(|socket| written_out(socket));
        settings.command_sockets = base.command_sockets.and(sockets);
        let devices = self.grants.iter().flat_map(|grant| grant.devices.iter().cloned());
        settings.command_devices = base.command_devices.and(devices);
        let files = self.grants.iter().flat_map(|grant| grant.files.iter().cloned());
        settings.command_files = base.command_files.and(files);
        settings
    }
}

/// The path of a socket, which may be in a variable, or below the home.
fn written_out(socket: &str) -> Option<String> {
    let Some(name) = socket.strip_prefix('$') else { return Some(socket.to_owned()) };
    let value = std::env::var(name).ok()?;
    let path = value.strip_prefix(BUS).map_or(value.as_str(), |path| path.split(',').next().unwrap_or_default());
    path.starts_with('/').then(|| path.to_owned())
}
