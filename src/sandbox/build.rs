//! Builds the image in which code runs.

use super::Sandbox;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Build the sandbox's image.
///
/// Takes minutes the first time. Needs Docker and its access to an image registry.
#[derive(Deserialize, JsonSchema)]
pub struct BuildImage {}

/// What was built.
#[derive(Serialize, JsonSchema)]
pub struct BuildOutput {
    /// Always true: a failure is an error.
    success: bool,
    /// The image's name.
    image: String,
    /// What happened, in a sentence.
    message: String,
    /// When it was done.
    timestamp: String,
}

impl Capability for BuildImage {
    const NAME: &'static str = "sandbox_build";
    const ACCESS: Access = Access::Execute;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = Sandbox;
    type Output = BuildOutput;

    async fn run(self, sandbox: &Sandbox, _: &Context) -> Result<BuildOutput> {
        Err(sandbox.missing_engine())
    }
}
