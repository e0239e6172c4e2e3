//! Does what the command line says.

use super::{CommandLine, KeyAction, Task, attach, connect, doctor};
use crate::{
    bridge::Bridge,
    caller::Keys,
    first_start, key_file,
    policy::paths::Directory,
    server,
    settings::{Settings, hide_key, key_in_environment, key_in_file, warn_of_doubtful_names},
};
use anyhow::{Context, Result};
use std::{io::Write, path::Path, process::ExitCode, sync::Arc};

/// Does it, to its end.
///
/// # Errors
/// What a person must mend; the message says how.
pub async fn run(command: &CommandLine) -> Result<ExitCode> {
    let directory = command.enter()?;
    if let Some(Task::Key { action }) = &command.task {
        key(action, &directory)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = command.over(Settings::load(&directory)?);
    hide_key();
    let _log = server::log_to_stderr(settings.log_filter());
    warn_of_doubtful_names();
    server::raise_open_files();
    match &command.task {
        Some(Task::Stdio) => {
            let key = first_start::key_unasked(&settings, &directory)?;
            server::stdio::serve(settings, key, &directory, server::stop_signal()).await?;
        }
        Some(Task::Attach { id }) => return attach::attach(&settings, id).await,
        Some(Task::Connect { client, write }) => {
            let key = first_start::key(&settings, &directory)?;
            say(&connect::run(*client, *write, &settings, key.secret.expose(), &directory)?);
        }
        Some(Task::Doctor) => {
            let well = doctor::run(&settings, &directory, say).await;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        _ => serve(settings, &directory).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces the key, or shows it: alone on standard output, so that a script can take it.
fn key(action: &KeyAction, directory: &Path) -> Result<()> {
    match action {
        KeyAction::Rotate => say(&first_start::rotated(&key_file::rotate(directory)?, directory)),
        KeyAction::Show => {
            let file = directory.join(".env");
            let (key, place) = match key_in_environment() {
                Some(key) => (key, "the environment".to_owned()),
                None => {
                    let key = key_in_file(&Directory::own(directory)?, directory)?;
                    (
                        key.context("there is no key yet: start mcp-server once, and it makes one")?,
                        file.display().to_string(),
                    )
                }
            };
            say(key.expose());
            eprintln!("The key is MCP_API_KEY of {place}");
        }
    }
    Ok(())
}

/// Nobody may be there to read it.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Serves over HTTP until a signal.
async fn serve(settings: Settings, directory: &Path) -> Result<()> {
    let key = first_start::key(&settings, directory)?;
    let socket = server::bind(&settings).await?;
    let address = socket.local_addr()?;
    let max_connections = settings.max_connections;
    let mut keys = Keys::new(key.secret.expose()).allowing_wrong(settings.max_wrong_keys);
    if let Some(source) = key_file::follow(directory, &key.secret, &settings.host) {
        keys = keys.following(source);
    }
    server::stdio::make_way(directory).await;
    let bridge = Arc::new(Bridge::open(settings, keys, directory)?);
    let listener = server::listen(socket)?;
    let doorway = server::stdio::Doorway::open(bridge.clone(), None);
    say(&first_start::welcome(address, &key, directory));
    server::serve(listener, server::router(bridge.clone()), max_connections, server::stop_signal()).await;
    if let Some(doorway) = doorway {
        doorway.close().await;
    }
    bridge.close().await;
    Ok(())
}
