//! Where the engine is: `DOCKER_HOST`, or else the sockets at which Docker and Podman listen by default.

use super::ssh::{self, Target};
use crate::settings::Settings;
use anyhow::{Context as _, Result, bail, ensure};
use bollard::{API_DEFAULT_VERSION, Docker, errors::Error as EngineError};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// How long the engine may take to begin an answer, in seconds. Longer than any step of a run; a build streams.
const ANSWER_TIMEOUT: u64 = 120;

/// One place where an engine may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket's path.
    Socket(String),
    /// `host:port`, in the clear.
    Tcp(String),
    /// `host:port`, and the folder of the certificates.
    Tls(String, PathBuf),
    /// Another machine's engine, through its SSH server.
    Ssh(Target),
    /// A Windows named pipe.
    #[cfg(windows)]
    Pipe(String),
}

impl Address {
    /// Where to look, in this order.
    ///
    /// # Errors
    /// When `DOCKER_HOST` is none of the forms that are understood.
    pub(crate) fn candidates(settings: &Settings) -> Result<Vec<Self>> {
        match settings.docker_host.as_str() {
            "" => Ok(defaults()),
            host => Ok(vec![Self::parse(host, settings)?]),
        }
    }

    fn parse(host: &str, settings: &Settings) -> Result<Self> {
        let Some((scheme, rest)) = host.split_once("://") else {
            bail!("DOCKER_HOST is {host:?}, but must be unix://PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT]");
        };
        ensure!(!rest.trim_matches('/').is_empty(), "DOCKER_HOST is {host:?}, but must say what is behind its ://");
        match scheme {
            "unix" => Ok(Self::Socket(rest.to_owned())),
            "tcp" => {
                let place = with_port(rest.trim_end_matches('/'), settings);
                Ok(match wants_tls(settings) {
                    true => Self::Tls(place, certificates(settings)?),
                    false => Self::Tcp(place),
                })
            }
            "ssh" => {
                let target = Target::parse(host, &settings.docker_ssh_command);
                Ok(Self::Ssh(target.with_context(|| format!("DOCKER_HOST is {host:?}"))?))
            }
            #[cfg(windows)]
            "npipe" => Ok(Self::Pipe(host.to_owned())),
            _ => bail!("DOCKER_HOST is {host:?}, but must begin with unix://, tcp:// or ssh://, not {scheme}://"),
        }
    }

    /// The path of a socket that is there and that this user may not use.
    pub(crate) fn refuses_this_user(&self) -> Option<String> {
        #[cfg(unix)]
        if let Self::Socket(path) = self {
            let refused = std::os::unix::net::UnixStream::connect(path).err();
            return refused.filter(|error| error.kind() == std::io::ErrorKind::PermissionDenied).map(|_| path.clone());
        }
        None
    }

    /// A client for it; nothing is sent yet.
    pub(crate) fn client(&self) -> Result<Docker, EngineError> {
        match self {
            #[cfg(unix)]
            Self::Socket(path) => Docker::connect_with_unix(path, ANSWER_TIMEOUT, API_DEFAULT_VERSION),
            #[cfg(not(unix))]
            Self::Socket(path) => Err(EngineError::UnsupportedURISchemeError { uri: path.clone() }),
            Self::Tcp(place) => Docker::connect_with_http(place, ANSWER_TIMEOUT, API_DEFAULT_VERSION),
            Self::Tls(place, folder) => {
                let [key, certificate, authority] = ["key.pem", "cert.pem", "ca.pem"].map(|name| folder.join(name));
                Docker::connect_with_ssl(place, &key, &certificate, &authority, ANSWER_TIMEOUT, API_DEFAULT_VERSION)
            }
            Self::Ssh(target) => ssh::client(target.clone(), ANSWER_TIMEOUT),
            #[cfg(windows)]
            Self::Pipe(path) => Docker::connect_with_named_pipe(path, ANSWER_TIMEOUT, API_DEFAULT_VERSION),
        }
    }
}

/// Where it is, as a person would write it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{path}"),
            Self::Tcp(place) | Self::Tls(place, _) => write!(f, "tcp://{place}"),
            Self::Ssh(target) => write!(f, "ssh://{}", target.host()),
            #[cfg(windows)]
            Self::Pipe(path) => write!(f, "{path}"),
        }
    }
}

/// Docker's own ports: 2376 with TLS, 2375 without.
fn with_port(place: &str, settings: &Settings) -> String {
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, wants_tls(settings)) {
        (true, _) => place.to_owned(),
        (false, true) => format!("{place}:2376"),
        (false, false) => format!("{place}:2375"),
    }
}

/// As the docker command decides it: `DOCKER_TLS_VERIFY` set to something. Certificates alone say the same here.
fn wants_tls(settings: &Settings) -> bool {
    let no = ["", "0", "false", "no"].contains(&settings.docker_tls_verify.to_lowercase().as_str());
    !no || !settings.docker_cert_path.is_empty()
}

fn certificates(settings: &Settings) -> Result<PathBuf> {
    if !settings.docker_cert_path.is_empty() {
        return Ok(PathBuf::from(&*settings.docker_cert_path));
    }
    let home = std::env::home_dir().context("DOCKER_CERT_PATH is not set and there is no home directory")?;
    Ok(home.join(".docker"))
}

#[cfg(unix)]
fn defaults() -> Vec<Address> {
    let home = std::env::home_dir().unwrap_or_default();
    let user = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    let places = [
        PathBuf::from("/var/run/docker.sock"),
        home.join(".docker/run/docker.sock"),
        user.join("docker.sock"),
        user.join("podman/podman.sock"),
        PathBuf::from("/run/podman/podman.sock"),
    ];
    places.iter().map(|path: &PathBuf| Address::Socket(text(path))).collect()
}

#[cfg(not(unix))]
fn defaults() -> Vec<Address> {
    let pipes = ["npipe:////./pipe/docker_engine", "npipe:////./pipe/podman-machine-default"];
    #[cfg(windows)]
    return pipes.iter().map(|pipe| Address::Pipe((*pipe).to_owned())).collect();
    #[cfg(not(windows))]
    return pipes.iter().map(|pipe| Address::Socket((*pipe).to_owned())).collect();
}

#[cfg(unix)]
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: &str) -> Result<Address> {
        let settings = Settings::from_pairs([("DOCKER_HOST", host)]).unwrap();
        Ok(Address::candidates(&settings)?.remove(0))
    }

    #[test]
    fn every_form_of_docker_host_is_understood() {
        assert_eq!(parse("unix:///a/b.sock").unwrap(), Address::Socket("/a/b.sock".into()));
        assert_eq!(parse("tcp://engine").unwrap(), Address::Tcp("engine:2375".into()));
        assert_eq!(parse("tcp://[::1]:99/").unwrap(), Address::Tcp("[::1]:99".into()));
        assert!(matches!(parse("ssh://me@host:22").unwrap(), Address::Ssh(_)));
        for wrong in ["engine:2375", "fd://", "ssh://-oProxyCommand=x", "ssh://"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn certificates_make_the_connection_encrypted() {
        let pairs = [("DOCKER_HOST", "tcp://engine"), ("DOCKER_CERT_PATH", "/certificates")];
        let settings = Settings::from_pairs(pairs).unwrap();
        let expected = Address::Tls("engine:2376".into(), "/certificates".into());
        assert_eq!(Address::candidates(&settings).unwrap(), [expected]);
    }
}
