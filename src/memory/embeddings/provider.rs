//! A server that turns texts into vectors of their meaning.

use crate::settings::Secret;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// How much of a text is sent, in characters: models cut at a few hundred words themselves.
const SENT_MAX: usize = 4000;

/// Anything that speaks OpenAI's `/v1/embeddings`: Ollama, LM Studio, OpenAI itself.
pub(crate) struct Provider {
    client: reqwest::Client,
    url: String,
    model: String,
    key: Option<Secret>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl Provider {
    /// A provider at an address: of the server, of its `/v1`, or of `/v1/embeddings`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    #[expect(clippy::disallowed_methods, reason = "the address is a setting of the owner, not an argument of a caller")]
    pub(crate) fn new(address: &str, model: &str, key: Option<Secret>, timeout: Duration) -> Result<Self> {
        // Fails when one is in place already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .context("no HTTP client can be made for MEMORY_EMBEDDINGS_URL")?;
        Ok(Self { client, url: endpoint(address), model: model.to_owned(), key })
    }

    /// The vectors of texts, each of length 1, in their order.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or answers something else.
    pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let input: Vec<String> = texts.iter().map(|text| text.chars().take(SENT_MAX).collect()).collect();
        let mut request = self.client.post(&self.url).json(&json!({"model": self.model, "input": input}));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.unwrap_or_default();
            bail!("it answers {status}: {}", text.chars().take(200).collect::<String>());
        }
        let mut answer: Answer = response.json().await.map_err(reqwest::Error::without_url)?;
        answer.data.sort_by_key(|embedding| embedding.index);
        let vectors: Vec<Vec<f32>> = answer.data.into_iter().map(|embedding| unit(embedding.embedding)).collect();
        let length = vectors.first().map_or(0, Vec::len);
        if vectors.len() != texts.len() || length == 0 || vectors.iter().any(|vector| vector.len() != length) {
            bail!("it answers {} vectors for {} texts, or vectors of different lengths", vectors.len(), texts.len());
        }
        Ok(vectors)
    }
}

fn endpoint(address: &str) -> String {
    let address = address.trim_end_matches('/');
    match address {
        whole if whole.ends_with("/embeddings") => whole.to_owned(),
        version if version.ends_with("/v1") => format!("{version}/embeddings"),
        server => format!("{server}/v1/embeddings"),
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length.is_finite() && length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    } else {
        vector.fill(0.0);
    }
    vector
}
