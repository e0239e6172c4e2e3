//! The real server with the fixtures of the protocol's conformance suite beside its own tools, resources and prompts.
//! Never part of `mcp-server`; `tests/conformance/run` starts it.
//!
//! Prints its address. The key is `MCP_API_KEY`; its folder is a scratch directory.
#![allow(missing_docs, reason = "fixtures say what they are in the words of the suite")]

mod asking;
mod library;
mod tools;

use anyhow::{Context, Result};
use asking::Asking;
use skynet_bridge::{bridge::Bridge, caller::Keys, env_file, server};
use std::sync::Arc;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    server::log_to_stderr("warn");
    let settings = env_file::load(directory.path())?;
    let key = settings.api_key.clone().context("set MCP_API_KEY")?;
    let bridge = Arc::new(Bridge::open(settings, Keys::new(key.expose()), directory.path())?);
    let face = server::mcp::Mcp::with_library(bridge.clone(), &tools::with_fixtures(), library::with_fixtures());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let router = server::router_with(bridge.clone(), Asking::new(face));
    server::serve(listener, router, 1024, server::stop_signals().stop).await;
    bridge.close().await;
    Ok(())
}
