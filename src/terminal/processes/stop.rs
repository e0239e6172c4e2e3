//! Stops a process and all that it started.

use super::{Processes, Status};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stop a process and all that it started.
///
/// They are asked to end and killed after 3 seconds; the output stays readable.
///
/// Asked by SIGTERM. One that is over already is answered in the same way.
#[derive(Deserialize, JsonSchema)]
pub struct StopProcess {
    /// The process.
    id: String,
}

/// How the process ended.
#[derive(Serialize, JsonSchema)]
pub struct StoppedProcess {
    /// The process.
    id: String,
    /// Where it is in its life.
    status: Status,
    /// Its exit code; negative when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Whether it did not end when asked and was killed.
    killed: bool,
}

impl Capability for StopProcess {
    const NAME: &'static str = "terminal_stop";
    const ACCESS: Access = Access::Execute;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…"}"#;
    const SUCCESS: &'static str = "Whether it is over.";
    type Service = Processes;
    type Output = StoppedProcess;

    fn aside(_: &StoppedProcess) -> &'static [&'static str] {
        &["id"]
    }

    fn succeeded(output: &StoppedProcess) -> bool {
        output.status != Status::Running
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<StoppedProcess> {
        let process = processes.get(&context.caller, &self.id)?;
        let stopping = process.clone();
        // On its own task: a client that goes away does not leave it half stopped.
        let killed = tokio::spawn(async move { stopping.stop().await }).await.map_err(crate::Error::internal)?;
        let state = process.state();
        Ok(StoppedProcess { id: process.record.id(), status: state.status(), exit_code: state.exit_code(), killed })
    }
}
