//! Command line, settings, bridge, serve.

use anyhow::{Context, Result};
use clap::Parser;
use skynet_bridge::{
    bridge::Bridge,
    caller::Keys,
    command_line::{CommandLine, KeyAction, Task},
    first_start, key_file, server,
    settings::Settings,
};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let command = CommandLine::parse();
    let done = match &command.task {
        None => serve(&command),
        Some(Task::Key { action: KeyAction::Rotate }) => rotate(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn rotate(command: &CommandLine) -> Result<()> {
    let directory = enter(&command.directory)?;
    println!("{}", first_start::rotated(&key_file::rotate(&directory)?, &directory));
    Ok(())
}

#[tokio::main]
async fn serve(command: &CommandLine) -> Result<()> {
    let directory = enter(&command.directory)?;
    let settings = command.over(Settings::load(&directory)?);
    server::log_to_stderr(settings.log_filter());
    let key = first_start::key(&settings, &directory)?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port)).await.with_context(|| {
        format!(
            "cannot listen on {}:{}: is another server running there? Choose another with --port",
            settings.host, settings.port
        )
    })?;
    let address = listener.local_addr()?;
    let max_connections = settings.max_connections;
    let mut keys = Keys::new(key.secret.expose()).allowing_wrong(settings.max_wrong_keys);
    if let Some(source) = key_file::follow(&directory, &key.secret, &settings.host) {
        keys = keys.following(source);
    }
    let bridge = Arc::new(Bridge::open(settings, keys, &directory)?);
    println!("{}", first_start::welcome(address, &key, &directory));
    let router = server::router(bridge.clone());
    server::serve(listener, router, max_connections, server::stop_signal()).await;
    bridge.close().await;
    Ok(())
}

/// Makes the server's directory the process's own, so that relative paths start there.
fn enter(directory: &PathBuf) -> Result<PathBuf> {
    let failed = || format!("the directory {} cannot be entered: it must exist and be readable", directory.display());
    std::env::set_current_dir(directory).with_context(failed)?;
    std::env::current_dir().with_context(failed)
}
