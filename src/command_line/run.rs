//! Does what the command line says.

use super::{
    CommandLine, KeyAction, PermissionsAction, Task, agents, attach,
    connect::{self, Doing},
    doctor, history,
    invocation::invocation,
    lists::{self, Chosen},
    permissions,
    target::{Target, require_bridge},
    welcome::{self, Welcome},
};
use crate::{
    bridge::Bridge,
    caller::Keys,
    first_start, key_file,
    policy::{confine::Level, paths::Directory},
    server::{self, LogGuard, address},
    settings::{Secret, Settings, hide_key, key_in_environment},
    settings_file,
};
use anyhow::{Context, Result};
use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

/// How long what must be tidied may take when everything is to end at once.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The exit code of a program that was interrupted, as shells have it: 128 and SIGINT.
const INTERRUPTED: u8 = 130;

/// Does it, to its end.
///
/// # Errors
/// What a person must fix; the message says how.
pub async fn run(command: &CommandLine) -> Result<ExitCode> {
    let directory = command.enter()?;
    match &command.task {
        Some(Task::Key { action }) => {
            key(action, command, &directory)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Task::History { date, follow, agent, outcome, since }) => {
            require_bridge(&directory)?;
            let chosen = history::Chosen::of(agent.as_deref(), outcome.as_deref(), since.as_deref())?;
            history::show(&directory, date.as_deref(), *follow, &chosen).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(task) if rules_agents(task) => {
            require_bridge(&directory)?;
            rule(task, command, &directory).await?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let settings = command.over(settings_file::load(&directory)?);
    hide_key();
    let log = server::log_to_stderr(settings.log_filter());
    settings_file::warn_of_doubtful_names(&directory)?;
    server::raise_open_files();
    match &command.task {
        None | Some(Task::Serve) => serve(settings, command, &directory, &log).await,
        Some(Task::Stdio { agent }) => {
            let key = first_start::key_unasked(&settings, &directory)?;
            server::stdio::serve(settings, key, &directory, agent, server::stop_signals().stop).await?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Task::Permissions { action: PermissionsAction::Check { file } }) => {
            let is_well = permissions::check(file.as_deref(), &settings, &directory, |line| drop(say(line)))?;
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(task) => of_a_bridge(task, command, &settings, &directory).await,
    }
}

/// Whether it is the person's rule over agents.
fn rules_agents(task: &Task) -> bool {
    use Task::{Agent, Cancel, Pause, Resume, Running, StopAll};
    matches!(task, Agent { .. } | Pause { .. } | Resume { .. } | StopAll { .. } | Running | Cancel { .. })
}

/// Rules agents, as the person.
async fn rule(task: &Task, command: &CommandLine, directory: &Path) -> Result<()> {
    let program = called(command, directory);
    match task {
        Task::Agent { action } => agents::agent(action, directory, &program).await,
        Task::Pause { agent } => agents::pause(directory, agent.clone(), &program).await,
        Task::Resume { agent } => agents::resume(directory, agent.clone(), &program).await,
        Task::StopAll { agent } => agents::stop_all(directory, agent.clone(), &program).await,
        Task::Cancel { call } => agents::cancel(directory, call).await,
        _ => agents::running(directory).await,
    }
}

/// What is done with a bridge that is there.
async fn of_a_bridge(task: &Task, command: &CommandLine, settings: &Settings, directory: &Path) -> Result<ExitCode> {
    let target = Target::find(command, settings, directory);
    let program = called(command, directory);
    let is_well = match task {
        Task::Doctor => doctor::run(settings, &target, &program, |line| drop(say(line))).await,
        Task::Attach { id } => return attach::attach(&target, id).await,
        Task::Connect { client, write, remove } => {
            require_bridge(directory)?;
            let doing = match (write, remove) {
                (true, _) => Doing::Write,
                (_, true) => Doing::Remove,
                _ => Doing::Show,
            };
            let _ = say(&connect::run(*client, doing, settings, &target)?);
            true
        }
        Task::Processes => lists::processes(&target).await.map(|()| true)?,
        Task::Changes { path, session } => {
            let chosen = Chosen { id: None, path: path.clone(), session: session.clone() };
            lists::changes(&target, &chosen).await.map(|()| true)?
        }
        Task::Undo { id, path, session } => {
            let chosen = Chosen { id: id.clone(), path: path.clone(), session: session.clone() };
            lists::undo(&target, &chosen).await?
        }
        // These were done before.
        _ => true,
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How the program is called again for the same directory.
fn called(command: &CommandLine, directory: &Path) -> String {
    invocation(Some(directory).filter(|_| command.directory != Path::new(".")))
}

/// Replaces the key, or shows it: alone on standard output, so that a script can take it.
fn key(action: &KeyAction, command: &CommandLine, directory: &Path) -> Result<()> {
    // A key is of no use with a `.env` that no server starts with.
    settings_file::load(directory)?;
    match action {
        KeyAction::Rotate => rotate(command, directory),
        KeyAction::Show => {
            let file = directory.join(".env");
            let (key, place) = match key_in_environment() {
                Some(key) => (key, "the environment".to_owned()),
                None => {
                    let key = settings_file::key(&Directory::own(directory)?, directory)?;
                    (
                        key.with_context(|| {
                            format!(
                                "there is no key in {}: start mcp-server there once, and it makes one, or name the folder of \
                                 your bridge with --directory",
                                file.display()
                            )
                        })?,
                        file.display().to_string(),
                    )
                }
            };
            if say(key.expose()).is_ok() {
                key_file::was_seen(directory);
            }
            eprintln!("The key is MCP_API_KEY of {place}");
            Ok(())
        }
    }
}

fn rotate(command: &CommandLine, directory: &Path) -> Result<()> {
    require_bridge(directory)?;
    let old = settings_file::key(&Directory::own(directory)?, directory)?;
    let new = key_file::rotate(directory)?;
    let program = called(command, directory);
    if say(&welcome::rotated(&new, directory, &program)).is_ok() {
        key_file::was_seen(directory);
    }
    let target = Target::find(command, &command.over(settings_file::load(directory)?), directory);
    let _ = say(&format!("\nIt is the key of {}.", target.described()));
    if let Some(old) = old {
        tell_holders(&target, &old, &program);
    }
    Ok(())
}

/// Names the clients that hold a key that opens nothing any more.
fn tell_holders(target: &Target, old: &Secret, program: &str) {
    let holders = connect::holders(target, old);
    if !holders.is_empty() {
        let _ =
            say("\nThese clients still hold the old key, which opens nothing any more. To give them the new one:\n");
    }
    for (client, path) in holders {
        let _ = say(&format!("  {program} connect {} --write    ({})", connect::name(client), path.display()));
    }
}

/// Nobody may be there to read it.
fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Serves over HTTP until a signal.
async fn serve(settings: Settings, command: &CommandLine, directory: &Path, log: &LogGuard) -> Result<ExitCode> {
    let signals = server::stop_signals();
    let key = first_start::key(&settings, directory)?;
    let bound = server::bind(&settings).await?;
    let address = bound.socket.local_addr()?;
    let max_connections = settings.max_connections;
    let mut keys = Keys::new(key.secret.expose()).allowing_wrong(settings.max_wrong_keys);
    if let Some(source) = key_file::follow(directory, &key.secret, &settings.host) {
        keys = keys.following(source);
    }
    server::stdio::hand_over(directory).await;
    let bridge = Arc::new(Bridge::open(settings, keys, directory)?);
    let listener = server::listen(bound.socket)?;
    bridge.announce(&address::local_url(&address.ip().to_string(), address.port()));
    let local = server::stdio::IpcListener::open(bridge.clone(), None);
    let router = server::router(bridge.clone());
    let control = server::control::ControlSocket::open(&bridge, router.clone());
    if bridge.confinement().level == Level::None {
        tracing::warn!("commands can run mcp-server as you do, and so pause, stop and add agents: see docs/control.md");
    }
    // Who waits for these words may end the bridge at once.
    log.settle();
    let (program, instead_of) = (called(command, directory), bound.instead_of.as_deref());
    let welcome = Welcome { address, instead_of, key: &key, directory, program: &program };
    if say(&welcome.text()).is_ok() {
        key_file::was_seen(directory);
    }
    let served = async {
        server::serve(listener, router, max_connections, signals.stop.clone()).await;
        if let Some(local) = local {
            local.close().await;
        }
        if let Some(control) = control {
            control.close().await;
        }
        bridge.close().await;
    };
    tokio::select! {
        () = served => Ok(ExitCode::SUCCESS),
        () = signals.at_once.cancelled() => {
            let _ = tokio::time::timeout(LAST_MOMENT, bridge.close()).await;
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}
