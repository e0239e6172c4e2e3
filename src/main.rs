//! Command line, settings, bridge, serve.

use anyhow::Result;
use clap::Parser;
use skynet_bridge::{
    bridge::Bridge,
    caller::Keys,
    command_line::{CommandLine, KeyAction, Task},
    first_start, key_file, server,
    settings::{Settings, hide_key},
};
use std::{io::Write, path::Path, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let command = CommandLine::parse();
    let runtime = tokio::runtime::Runtime::new().expect("the system gives threads");
    let done = runtime.block_on(run(&command));
    // Reading standard input cannot be given up: nothing waits for it.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &CommandLine) -> Result<()> {
    let directory = command.enter()?;
    if let Some(Task::Key { action: KeyAction::Rotate }) = command.task {
        println!("{}", first_start::rotated(&key_file::rotate(&directory)?, &directory));
        return Ok(());
    }
    let settings = command.over(Settings::load(&directory)?);
    hide_key();
    let _log = server::log_to_stderr(settings.log_filter());
    server::raise_open_files();
    match command.task {
        Some(Task::Stdio) => {
            let key = first_start::key_unasked(&settings)?;
            server::stdio::serve(settings, key, &directory, server::stop_signal()).await
        }
        _ => serve(settings, &directory).await,
    }
}

/// Serves over HTTP until a signal.
async fn serve(settings: Settings, directory: &Path) -> Result<()> {
    let key = first_start::key(&settings, directory)?;
    let listener = server::listen(&settings).await?;
    let address = listener.local_addr()?;
    let max_connections = settings.max_connections;
    let mut keys = Keys::new(key.secret.expose()).allowing_wrong(settings.max_wrong_keys);
    if let Some(source) = key_file::follow(directory, &key.secret, &settings.host) {
        keys = keys.following(source);
    }
    server::stdio::make_way(directory).await;
    let bridge = Arc::new(Bridge::open(settings, keys, directory)?);
    let doorway = server::stdio::Doorway::open(bridge.clone(), None);
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stdout(), "{}", first_start::welcome(address, &key, directory));
    server::serve(listener, server::router(bridge.clone()), max_connections, server::stop_signal()).await;
    if let Some(doorway) = doorway {
        doorway.close().await;
    }
    bridge.close().await;
    Ok(())
}
