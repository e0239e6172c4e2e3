//! One session: a task that owns its interpreter. Calls queue before it; it ends by itself when its time is up.

use super::interpreter::{Cell, Interpreter, Outcome, Setup};
use crate::{
    caller::MemoryBudget,
    error::{Error, Result},
    sandbox::files::{self, OutputFile, Selection},
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How many calls may wait for one session.
const MAX_WAITING: usize = 32;

/// What a session is asked.
pub(in crate::sandbox) enum Request {
    /// Runs a cell, at most so long; restarts the interpreter first when asked to.
    Run { code: String, limit: Duration, reset: bool, holding: MemoryBudget, reply: oneshot::Sender<Result<Done>> },
    /// Puts files into the workspace, then brings back what is selected.
    Files {
        archive: Option<Vec<u8>>,
        selection: Selection,
        holding: MemoryBudget,
        reply: oneshot::Sender<Result<Vec<OutputFile>>>,
    },
}

/// A cell, and what became of the session's state.
pub(in crate::sandbox) struct Done {
    pub cell: Cell,
    /// Why the state is gone, when it is.
    pub reset: Option<String>,
}

/// The way to a session.
#[derive(Clone)]
pub(in crate::sandbox) struct Handle {
    requests: mpsc::Sender<Request>,
}

/// When a session ends by itself.
#[derive(Clone, Copy)]
pub(in crate::sandbox) struct Lifetime {
    pub idle: Duration,
    pub until: Instant,
}

impl Handle {
    /// Lets `interpreter` serve until `ended` is set; it is set when the session ends by itself.
    pub(crate) fn spawn(interpreter: Interpreter, setup: Setup, lifetime: Lifetime, ended: CancellationToken) -> Self {
        let (requests, queue) = mpsc::channel(MAX_WAITING);
        let engine = setup.engine.clone();
        let actor = Actor { interpreter: Some(interpreter), setup, ended };
        engine.tasks.spawn(actor.serve(queue, lifetime));
        Self { requests }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When the session has ended meanwhile, or too many calls wait for it.
    pub(crate) async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        match self.requests.try_send(make(reply)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Error::Conflict(format!("{MAX_WAITING} calls wait for this session: let them end first")));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(gone()),
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> Error {
    Error::NotFound("The session has ended: start another one with sandbox_session_start".into())
}

struct Actor {
    /// `None` after its container was lost: the next call starts another.
    interpreter: Option<Interpreter>,
    setup: Setup,
    ended: CancellationToken,
}

impl Actor {
    async fn serve(mut self, mut queue: mpsc::Receiver<Request>, lifetime: Lifetime) {
        let ended = self.ended.clone();
        let _tells = ended.clone().drop_guard();
        loop {
            let idle = tokio::time::sleep_until(lifetime.until.min(Instant::now() + lifetime.idle));
            let request = tokio::select! {
                request = queue.recv() => request,
                () = idle => None,
                () = ended.cancelled() => None,
            };
            let Some(request) = request else { break };
            tokio::select! {
                () = self.answer(request) => {}
                () = ended.cancelled() => break,
            }
        }
    }

    async fn answer(&mut self, request: Request) {
        match request {
            // Who went away while it waited wants nothing run any more.
            Request::Run { reply, .. } if reply.is_closed() => {}
            Request::Run { code, limit, reset, holding, mut reply } => {
                // Who goes away stops the cell; the state is kept where that is possible.
                let give_up = async {
                    tokio::select! {
                        () = tokio::time::sleep(limit) => {}
                        () = reply.closed() => {}
                    }
                };
                let lost = self.prepare(reset).await;
                let done = self.run(&code, limit, give_up, &holding).await;
                let done = done.map(|(cell, why)| Done { reset: why.or(lost), cell });
                drop(reply.send(done));
            }
            Request::Files { archive, selection, holding, reply } => {
                let files = self.files(archive, selection, &holding).await;
                drop(reply.send(files));
            }
        }
    }

    async fn run(
        &mut self,
        code: &str,
        limit: Duration,
        give_up: impl Future<Output = ()>,
        holding: &MemoryBudget,
    ) -> Result<(Cell, Option<String>)> {
        let cell = self.interpreter().await?.run(code, give_up, holding).await;
        if matches!(cell.outcome, Outcome::Gone) {
            self.interpreter = None;
        }
        let why = why_reset(&cell, limit);
        Ok((cell, why))
    }

    /// Restarts when asked to; says what of the state is lost.
    async fn prepare(&mut self, reset: bool) -> Option<String> {
        let Some(interpreter) = &mut self.interpreter else {
            return Some("its container ended before: its files are gone too".to_owned());
        };
        if !reset {
            return None;
        }
        if interpreter.restart().await {
            return Some("you asked for it: the files are still there".to_owned());
        }
        self.interpreter = None;
        Some("you asked for it, and its container had to go: its files are gone too".to_owned())
    }

    /// The interpreter, in a new container after the last one was lost.
    async fn interpreter(&mut self) -> Result<&mut Interpreter> {
        let interpreter = match self.interpreter.take() {
            Some(interpreter) => interpreter,
            None => Interpreter::start(&self.setup).await?,
        };
        Ok(self.interpreter.insert(interpreter))
    }

    async fn files(
        &mut self,
        archive: Option<Vec<u8>>,
        selection: Selection,
        holding: &MemoryBudget,
    ) -> Result<Vec<OutputFile>> {
        let room = self.setup.limits.workspace_mib;
        let container = &mut self.interpreter().await?.container;
        if let Some(archive) = archive {
            container.unpack(archive).await?.then_some(()).ok_or_else(|| files::no_room(room))?;
        }
        if selection.roots.is_empty() {
            return Ok(Vec::new());
        }
        container.collect(selection, room, holding).await
    }
}

fn why_reset(cell: &Cell, limit: Duration) -> Option<String> {
    let memory = if cell.oom_killed { "the memory limit killed it" } else { "" };
    let why = match &cell.outcome {
        Outcome::Done(_) | Outcome::Interrupted => return None,
        Outcome::Killed => format!("it did not stop after {}s: the files are still there", limit.as_secs()),
        Outcome::Crashed(_) if cell.oom_killed => format!("{memory}: the files are still there"),
        Outcome::Crashed(code) if *code < 0 => format!("signal {} ended it: the files are still there", -code),
        Outcome::Crashed(code) => format!("it ended with exit code {code}: the files are still there"),
        Outcome::Gone if cell.oom_killed => format!("{memory} and its container: the files are gone too"),
        Outcome::Gone => "its container ended: the files are gone too".to_owned(),
    };
    Some(why)
}
