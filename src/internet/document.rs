//! A small document of another server, for the bridge itself: as strictly as what callers fetch, without redirects.

use super::{Internet, answer::upstream};
use crate::error::{Error, Result};
use reqwest::header::ACCEPT;
use std::time::Duration;
use url::Url;

/// The longest that is taken, in bytes.
const LONGEST: usize = 64 * 1024;

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(5);

impl Internet {
    /// The bytes at an address.
    ///
    /// # Errors
    /// When the policy refuses the address, the server does not answer with 200 in time, or the document is longer.
    pub(crate) async fn document(&self, url: Url) -> Result<Vec<u8>> {
        let fetched = tokio::time::timeout(TIME, self.fetch_document(url)).await;
        fetched.unwrap_or_else(|_| Err(Error::TimedOut(format!("No document came within {} s", TIME.as_secs()))))
    }

    async fn fetch_document(&self, url: Url) -> Result<Vec<u8>> {
        let url = self.checked(url.as_str(), None).await?;
        let client = self.client(&url).map_err(Error::internal)?;
        let request = client.get(url.url().clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| upstream(&error))?;
        if response.status().as_u16() != 200 {
            return Err(Error::Unusable(format!("The server answered {}", response.status())));
        }
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| upstream(&error))? {
            bytes.extend_from_slice(&part);
            if bytes.len() > LONGEST {
                return Err(Error::TooLarge(format!("The document is longer than {LONGEST} bytes")));
            }
        }
        Ok(bytes)
    }
}
