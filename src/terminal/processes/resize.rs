//! Changes the size of a process's terminal.

use super::Processes;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Resize the terminal of a process.
///
/// The program is told (SIGWINCH) and draws itself anew. Only for processes that were started with pty.
#[derive(Deserialize, JsonSchema)]
pub struct ResizeTerminal {
    /// The process.
    id: String,
    /// The new width, in characters.
    #[schemars(range(min = 1, max = 1000))]
    cols: u16,
    /// The new height, in lines.
    #[schemars(range(min = 1, max = 1000))]
    rows: u16,
}

/// The new size.
#[derive(Serialize, JsonSchema)]
pub struct ResizedTerminal {
    /// The process.
    id: String,
    /// Its width, in characters.
    cols: u16,
    /// Its height, in lines.
    rows: u16,
}

impl Capability for ResizeTerminal {
    const NAME: &'static str = "terminal_resize";
    const ACCESS: Access = Access::Execute;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "cols": 120, "rows": 40}"#;
    type Service = Processes;
    type Output = ResizedTerminal;

    fn aside(_: &ResizedTerminal) -> &'static [&'static str] {
        &["id", "cols", "rows"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<ResizedTerminal> {
        let process = processes.get(&context.caller, &self.id)?;
        process.resize(self.cols, self.rows)?;
        let (cols, rows) = (self.cols, self.rows);
        Ok(ResizedTerminal { id: process.record.id(), cols, rows })
    }
}
