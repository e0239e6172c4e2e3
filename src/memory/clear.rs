//! Forgets everything.

use super::{Memory, store::Change};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Forget every memory entry.
///
/// memory_restore brings them back. The history of what was asked stays.
#[derive(Deserialize, JsonSchema)]
pub struct ClearMemory {
    /// Must be true: nothing is forgotten by mistake.
    #[serde(default)]
    confirm: bool,
}

/// That it is done.
#[derive(Serialize, JsonSchema)]
pub struct Cleared {
    /// In words.
    message: String,
    /// The change, for memory_restore; null when nothing was there, or more than is kept (`MCP_UNDO_MAX_MIB`).
    change_id: Option<String>,
}

impl Capability for ClearMemory {
    const NAME: &'static str = "memory_clear";
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;
    const FROM_QUERY: bool = true;
    const ACTION: Option<&'static str> = Some("memory_cleared");
    const EXAMPLE: &'static str = r#"{"confirm": false}"#;
    type Service = Memory;
    type Output = Cleared;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::any(Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<Cleared> {
        if !self.confirm {
            return Err(Error::Unusable("Confirmation required. Set 'confirm': true".into()));
        }
        let done = memory.store.change(|_| Ok((vec![Change::Clear], ()))).await?;
        context.record_as(json!({"timestamp": clock::timestamp()}));
        let message = "All memory cleared".into();
        Ok(Cleared { message, change_id: done.change_id })
    }
}
