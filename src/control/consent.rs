//! The person's code for the page on which a client of the web is let in.

use super::Control;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Make a code for the page that asks whether a client may be let in.
///
/// It counts once, within 5 minutes.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct ConsentCode {}

/// What is typed into the page.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownCode {
    /// The code.
    pub(crate) code: String,
    /// Until when it counts.
    pub(crate) expires_at: String,
    /// Where those come from that ask now: it lets in any one of them.
    pub(crate) waiting: Vec<String>,
}

impl Capability for ConsentCode {
    const NAME: &'static str = "control_code";
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = ShownCode;

    async fn run(self, control: &Control, context: &Context) -> Result<ShownCode> {
        let oauth = control.oauth.as_ref().ok_or_else(|| {
            let how = "Set it to the address by which the outside reaches the bridge, and start it again";
            Error::Conflict("No client of the web can be let in, since MCP_PUBLIC_URL is not set".to_owned())
                .with_hint(|| Some(how.to_owned()))
        })?;
        control.of_agents.confirm(context).await?;
        let (code, until, waiting) = oauth.code()?;
        Ok(ShownCode { code, expires_at: clock::timestamp_of(until), waiting })
    }
}
