//! Starts, lists and stops sessions.

use super::{Interpreter, answers::SessionInfo};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    sandbox::{
        Sandbox,
        files::{self, InputFile},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Start a code session that keeps its state.
///
/// A container with an interpreter of its own: variables, imports and files stay between calls to
/// `sandbox_session_run`. No network, 256 MB of memory. It ends after 15 minutes without a call; stop it when you are
/// done. Needs Docker.
#[derive(Deserialize, JsonSchema)]
pub struct StartSession {
    /// `python`, `node` or `bash`.
    #[serde(default = "default_language")]
    language: String,
    /// Files put into the workspace, where the code runs.
    #[serde(default)]
    files: Vec<InputFile>,
}

fn default_language() -> String {
    "python".to_owned()
}

/// A session that was started.
#[derive(Serialize, JsonSchema)]
pub struct StartOutput {
    /// Its name in the other calls.
    id: String,
    /// What it runs.
    language: String,
    /// How long it lives without a call, in seconds.
    idle_seconds: u64,
    /// How long it lives at most, in seconds.
    max_seconds: u64,
}

impl Capability for StartSession {
    const NAME: &'static str = "sandbox_session_start";
    const ROUTE: Option<&'static str> = Some("/sandbox/session/start");
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"language": "python"}"#;
    type Service = Sandbox;
    type Output = StartOutput;

    async fn run(self, sandbox: &Sandbox, context: &Context) -> Result<StartOutput> {
        let sessions = &sandbox.sessions;
        let (language, setup) = sandbox.setup(&self.language, sessions.longest)?;
        let archive = files::pack(self.files, sandbox.limits.workspace_mib)?;
        let place = sessions.reserve(context.caller.name(), language)?;
        let start = async {
            let interpreter = Interpreter::start(&setup).await?;
            if let Some(archive) = archive {
                let room = sandbox.limits.workspace_mib;
                interpreter.container.unpack(archive).await?.then_some(()).ok_or_else(|| files::no_room(room))?;
            }
            Ok(interpreter)
        };
        let interpreter = sandbox.unless_stopping(start).await?;
        Ok(StartOutput {
            id: place.fill(interpreter, setup),
            language: language.to_owned(),
            idle_seconds: sessions.idle.as_secs(),
            max_seconds: sessions.longest.as_secs(),
        })
    }
}

/// List your code sessions.
///
/// Those that are open, oldest first.
#[derive(Deserialize, JsonSchema)]
pub struct ListSessions {}

/// The sessions of a caller.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionListOutput")]
pub struct ListOutput {
    /// How many there are.
    count: usize,
    /// The sessions, oldest first.
    items: Vec<SessionInfo>,
}

impl Capability for ListSessions {
    const NAME: &'static str = "sandbox_session_list";
    const ROUTE: Option<&'static str> = Some("/sandbox/session/list");
    const ACCESS: Access = Access::Execute;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = Sandbox;
    type Output = ListOutput;

    async fn run(self, sandbox: &Sandbox, context: &Context) -> Result<ListOutput> {
        let items = sandbox.sessions.list(context.caller.name());
        Ok(ListOutput { count: items.len(), items })
    }
}

/// Stop a code session.
///
/// Close it when you are done. Its container is removed at once, with its variables and its files.
#[derive(Deserialize, JsonSchema)]
pub struct StopSession {
    /// The session's name, as its start gave it.
    id: String,
}

/// A session that was stopped.
#[derive(Serialize, JsonSchema)]
pub struct StopOutput {
    /// The session.
    id: String,
    /// What happened, in a sentence.
    message: String,
}

impl Capability for StopSession {
    const NAME: &'static str = "sandbox_session_stop";
    const ROUTE: Option<&'static str> = Some("/sandbox/session/stop");
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "ses_…"}"#;
    type Service = Sandbox;
    type Output = StopOutput;

    async fn run(self, sandbox: &Sandbox, context: &Context) -> Result<StopOutput> {
        sandbox.sessions.stop(context.caller.name(), &self.id)?;
        Ok(StopOutput { id: self.id, message: "Session stopped".to_owned() })
    }
}
