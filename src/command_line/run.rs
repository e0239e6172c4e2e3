//! Does what the command line says.

use super::{
    CommandLine, ControlTask, KeyAction, PermissionsAction, Task, agents, approvals, attach,
    connect::{self, Client, Doing},
    doctor, history,
    invocation::invocation,
    lists::{self, Chosen},
    page, passphrase, permissions,
    person::Person,
    print::{self, line as say},
    target::{Target, require_bridge},
    watch,
    welcome::{self, Welcome},
};
use crate::{
    bridge::Bridge,
    caller::Keys,
    env_file, first_start, key_file,
    policy::{confine::Level, paths::Directory},
    server::{self, LogGuard, address, stdio::Guest},
    settings::{Secret, Settings, hide_key, key_in_environment},
};
use anyhow::{Context, Result};
use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

/// How long what must be tidied may take when everything is to end at once.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The exit code of a program that was interrupted, as shells have it: 128 and SIGINT.
const INTERRUPTED: u8 = 130;

/// Does it, to its end. A command whose reader goes away, as behind `| head -1`, ends like any other.
///
/// # Errors
/// What a person must fix; the message says how.
pub async fn run(command: &CommandLine) -> Result<ExitCode> {
    match obey(command).await {
        Err(error) if print::is_reader_gone(&error) => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

async fn obey(command: &CommandLine) -> Result<ExitCode> {
    let directory = command.enter()?;
    let start = || Start::of(command, &directory);
    let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
    match command.task.as_ref().unwrap_or(&Task::Serve) {
        Task::Serve => serve(start()?).await,
        Task::Stdio { agent, tools } => {
            let guest = Guest { agent: agent.clone(), tools: tools.clone() };
            done(stdio(guest, start()?).await)
        }
        Task::Connect { client, write, remove } => {
            let doing = match (write, remove) {
                (true, _) => Doing::Write,
                (_, true) => Doing::Remove,
                _ => Doing::Show,
            };
            done(connect(*client, doing, &start()?).await)
        }
        Task::Doctor => {
            let start = start()?;
            let show = |line: &str| drop(say(line));
            Ok(code(doctor::run(&start.settings, &start.target(), &start.program(), show).await))
        }
        Task::History { date, follow, agent, outcome, since } => {
            require_bridge(&directory)?;
            let chosen = history::Chosen::of(agent.as_deref(), outcome.as_deref(), since.as_deref())?;
            done(history::show(&directory, date.as_deref(), *follow, &chosen).await)
        }
        Task::Processes => done(lists::processes(&start()?.target()).await),
        Task::Changes { path, session } => {
            let chosen = Chosen { id: None, path: path.clone(), session: session.clone() };
            done(lists::changes(&start()?.target(), &chosen).await)
        }
        Task::Undo { id, path, session } => {
            let chosen = Chosen { id: id.clone(), path: path.clone(), session: session.clone() };
            lists::undo(&start()?.target(), &chosen).await.map(code)
        }
        Task::Attach { id } => attach::attach(&start()?.target(), id).await,
        Task::Permissions { action } => permission_file(action, &start()?).await,
        Task::Control(task) => {
            require_bridge(&directory)?;
            done(rule(task, command, &directory).await)
        }
        Task::Key { action } => done(key(action, command, &directory)),
    }
}

/// The settings and the log, for the tasks that need them.
struct Start<'a> {
    command: &'a CommandLine,
    directory: &'a Path,
    settings: Settings,
    log: LogGuard,
}

impl<'a> Start<'a> {
    /// Reads the settings, and begins the log.
    ///
    /// # Errors
    /// When the settings cannot be read; the message names what is wrong.
    fn of(command: &'a CommandLine, directory: &'a Path) -> Result<Self> {
        let settings = command.over(env_file::load(directory)?);
        hide_key();
        let log = server::log_to_stderr(settings.log_filter());
        env_file::warn_of_doubtful_names(directory)?;
        server::raise_open_files();
        Ok(Self { command, directory, settings, log })
    }

    /// The bridge that is meant.
    fn target(&self) -> Target {
        Target::find(self.command, &self.settings, self.directory)
    }

    fn program(&self) -> String {
        called(self.command, self.directory)
    }

    fn person(&self) -> Person<'_> {
        Person::of(self.directory, self.command.passphrase_stdin)
    }
}

fn code(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Speaks MCP over standard input and output.
async fn stdio(guest: Guest, start: Start<'_>) -> Result<()> {
    let key = first_start::key_unasked(&start.settings, start.directory)?;
    let client = "a client with a shell of its own, such as Claude Code or Cursor,";
    passphrase::warn_without_one(start.directory, client, &start.program());
    server::stdio::serve(start.settings, key, start.directory, guest, server::stop_signals().stop).await
}

/// Looks at the permission file, or accepts it.
async fn permission_file(action: &PermissionsAction, start: &Start<'_>) -> Result<ExitCode> {
    if matches!(action, PermissionsAction::Accept) {
        passphrase::confirm(&start.person()).await?;
    }
    permissions::run(action, &start.settings, start.directory, |line| drop(say(line))).map(code)
}

/// Makes a client use this bridge.
async fn connect(client: Client, doing: Doing, start: &Start<'_>) -> Result<()> {
    let target = start.target();
    require_bridge(start.directory)?;
    let _ = say(&connect::run(client, doing, &start.settings, &target, &start.person(), &start.program()).await?);
    Ok(())
}

/// Rules agents, as the person.
async fn rule(task: &ControlTask, command: &CommandLine, directory: &Path) -> Result<()> {
    let (program, person) = (called(command, directory), &Person::of(directory, command.passphrase_stdin));
    match task {
        ControlTask::Agent { action } => agents::agent(action, person, &program).await,
        ControlTask::Pause { agent } => agents::pause(person, agent.clone(), &program).await,
        ControlTask::Resume { agent } => agents::resume(person, agent.clone(), &program).await,
        ControlTask::StopAll { agent } => agents::stop_all(person, agent.clone(), &program).await,
        ControlTask::Approve { chosen, scope } => approvals::approve(person, chosen, *scope, &program).await,
        ControlTask::Deny { chosen, reason } => approvals::deny(person, chosen, reason.clone(), &program).await,
        ControlTask::Owner { action } => passphrase::owner(action, person).await,
        ControlTask::Open { options } => page::open(*options, person).await,
        ControlTask::Question { id } => approvals::show(person, id).await,
        ControlTask::Answers { action } => approvals::answers(person, action.as_ref(), &program).await,
        ControlTask::Watch => watch::watch(directory, &program).await,
        ControlTask::Running => agents::running(person).await,
        ControlTask::Cancel { call } => agents::cancel(person, call).await,
    }
}

/// How the program is called again for the same directory.
fn called(command: &CommandLine, directory: &Path) -> String {
    invocation(Some(directory).filter(|_| command.directory != Path::new(".")))
}

/// Replaces the key, or shows it: alone on standard output, so that a script can take it.
fn key(action: &KeyAction, command: &CommandLine, directory: &Path) -> Result<()> {
    // A key is of no use with a `.env` that no server starts with.
    env_file::load(directory)?;
    match action {
        KeyAction::Rotate => rotate(command, directory),
        KeyAction::Show => {
            let file = directory.join(".env");
            let (key, place) = match key_in_environment() {
                Some(key) => (key, "the environment".to_owned()),
                None => {
                    let key = env_file::key(&Directory::own(directory)?, directory)?;
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
            print::aside(&format!("The key is MCP_API_KEY of {place}"));
            Ok(())
        }
    }
}

fn rotate(command: &CommandLine, directory: &Path) -> Result<()> {
    require_bridge(directory)?;
    let old = env_file::key(&Directory::own(directory)?, directory)?;
    let new = key_file::rotate(directory)?;
    let program = called(command, directory);
    if say(&welcome::rotated(&new, directory, &program)).is_ok() {
        key_file::was_seen(directory);
    }
    let target = Target::find(command, &command.over(env_file::load(directory)?), directory);
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
        let _ = say(
            "\nThese clients still hold the old key, which opens nothing any more. To make each an agent with a key of its own:\n",
        );
    }
    for (client, path) in holders {
        let _ = say(&format!("  {program} connect {} --write    ({})", connect::name(client), path.display()));
    }
}

/// Serves over HTTP until a signal.
async fn serve(start: Start<'_>) -> Result<ExitCode> {
    let program = start.program();
    let Start { directory, settings, log, .. } = start;
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
        passphrase::warn_without_one(directory, "commands are not confined, so that an agent", &program);
    }
    // Who waits for these words may end the bridge at once.
    log.settle();
    let instead_of = bound.instead_of.as_deref();
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
