//! Searches the web, once there is a provider.

use super::Internet;
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Search the web.
///
/// Not available yet: always answers 501. Use internet_fetch with the URL of a page instead.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "what is asked is checked already, so that clients need not change when it works")]
pub struct SearchWeb {
    /// What to look for.
    query: String,
    /// How many results to give at most.
    #[serde(default = "default_max_results")]
    #[schemars(range(min = 1, max = 100))]
    max_results: u32,
}

fn default_max_results() -> u32 {
    10
}

/// What was found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebSearchOutput")]
pub struct SearchOutput {
    /// What was looked for.
    query: String,
    /// The addresses of the pages found, best first.
    results: Vec<String>,
}

impl Capability for SearchWeb {
    const NAME: &'static str = "internet_search";
    const ACCESS: Access = Access::Network;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"query": "rust graceful shutdown"}"#;
    type Service = Internet;
    type Output = SearchOutput;

    async fn run(self, _: &Internet, _: &Context) -> Result<SearchOutput> {
        Err(Error::NotImplemented(
            "Web search not yet implemented: no search provider is set. Fetch a page by its URL with internet_fetch \
             instead"
                .into(),
        ))
    }
}
