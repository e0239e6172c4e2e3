//! Every setting, declared once: the table below makes the typed struct, the documentation and the test against
//! `.env.example`. Nothing else reads the environment.

mod environment;
mod file;
mod names;
mod path;
mod source;
mod value;
mod web;

pub(crate) use environment::{KEY, warn_of_doubtful_names};
pub use environment::{hide_key, is_in_environment, key_in_environment};
pub use file::assignment;
pub(crate) use file::{Line, parse};
pub use path::{PathList, SettingPath, WritablePaths};
pub use value::{ConfinementMode, LogLevel, OutputSchemas, Port, Secret, SettingValue};
pub use web::{AllowedHost, Host, HttpUrl, Image, Origin, PrivateHosts, Program, PublicUrl, is_loopback};

use anyhow::{Result, ensure};
use source::Source;
use std::path::Path;

/// The largest number of MiB that a setting takes: 16 TiB.
const MAX_MIB: u64 = 16 * 1024 * 1024;

/// The largest number of things at once that a setting takes.
const MAX_COUNT: usize = 1_000_000;

/// The largest value of a container's memory and of its writable places, in MiB.
const MAX_CONTAINER_MIB: u64 = 65_536;

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
    (@get $source:ident $name:literal $default:literal) => { $source.get($name, $default) };
    (@get $source:ident $name:literal $default:literal $range:expr) => { $source.get_within($name, $default, &$range) };
    ($($(#[doc = $about:literal])+
       $field:ident: $type:ty = $name:literal or $default:literal $(within $range:expr)?,)*) => {
        /// The settings, parsed.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $($(#[doc = $about])+ pub $field: $type,)*
        }

        /// Every setting that is read, in the order of `.env.example`.
        pub const TABLE: &[Setting] = &[
            $(Setting { name: $name, default: $default, about: concat!($($about),+) },)*
        ];

        impl Settings {
            fn parse(source: &Source) -> Result<Self> {
                Ok(Self { $($field: settings!(@get source $name $default $($range)?)?,)* })
            }
        }
    };
}

settings! {
    /// The key that every request needs. Empty: one is made at the first start and written to `.env`.
    api_key: Option<Secret> = "MCP_API_KEY" or "",
    /// The address to listen on. Anything but loopback opens the bridge to the network.
    host: Host = "MCP_HOST" or "127.0.0.1",
    /// The port to listen on; 0 takes a free one. Where it is not set and 7860 is in use, the next free one is taken.
    port: Port = "MCP_PORT" or "7860",
    /// How much the terminal log says: DEBUG, INFO, WARNING, ERROR or CRITICAL.
    log_level: LogLevel = "LOG_LEVEL" or "INFO",
    /// Accepted and ignored: the original reloaded its code with it.
    reload: String = "MCP_RELOAD" or "false",
    /// Web origins that may call from a browser, separated by commas; `*` is any. The key is needed anyway.
    cors_origins: Vec<Origin> = "MCP_CORS_ORIGINS" or "*",
    /// Further names under which the bridge may be called, separated by commas; loopback names always work. `*` is any.
    allowed_hosts: Vec<AllowedHost> = "MCP_ALLOWED_HOSTS" or "",
    /// The address by which the outside reaches the bridge, as `https://bridge.example.org`. With it, clients of the web that
    /// take no key (ChatGPT, claude.ai) are let in by OAuth, on a page where you decide. Its host is one of the allowed.
    public_url: PublicUrl = "MCP_PUBLIC_URL" or "",
    /// How many wrong keys a peer may send a minute; past it 429 for wrong keys, never for the right one.
    max_wrong_keys: usize = "MCP_MAX_WRONG_KEYS" or "10" within 0..=MAX_COUNT,
    /// The largest request, in MiB; past it 413.
    max_request_mib: u64 = "MCP_MAX_REQUEST_MIB" or "64" within 1..=65_536,
    /// How long a call over HTTP waits for the person's answer, in seconds; then it is 403 and can be repeated. Over MCP a call
    /// waits as long as its client does.
    approval_wait: u64 = "MCP_APPROVAL_WAIT" or "60" within 0..=3600,
    /// Whether a desktop notification tells that a call waits for the person's answer, where there is a desktop.
    notifications: bool = "MCP_NOTIFICATIONS" or "on",
    /// Whether the person is also asked by the agent's own MCP client, where that can (elicitation). Only for clients that put
    /// the question to a person: what the client says counts as the person's answer.
    elicitation: bool = "MCP_ELICITATION" or "off",
    /// How many calls run at once; past it 503 with Retry-After.
    max_calls: usize = "MCP_MAX_CALLS" or "512" within 1..=MAX_COUNT,
    /// How many of them one caller may have; past it 429 with Retry-After.
    max_calls_per_caller: usize = "MCP_MAX_CALLS_PER_CALLER" or "256" within 1..=MAX_COUNT,
    /// How many calls may begin in a second; past it 503. 0 is no limit.
    max_calls_per_second: u32 = "MCP_MAX_CALLS_PER_SECOND" or "0",
    /// How many of them one caller may begin; past it 429. 0 is no limit.
    max_calls_per_second_per_caller: u32 = "MCP_MAX_CALLS_PER_SECOND_PER_CALLER" or "0",
    /// How much of requests and answers is held in memory at once, in MiB; more waits up to 10 s, then 503.
    max_buffered_mib: u64 = "MCP_MAX_BUFFERED_MIB" or "64" within 1..=MAX_MIB,
    /// How much of it one caller may hold, in MiB.
    max_buffered_mib_per_caller: u64 = "MCP_MAX_BUFFERED_MIB_PER_CALLER" or "64" within 1..=MAX_MIB,
    /// How many connections may be open; past it the one that has been idle longest is closed.
    max_connections: usize = "MCP_MAX_CONNECTIONS" or "2048" within 1..=MAX_COUNT,
    /// How many MCP sessions may be open; past it the one that has been idle longest ends.
    mcp_max_sessions: usize = "MCP_MAX_SESSIONS" or "1000" within 1..=MAX_COUNT,
    /// How long an MCP session may be idle before it may be ended, in hours.
    mcp_session_idle_hours: u64 = "MCP_SESSION_IDLE_HOURS" or "24" within 0..=876_000,
    /// The longest result over MCP, in bytes; a longer one is cut and says how to go on. REST is never cut.
    mcp_max_result_bytes: usize = "MCP_MAX_RESULT_BYTES" or "50000" within 1_000..=1_000_000_000,
    /// The tools that an MCP client is shown where its address or its agent's profile names none, separated by commas: lists
    /// (`core`, `all`, `read-only`, `find`), modules (`files`, `terminal`, `memory`, `internet`, `sandbox`), tools, patterns of them.
    mcp_tools: String = "MCP_TOOLS" or "core",
    /// Whether MCP tools are listed with the schemas of their answers: `on`, `off`, or `auto` for only where all tools are
    /// listed (`/mcp/all`), whose clients choose what a model sees.
    output_schemas: OutputSchemas = "MCP_OUTPUT_SCHEMAS" or "auto",
    /// The only folders that callers may reach, separated by commas. Empty: the whole disk less the denied places.
    allowed_dirs: PathList = "MCP_ALLOWED_DIRS" or "",
    /// Places that no caller may reach, separated by commas, on top of those that are always denied. `*`, `?`, `[…]` and
    /// `**` make a pattern.
    denied_paths: PathList = "MCP_DENIED_PATHS" or "",
    /// The only places that callers may change of those that they may reach, separated by commas; patterns as above. Empty: all
    /// of them. `none`: nothing.
    writable_paths: WritablePaths = "MCP_WRITABLE_PATHS" or "",
    /// The shell that runs commands: a name of `bash`, `sh`, `dash`, `ash`, `ksh`, `mksh`, `yash`, `zsh`, or the path of one.
    /// Empty: bash where there is one, else sh. `cmd` on Windows.
    shell: String = "MCP_SHELL" or "",
    /// A file of your own rules for commands, `allow` and `deny` by program and argument, or what your programs do; read again when it changes.
    command_rules: SettingPath = "MCP_COMMAND_RULES" or "",
    /// How much old content is kept for undo, in MiB, of files and again of memory entries; past it the oldest changes are
    /// dropped. 0 keeps none.
    undo_max_mib: u64 = "MCP_UNDO_MAX_MIB" or "1024" within 0..=MAX_MIB,
    /// How long a change of files or of the memory can be undone, in days.
    undo_max_days: u64 = "MCP_UNDO_MAX_DAYS" or "30" within 0..=36_500,
    /// How long a command runs when the request does not say, in seconds; at most `MAX_COMMAND_TIMEOUT`.
    default_command_timeout: u64 = "DEFAULT_COMMAND_TIMEOUT" or "10" within 1..=31_536_000,
    /// The longest timeout that a request may ask for, in seconds.
    max_command_timeout: u64 = "MAX_COMMAND_TIMEOUT" or "30" within 1..=31_536_000,
    /// How much of each output stream of a command is kept, in bytes: of more, the start and the end. A command that writes
    /// a hundred times as much is ended.
    max_output_bytes: usize = "MAX_OUTPUT_BYTES" or "10485760" within 1..=1_000_000_000_000,
    /// How many commands run at once; more wait up to 30 s, then 503.
    max_concurrent_commands: usize = "MAX_CONCURRENT_COMMANDS" or "32" within 1..=MAX_COUNT,
    /// Whether the kernel holds commands to what the file routes allow: `auto` as firmly as this host can, `require`
    /// to refuse to run where it cannot, `off` not at all.
    confinement: ConfinementMode = "MCP_CONFINEMENT" or "auto",
    /// Whether commands may use the network.
    terminal_network: bool = "MCP_TERMINAL_NETWORK" or "on",
    /// How many processes and threads a command may have, where the kernel can bound them.
    max_command_processes: u64 = "MAX_COMMAND_PROCESSES" or "1024" within 301..=4_194_304,
    /// Sockets outside that commands may use, as paths separated by commas, `~` and `*` allowed: a container engine's, an
    /// agent's. All others behind which somebody listens are covered.
    command_sockets: PathList = "MCP_COMMAND_SOCKETS" or "",
    /// Devices that commands may use beside the harmless ones, as paths below /dev separated by commas, `*` allowed: graphics
    /// processors, /dev/kvm, serial ports. A `*` never means disks, memory and keyboards, which are worth the whole machine:
    /// name one in full, and a warning is logged at the start.
    command_devices: PathList = "MCP_COMMAND_DEVICES" or "",
    /// Secret files of the home that commands read whole, as paths from `~/` separated by commas: `~/.npmrc` with its
    /// tokens. They get a copy that cannot be changed; the file routes refuse the file as before.
    command_files: PathList = "MCP_COMMAND_FILES" or "",
    /// How much memory a command may take with all its processes, in MiB; 0 is half of the machine's.
    max_command_memory_mib: u64 = "MAX_COMMAND_MEMORY_MIB" or "0" within 0..=MAX_MIB,
    /// How many background processes run at once; past it a start is refused with 503.
    max_processes: usize = "MAX_PROCESSES" or "64" within 1..=MAX_COUNT,
    /// How much output of each background process is kept on disk, in MiB; the oldest goes first.
    process_output_mib: u64 = "PROCESS_OUTPUT_MIB" or "16" within 1..=MAX_MIB,
    /// How much output of all background processes that ended is kept on disk, in MiB; the oldest goes first.
    process_disk_mib: u64 = "PROCESS_DISK_MIB" or "1024" within 1..=MAX_MIB,
    /// How long a background process is remembered after its end and its output stays readable, in hours.
    process_keep_hours: u64 = "PROCESS_KEEP_HOURS" or "24" within 0..=876_000,
    /// Whether fetch may reach inside: loopback, private networks, metadata. `true`, `false`, or a list of hosts.
    fetch_allow_private: PrivateHosts = "MCP_FETCH_ALLOW_PRIVATE" or "false",
    /// How much the memory may hold, in MiB of contents, tags and metadata; past it 507. About as much stays in the
    /// server's own memory. 0 is no bound.
    memory_max_mib: u64 = "MEMORY_MAX_MIB" or "1024" within 0..=MAX_MIB,
    /// A server for embeddings that speaks OpenAI's `/v1/embeddings` (Ollama, LM Studio). Empty: recall goes by the words.
    memory_embeddings_url: Option<HttpUrl> = "MEMORY_EMBEDDINGS_URL" or "",
    /// The model that the embeddings server is asked for.
    memory_embeddings_model: String = "MEMORY_EMBEDDINGS_MODEL" or "all-minilm",
    /// The key of the embeddings server, where it needs one.
    memory_embeddings_key: Option<Secret> = "MEMORY_EMBEDDINGS_KEY" or "",
    /// The image in which code runs.
    sandbox_image: Image = "SANDBOX_IMAGE" or "mcp-sandbox:latest",
    /// Where the Docker engine is: `unix://`, `tcp://` or `ssh://`. Empty: the default sockets of Docker, then of Podman.
    docker_host: String = "DOCKER_HOST" or "",
    /// A folder with `ca.pem`, `cert.pem` and `key.pem` for an engine behind `tcp://` with TLS.
    docker_cert_path: SettingPath = "DOCKER_CERT_PATH" or "",
    /// Anything but empty, 0, false or no: `tcp://` with TLS, from `DOCKER_CERT_PATH` or else `~/.docker`.
    docker_tls_verify: String = "DOCKER_TLS_VERIFY" or "",
    /// The SSH client behind `ssh://`, with options if need be.
    docker_ssh_command: Program = "DOCKER_SSH_COMMAND" or "ssh",
    /// What the sandbox's image is built on: any Debian with Python and pip.
    sandbox_base_image: Image = "SANDBOX_BASE_IMAGE" or "python:3.12-slim",
    /// The memory of a container in MiB, its files included, without swap: 16 to 65536.
    sandbox_memory_mib: u64 = "SANDBOX_MEMORY_MIB" or "256" within 16..=MAX_CONTAINER_MIB,
    /// How many processors a container may use: 0.05 to 64.
    sandbox_cpus: f64 = "SANDBOX_CPUS" or "0.5" within 0.05..=64.0,
    /// How many processes and threads a container may have: 8 to 4096.
    sandbox_pids: u64 = "SANDBOX_PIDS" or "128" within 8..=4096,
    /// The size of a container's workspace in MiB, held in its memory: 1 to 65536.
    sandbox_workspace_mib: u64 = "SANDBOX_WORKSPACE_MIB" or "128" within 1..=MAX_CONTAINER_MIB,
    /// The size of a container's `/tmp` in MiB, held in its memory: 1 to 65536.
    sandbox_tmp_mib: u64 = "SANDBOX_TMP_MIB" or "64" within 1..=MAX_CONTAINER_MIB,
    /// How much of each output stream of a run is kept, in bytes: of more, the start and the end, and `truncated` says so.
    sandbox_output_bytes: usize = "SANDBOX_OUTPUT_BYTES" or "10485760" within 1..=1_000_000_000_000,
    /// How many programs run at once; more wait up to 30 s, then 503.
    sandbox_max_concurrent: usize = "SANDBOX_MAX_CONCURRENT" or "8" within 1..=MAX_COUNT,
    /// How many containers wait, started, each for one run; 0 starts each when it is asked for. At most 64.
    sandbox_pool_size: usize = "SANDBOX_POOL_SIZE" or "2" within 0..=64,
    /// How long a waiting container is kept when nothing runs, in seconds.
    sandbox_pool_idle_seconds: u64 = "SANDBOX_POOL_IDLE_SECONDS" or "600" within 0..=31_536_000,
    /// More languages: `name=image|command` separated by `;`, with `{code}` or `{file:NAME}` in the command.
    sandbox_languages: String = "SANDBOX_LANGUAGES" or "",
    /// Graphics processors for containers: `none`, `all` or how many.
    sandbox_gpu: String = "SANDBOX_GPU" or "none",
    /// How many sessions may be open; past it 429.
    sandbox_max_sessions: usize = "SANDBOX_MAX_SESSIONS" or "8" within 0..=MAX_COUNT,
    /// How long a session lives without a call, in seconds.
    sandbox_session_idle_seconds: u64 = "SANDBOX_SESSION_IDLE_SECONDS" or "900" within 1..=31_536_000,
    /// How long a session lives at most, in seconds.
    sandbox_session_max_seconds: u64 = "SANDBOX_SESSION_MAX_SECONDS" or "14400" within 1..=31_536_000,
}

impl Settings {
    /// Those of the lines of `.env`, which is at `path`, and of the process's environment, which wins.
    ///
    /// # Errors
    /// When a name is not understood or a value is not what its setting takes; the message names it.
    pub(crate) fn from_lines(path: &Path, lines: Vec<Line>) -> Result<Self> {
        Self::checked(&Source::of_lines(path, lines)?)
    }

    /// The settings of `pairs` alone, for tests and for programs that embed the bridge.
    ///
    /// # Errors
    /// When a value is not what its setting takes.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        Self::checked(&Source::of_pairs(pairs)?)
    }

    fn checked(source: &Source) -> Result<Self> {
        let settings = Self::parse(source)?;
        let (usual, most) = (settings.default_command_timeout, settings.max_command_timeout);
        // One that nobody set gives way.
        ensure!(
            usual <= most || !source.sets("DEFAULT_COMMAND_TIMEOUT")?,
            "DEFAULT_COMMAND_TIMEOUT is {usual}, but must be at most MAX_COMMAND_TIMEOUT, which is {most}: lower it, or raise that"
        );
        Ok(settings)
    }

    /// The level of the terminal log in tracing's words.
    pub fn log_filter(&self) -> &'static str {
        match self.log_level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warning => "warn",
            LogLevel::Error => "error",
        }
    }
}
