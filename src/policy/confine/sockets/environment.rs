//! The variables that say where agents, screens and engines are: a command has one only when it can reach what it says.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// Variables whose value is, or holds, the path of a socket.
const PLACES: [&str; 17] = [
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_STARTER_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DOCKER_HOST",
    "EMACS_SOCKET_NAME",
    "GPG_AGENT_INFO",
    "KITTY_LISTEN_ON",
    "NVIM",
    "PULSE_SERVER",
    "SSH_AUTH_SOCK",
    "SWAYSOCK",
    "TMUX",
    "VSCODE_GIT_IPC_HANDLE",
    "VSCODE_IPC_HOOK",
    "VSCODE_IPC_HOOK_CLI",
    "WEZTERM_UNIX_SOCKET",
];

/// Variables that mean nothing without the one that they stand beside.
const COMPANIONS: [(&str, &str); 3] =
    [("SSH_AGENT_PID", "SSH_AUTH_SOCK"), ("TMUX_PANE", "TMUX"), ("XAUTHORITY", "DISPLAY")];

/// The variables that commands do not get, as `shows` says which sockets they can reach.
pub(crate) fn hidden(shows: impl Fn(&Path) -> bool) -> Vec<&'static str> {
    let is_reached =
        |name: &str| env::var_os(name).is_some_and(|value| socket(name, &value).is_some_and(|at| shows(&at)));
    let places = PLACES.into_iter().chain(["DISPLAY", "WAYLAND_DISPLAY"]).filter(|name| !is_reached(name));
    let companions = COMPANIONS.into_iter().filter(|(_, beside)| !is_reached(beside)).map(|(name, _)| name);
    // Where others look for sockets by themselves: it is kept with the first of them.
    let is_used = is_reached("WAYLAND_DISPLAY") || is_reached("DBUS_SESSION_BUS_ADDRESS");
    places.chain(companions).chain((!is_used).then_some("XDG_RUNTIME_DIR")).collect()
}

/// The socket that a variable names; none for one on the network.
fn socket(name: &str, value: &OsStr) -> Option<PathBuf> {
    let value = value.to_str()?;
    match name {
        "DISPLAY" => {
            let number = value.strip_prefix(':')?.split('.').next()?;
            Some(format!("/tmp/.X11-unix/X{number}").into())
        }
        "WAYLAND_DISPLAY" => Some(PathBuf::from(env::var_os("XDG_RUNTIME_DIR")?).join(value)),
        // `unix:///run/docker.sock`, `unix:path=/run/bus,guid=…`, `/tmp/tmux-0/default,1,0`, `/tmp/gpg/S.agent:1:1`
        _ => {
            let path = &value[value.find('/')?..];
            let path = path.split([',', ';', ':']).next()?.trim_start_matches('/');
            (!value.starts_with("tcp:") && !value.starts_with("ssh:")).then(|| Path::new("/").join(path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_that_a_variable_names_is_found_in_each_form() {
        for (name, value, expected) in [
            ("DOCKER_HOST", "unix:///run/docker.sock", Some("/run/docker.sock")),
            ("DOCKER_HOST", "tcp://10.0.0.1:2375/x", None),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1/bus,guid=ab", Some("/run/user/1/bus")),
            ("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1", Some("/tmp/ssh-x/agent.1")),
            ("TMUX", "/tmp/tmux-0/default,12,0", Some("/tmp/tmux-0/default")),
            ("GPG_AGENT_INFO", "/run/user/1/gnupg/S.gpg-agent:0:1", Some("/run/user/1/gnupg/S.gpg-agent")),
            ("DISPLAY", ":1.0", Some("/tmp/.X11-unix/X1")),
            ("DISPLAY", "host:0", None),
        ] {
            assert_eq!(socket(name, OsStr::new(value)).as_deref(), expected.map(Path::new), "{name}={value}");
        }
    }
}
