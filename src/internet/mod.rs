//! Other machines, over HTTP: only where the policy allows, and only at the addresses that it checked.

mod answer;
mod document;
mod fetch;
mod form;
mod layer;
mod search;

pub use fetch::FetchUrl;
pub use search::SearchWeb;

use crate::{
    capability::Context,
    error::Result,
    permissions::{Needs, Subjects},
    policy::{SafeUrl, UrlPolicy},
    settings::Settings,
};
use anyhow::Context as _;
use futures::future::BoxFuture;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_platform_verifier::Verifier;
use schemars::JsonSchema;
use serde::Serialize;
use std::{io, net::IpAddr, sync::Arc, sync::OnceLock};

/// A file that what was fetched was saved to.
#[derive(Serialize, JsonSchema)]
pub struct Saved {
    /// The path as sent.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The change, for filesystem_undo.
    pub change_id: String,
}

/// Writes bytes to a new file at a path that the caller names.
pub type Save = Box<dyn for<'a> Fn(&'a Context, &'a str, Vec<u8>) -> BoxFuture<'a, Result<Saved>> + Send + Sync>;

/// The text of a document, of which any of two names may tell the kind.
pub type TextOf = Box<dyn for<'a> Fn(&'a Context, [&str; 2], Vec<u8>) -> BoxFuture<'a, Result<String>> + Send + Sync>;

/// Fails where a [`Save`] to a path would.
pub type CheckTarget = Box<dyn Fn(&Context, &str) -> Result<()> + Send + Sync>;

/// What a [`Save`] to a path is about.
pub type AboutTarget = Box<dyn Fn(Needs, &str) -> Subjects + Send + Sync>;

/// Fails for a host that is not fetched from.
pub(crate) type CheckHost = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// What the side of the bridge that has files does with what was fetched.
pub struct Receivers {
    /// Fails where [`Self::save`] would, before anything is fetched.
    pub check: CheckTarget,
    /// What saving it is about.
    pub about: AboutTarget,
    /// Saves it.
    pub save: Save,
    /// Reads it.
    pub text_of: TextOf,
}

/// The way out, for those who may use the same hosts and files.
#[derive(Clone)]
pub struct Internet {
    policy: Arc<UrlPolicy>,
    /// Asked where a URL leads to another host; the first one is decided before the call begins.
    check_host: Option<CheckHost>,
    receivers: Arc<Receivers>,
    /// The most that is fetched for a file or a document, in bytes.
    max_bytes: u64,
    /// Made at the first use, since reading the system's certificates takes a while.
    tls: Arc<OnceLock<ClientConfig>>,
}

impl Internet {
    /// Takes what the settings allow.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn open(settings: &Settings, receivers: Receivers) -> anyhow::Result<Self> {
        let max_bytes = settings.max_request_mib.saturating_mul(1024 * 1024);
        let policy = UrlPolicy::new(settings.fetch_allow_private.clone());
        let (policy, receivers) = (Arc::new(policy), Arc::new(receivers));
        Ok(Self { policy, check_host: None, receivers, max_bytes, tls: Arc::default() })
    }

    /// The same for those who may not use every host, or have other files.
    pub(crate) fn within(&self, check_host: Option<CheckHost>, receivers: Receivers) -> Self {
        Self { check_host, receivers: Arc::new(receivers), ..self.clone() }
    }

    /// Where a URL leads, which may be asked of `from`, if it is fetched from.
    async fn checked(&self, url: &str, from: Option<&SafeUrl>) -> Result<SafeUrl> {
        let url = match from {
            None => self.policy.check(url, resolve).await?,
            Some(from) => self.policy.follow(from, url, resolve).await?,
        };
        let is_elsewhere = from.is_some_and(|from| from.url().host_str() != url.url().host_str());
        if let (true, Some(check), Some(host)) = (is_elsewhere, &self.check_host, url.url().host_str()) {
            check(host)?;
        }
        Ok(url)
    }

    /// A client that connects to the checked addresses and to nothing else: no resolver, no proxy, no redirect.
    /// It is made for one request, so that no connection outlives the check it was opened under.
    #[expect(clippy::disallowed_methods, reason = "the one place where a SafeUrl becomes a connection")]
    fn client(&self, url: &SafeUrl) -> anyhow::Result<reqwest::Client> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.get_or_init(tls_of_the_system).clone())
            .resolve_to_addrs(url.url().host_str().unwrap_or_default(), url.addresses())
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .pool_max_idle_per_host(0);
        builder.build().context("an HTTP client cannot be made")
    }
}

/// Asks the system's resolver.
async fn resolve(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// The system's certificates; without any, HTTP still works and every HTTPS server is refused.
fn tls_of_the_system() -> ClientConfig {
    let provider: Arc<CryptoProvider> = rustls::crypto::ring::default_provider().into();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let mut config = match Verifier::new(provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(%error, "the system has no certificates: no HTTPS server can be trusted");
            builder.with_root_certificates(RootCertStore::empty())
        }
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    config
}
