//! What machine this is.

use super::{
    Terminal,
    following::Following,
    spawn::{Asked, Streams},
};
use crate::{
    caller::{Access, Caller},
    capability::{Capability, Context},
    error::Result,
    policy::confine::{Level, MemoryBound},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How long python3 may take to say its version.
const PYTHON_PATIENCE: Duration = Duration::from_secs(5);

/// Describe the machine that commands run on.
///
/// Its operating system, shells, user, home and working folder, and what you are allowed to do.
///
/// Also its processor and the version of its python3.
#[derive(Deserialize, JsonSchema)]
pub struct TerminalInfo {}

/// The machine that commands run on.
#[derive(Serialize, JsonSchema)]
pub struct InfoOutput {
    /// The system: `Linux`, `Darwin`, `Windows`.
    system: String,
    /// The system, its release and its processor in one.
    platform: String,
    /// The processor's architecture.
    processor: String,
    /// The version of the machine's python3; null when it has none.
    python_version: Option<String>,
    /// The folder in which commands run when they do not say.
    cwd: String,
    /// The user that commands run as.
    user: Option<String>,
    /// The user's home.
    home: String,
    /// How firmly commands are held: `kernel+namespaces`, `kernel` or `none`.
    confinement: Level,
    /// Why it is that level.
    confinement_reason: String,
    /// Who holds a command with all its processes to MAX_COMMAND_MEMORY_MIB: the kernel by a `cgroup`, or the bridge,
    /// which has it `watched` and ends it soon after it takes more; null: nobody.
    memory_bound: Option<MemoryBound>,
    /// Whether commands may use the network.
    network: bool,
    /// The agent that asks, by the name that the person gave it.
    agent: String,
    /// The profile by which its calls are decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// What that lets it do, refuses it and asks the person about, where it is not everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    /// The shell that runs commands: MCP_SHELL, or else bash where there is one, else sh.
    shell: Option<String>,
    /// The shells that `shell_program` may name.
    shells: Vec<&'static str>,
}

impl Capability for TerminalInfo {
    const NAME: &'static str = "terminal_info";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = Terminal;
    type Output = InfoOutput;

    async fn run(self, terminal: &Terminal, context: &Context) -> Result<InfoOutput> {
        let shells = terminal.spawner.shells();
        let python_version = terminal.python_version.get_or_init(|| python_version(terminal)).await.clone();
        let (system, release) = kernel();
        let processor = std::env::consts::ARCH.to_owned();
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        Ok(InfoOutput {
            platform: [system.as_str(), &release, &processor].join("-"),
            system,
            processor,
            python_version,
            cwd: text(terminal.spawner.directory()),
            user: ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).or_else(user_name),
            home: std::env::home_dir().as_deref().map(text).unwrap_or_default(),
            confinement: terminal.confinement().level,
            confinement_reason: terminal.confinement().why.clone(),
            memory_bound: terminal.confinement().memory_bound,
            network: terminal.network,
            agent: context.caller.name().to_owned(),
            profile: context.profile().map(|profile| profile.name().to_owned()),
            permissions: context.profile().map(|profile| profile.in_words().to_vec()).unwrap_or_default(),
            shell: shells.named(None).map(|shell| text(shell.program())).ok(),
            shells: shells.names(),
        })
    }
}

/// The system's name and release.
#[cfg(unix)]
fn kernel() -> (String, String) {
    let uname = rustix::system::uname();
    (uname.sysname().to_string_lossy().into_owned(), uname.release().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn kernel() -> (String, String) {
    let name = std::env::consts::OS;
    let capital = name.chars().take(1).flat_map(char::to_uppercase);
    (capital.chain(name.chars().skip(1)).collect(), std::env::consts::FAMILY.to_owned())
}

/// The name of the user that the process runs as, where the environment does not say it.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the system's table of users, not a path of a caller")]
fn user_name() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.get(2) == Some(&id.as_str())).map(|fields| fields[0].to_owned())
}

#[cfg(not(unix))]
fn user_name() -> Option<String> {
    None
}

/// What `python3` says of itself, as a command would find it.
async fn python_version(terminal: &Terminal) -> Option<String> {
    let environment = BTreeMap::new();
    let asked =
        Asked { command: "python3 --version", shell: false, program: None, cwd: None, environment, is_approved: false };
    let command = terminal.spawner.permit(asked).await.ok()?;
    let tree = terminal.spawner.start(command, Streams::Captured).await.ok()?;
    let context = Context::new(Caller::person());
    let mut following = Following::new(tree, 1024, &context);
    let code = tokio::time::timeout(PYTHON_PATIENCE, following.until_end()).await.ok()?.ok()?;
    let said = following.finish(code).await.stdout.join();
    let version = said.trim().strip_prefix("Python ")?.to_owned();
    (code == 0).then_some(version)
}
