//! How the person sets the passphrase, and shows it.

use super::AgentControl;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    settings::Secret,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Set, change or remove the passphrase that approvals need.
///
/// The one of before comes with the request, as it does with whatever needs it. Without one, nothing asks for it.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct SetPassphrase {
    /// The new one: 8 characters at least, in one line.
    pub(crate) new_passphrase: Option<String>,
    /// Instead of a new one: there is none any more.
    #[serde(default)]
    pub(crate) remove: bool,
}

/// Whether there is a passphrase.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct PassphraseState {
    /// Whether approvals need one now.
    pub(crate) is_set: bool,
}

/// Check the passphrase that comes with the request.
///
/// Where there is none, that is well too.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct CheckPassphrase {}

/// It is the right one, or none is needed.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct PassphraseChecked {}

impl Capability for SetPassphrase {
    const NAME: &'static str = "control_passphrase";
    const ACCESS: Access = Access::Admin;
    const IS_RECORDED: fn(&str) -> bool = |_| false;
    const EXAMPLE: &'static str = r#"{"new_passphrase": "short"}"#;
    type Service = AgentControl;
    type Output = PassphraseState;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<PassphraseState> {
        context.record_as(json!({"remove": self.remove}));
        if self.remove == self.new_passphrase.is_some() {
            return Err(Error::invalid("new_passphrase", "Input should be a new one, or `remove` in its place"));
        }
        control.passphrase.set(context, self.new_passphrase.map(Secret::new)).await?;
        Ok(PassphraseState { is_set: !self.remove })
    }
}

impl Capability for CheckPassphrase {
    const NAME: &'static str = "control_passphrase_check";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = AgentControl;
    type Output = PassphraseChecked;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<PassphraseChecked> {
        control.confirm(context).await.map(|()| PassphraseChecked {})
    }
}
