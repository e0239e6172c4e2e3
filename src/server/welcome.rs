//! What anyone may ask: who is there, and is it well.

use super::shared::Shared;
use crate::{
    clock,
    policy::confine::{Level, MemoryBound},
};
use axum::{Extension, Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// The version of the wire contract, as the original says it.
const CONTRACT_VERSION: &str = "1.0.0";

/// The paths that the bridge serves.
#[derive(Clone)]
pub(crate) struct Endpoints(pub Arc<[String]>);

/// What the bridge is and where its capabilities are.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Index {
    /// That it runs.
    status: &'static str,
    /// The version of the contract.
    version: &'static str,
    /// Now.
    timestamp: String,
    /// Every path.
    endpoints: Vec<String>,
}

/// That the bridge is well.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Health {
    /// `healthy`.
    status: &'static str,
    /// `running`.
    uptime: &'static str,
    /// How long it has been running, in seconds.
    uptime_seconds: u64,
    /// How firmly commands are held: `kernel+namespaces`, `kernel` or `none`.
    confinement: Level,
    /// Why it is that level.
    confinement_reason: String,
    /// Who holds the memory of commands: the kernel by a `cgroup`, or the bridge, which has it `watched`; null: nobody.
    memory_bound: Option<MemoryBound>,
    /// Now.
    timestamp: String,
}

/// `GET /`
pub(crate) async fn index(Extension(Endpoints(paths)): Extension<Endpoints>) -> Json<Index> {
    let pages = ["/docs", "/redoc", "/openapi.json"].map(str::to_owned);
    let endpoints = paths.iter().cloned().chain(pages).collect();
    Json(Index {
        status: "🟢 MCP Server Online", version: CONTRACT_VERSION, timestamp: clock::timestamp(), endpoints
    })
}

/// `GET /health`
pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> Json<Health> {
    let uptime_seconds = shared.started.elapsed().as_secs();
    let confinement = shared.bridge.confinement();
    Json(Health {
        status: "healthy",
        uptime: "running",
        uptime_seconds,
        confinement: confinement.level,
        confinement_reason: confinement.why.clone(),
        memory_bound: confinement.memory_bound,
        timestamp: clock::timestamp(),
    })
}
