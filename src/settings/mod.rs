//! Every setting, declared once: the table below makes the typed struct, the documentation and the test against
//! `.env.example`. Nothing else reads the environment.

mod environment;
mod value;

pub use environment::{hide_key, is_in_environment};
pub use value::{PrivateHosts, Secret, SettingValue};

use anyhow::{Context, Result, bail};
use std::{collections::HashMap, path::Path};

/// A setting, for documentation and tests.
pub struct Setting {
    /// The name in the environment and in `.env`.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $field:ident: $type:ty = $name:literal or $default:literal,)*) => {
        /// The settings, parsed.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $($(#[doc = $about])+ pub $field: $type,)*
        }

        /// Every setting that is read, in the order of `.env.example`.
        pub const TABLE: &[Setting] = &[
            $(Setting { name: $name, default: $default, about: concat!($($about),+) },)*
        ];

        impl Settings {
            fn parse(source: &Source) -> Result<Self> {
                Ok(Self { $($field: source.get($name, $default)?,)* })
            }
        }
    };
}

settings! {
    /// The key that every request needs. Empty: one is made at the first start and written to `.env`.
    api_key: Option<Secret> = "MCP_API_KEY" or "",
    /// The address to listen on. Anything but loopback opens the bridge to the network.
    host: String = "MCP_HOST" or "127.0.0.1",
    /// The port to listen on; 0 takes a free one.
    port: u16 = "MCP_PORT" or "7860",
    /// How much the terminal log says: DEBUG, INFO, WARNING, ERROR or CRITICAL.
    log_level: String = "LOG_LEVEL" or "INFO",
    /// Accepted and ignored: the original reloaded its code with it.
    reload: String = "MCP_RELOAD" or "false",
    /// Web origins that may call from a browser, separated by commas; `*` is any. The key is needed all the same.
    cors_origins: Vec<String> = "MCP_CORS_ORIGINS" or "*",
    /// Further names under which the bridge may be called, separated by commas; loopback names always work. `*` is any.
    allowed_hosts: Vec<String> = "MCP_ALLOWED_HOSTS" or "",
    /// How many wrong keys a peer may send a minute; past it 429 for wrong keys, never for the right one.
    max_wrong_keys: usize = "MCP_MAX_WRONG_KEYS" or "10",
    /// The largest request, in MiB; past it 413.
    max_request_mib: u64 = "MCP_MAX_REQUEST_MIB" or "64",
    /// How many calls run at once; past it 503 with Retry-After.
    max_calls: usize = "MCP_MAX_CALLS" or "512",
    /// How many of them one caller may have; past it 429 with Retry-After.
    max_calls_per_caller: usize = "MCP_MAX_CALLS_PER_CALLER" or "256",
    /// How many calls may begin in a second; past it 503. 0 is no limit.
    max_calls_per_second: u32 = "MCP_MAX_CALLS_PER_SECOND" or "0",
    /// How many of them one caller may begin; past it 429. 0 is no limit.
    max_calls_per_second_per_caller: u32 = "MCP_MAX_CALLS_PER_SECOND_PER_CALLER" or "0",
    /// How much of requests and answers is held in memory at once, in MiB; more waits up to 10 s, then 503.
    max_buffered_mib: u64 = "MCP_MAX_BUFFERED_MIB" or "64",
    /// How much of it one caller may hold, in MiB.
    max_buffered_mib_per_caller: u64 = "MCP_MAX_BUFFERED_MIB_PER_CALLER" or "64",
    /// How many connections may be open; past it the one that has been idle longest is closed.
    max_connections: usize = "MCP_MAX_CONNECTIONS" or "1024",
    /// How many MCP sessions may be open; past it the one that has been idle longest ends.
    mcp_max_sessions: usize = "MCP_MAX_SESSIONS" or "1000",
    /// How long an MCP session may be idle before it may be ended, in hours.
    mcp_session_idle_hours: u64 = "MCP_SESSION_IDLE_HOURS" or "24",
    /// The longest result over MCP, in bytes; a longer one is cut and says how to go on. REST is never cut.
    mcp_max_result_bytes: usize = "MCP_MAX_RESULT_BYTES" or "50000",
    /// The only folders that callers may reach, separated by commas. Empty: the whole disk less the denied places.
    allowed_dirs: Vec<String> = "MCP_ALLOWED_DIRS" or "",
    /// Places that no caller may reach, separated by commas, on top of those that are always denied.
    denied_paths: Vec<String> = "MCP_DENIED_PATHS" or "",
    /// How long a command runs when the request does not say, in seconds.
    default_command_timeout: u64 = "DEFAULT_COMMAND_TIMEOUT" or "10",
    /// The longest timeout that a request may ask for, in seconds.
    max_command_timeout: u64 = "MAX_COMMAND_TIMEOUT" or "30",
    /// How much of each output stream of a command is kept, in bytes; a command that writes more is ended.
    max_output_bytes: usize = "MAX_OUTPUT_BYTES" or "10485760",
    /// How many commands run at once; more wait up to 30 s, then 503.
    max_concurrent_commands: usize = "MAX_CONCURRENT_COMMANDS" or "32",
    /// Whether fetch may reach inside: loopback, private networks, metadata. `true`, `false`, or a list of hosts.
    fetch_allow_private: PrivateHosts = "MCP_FETCH_ALLOW_PRIVATE" or "false",
    /// The image in which code runs.
    sandbox_image: String = "SANDBOX_IMAGE" or "mcp-sandbox:latest",
}

impl Settings {
    /// Reads `.env` of `directory` and the process's environment, which wins.
    ///
    /// # Errors
    /// When `.env` cannot be read or a value is not what its setting takes; the message names it.
    pub fn load(directory: &Path) -> Result<Self> {
        Self::parse(&Source { file: read_file(&directory.join(".env"))?, environment: true })
    }

    /// The settings of `pairs` alone, for tests and for programs that embed the bridge.
    ///
    /// # Errors
    /// When a value is not what its setting takes.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let file = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::parse(&Source { file, environment: false })
    }

    /// The level of the terminal log in tracing's words.
    pub fn log_filter(&self) -> &'static str {
        match self.log_level.to_uppercase().as_str() {
            "DEBUG" => "debug",
            "WARNING" | "WARN" => "warn",
            "ERROR" | "CRITICAL" => "error",
            _ => "info",
        }
    }
}

/// The key in `.env` of `directory`, whatever the environment says.
///
/// # Errors
/// When `.env` cannot be read.
pub fn key_in_file(directory: &Path) -> Result<Option<Secret>> {
    let mut file = read_file(&directory.join(".env"))?;
    let key = file.remove(environment::KEY).map(|key| key.trim().to_owned());
    Ok(key.filter(|key| !key.is_empty()).map(Secret::new))
}

struct Source {
    file: HashMap<String, String>,
    environment: bool,
}

impl Source {
    /// An empty value counts as not set.
    fn get<T: SettingValue>(&self, name: &str, default: &str) -> Result<T> {
        let set = self.environment.then(|| std::env::var(name).ok()).flatten().or_else(|| self.file.get(name).cloned());
        let text = set.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned());
        match T::parse(text.trim()) {
            Ok(value) => Ok(value),
            Err(expected) => bail!("{name} is {text:?}, but must be {expected}: mend it in .env or in the environment"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own .env")]
fn read_file(path: &Path) -> Result<HashMap<String, String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => {
            return Err(error).with_context(|| {
                format!("{} cannot be read: it must be a text file that this user may read", path.display())
            });
        }
    };
    let pairs = dotenvy::from_read_iter(text.trim_start_matches('\u{feff}').as_bytes());
    pairs
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} has a line that is not NAME=value: mend or remove it", path.display()))
}
