//! A container with an interpreter that runs one cell after the other. Its first process keeps the interpreter running
//! and tells when it ended, so that the workspace outlives a crash.

use crate::{
    caller::MemoryBudget,
    error::{Error, Result},
    excerpt::Parts,
    sandbox::{
        container::{self, Container, Input, Output, Spec},
        engine::Engine,
        launcher::Verdict,
        limits::Limits,
        random_hex,
        transcript::{Ending, Transcript},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt;

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// How the first process says that the interpreter ended: its exit code and how often the memory limit killed follow.
const CRASH: &[u8] = b"crash ";

/// How long an interrupted cell may take to stop by itself before its interpreter is ended.
const INTERRUPT_TIME: Duration = Duration::from_millis(500);

/// How long the first process may take to say that it ended the interpreter.
const KILL_TIME: Duration = Duration::from_millis(400);

/// How long a new interpreter may take to run its first, empty cell.
const GREETING_TIME: Duration = Duration::from_secs(20);

/// The languages that keep state, and their programs.
pub(in crate::sandbox) fn command(language: &str) -> Result<(&'static str, Vec<String>)> {
    let (name, words) = match language.trim().to_lowercase().as_str() {
        "python" | "python3" | "py" => ("python", ["python3", "-c", include_str!("python.py")]),
        "node" | "javascript" | "js" => ("node", ["node", "-e", include_str!("node.js")]),
        "bash" | "sh" | "shell" => ("bash", ["bash", "-c", include_str!("bash.sh")]),
        _ => {
            let message = format!("Sessions know python, node and bash, not {language:?}: use sandbox_run for others");
            return Err(Error::invalid("language", message));
        }
    };
    // bash takes the next word as $0.
    let arguments = words.map(str::to_owned).into_iter().chain((name == "bash").then(|| "bash".to_owned()));
    Ok((name, arguments.collect()))
}

/// What the interpreter says of a cell.
#[derive(Debug, Default, Deserialize)]
pub(in crate::sandbox) struct Answer {
    /// Which cell it is of.
    #[serde(default)]
    pub cell: u64,
    /// 0, or what went wrong: 1 for an error, a command's exit code in bash.
    pub code: i64,
    pub kills: u64,
    pub result: Option<Bundle>,
    #[serde(default)]
    pub displays: Vec<Bundle>,
    pub error: Option<Failure>,
}

impl Answer {
    /// What is known of a cell whose interpreter said nothing any more.
    pub(crate) fn of_code(code: i64) -> Self {
        Self { code, ..Self::default() }
    }
}

/// A value in every form in which it can be shown, by media type.
pub(in crate::sandbox) type Bundle = Map<String, Value>;

/// An error that a cell raised.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::sandbox) struct Failure {
    pub name: String,
    pub message: String,
    pub traceback: String,
}

/// What became of a cell.
pub(in crate::sandbox) struct Cell {
    pub stdout: Parts,
    pub stderr: Parts,
    pub oom_killed: bool,
    pub outcome: Outcome,
}

pub(in crate::sandbox) enum Outcome {
    /// It ran to its end.
    Done(Answer),
    /// It took too long and was interrupted: the state is kept.
    Interrupted,
    /// It took too long and could only be ended with its interpreter.
    Killed,
    /// The interpreter ended by itself: its exit code, negative for a signal.
    Crashed(i64),
    /// The whole container ended, with its files.
    Gone,
}

/// What an interpreter needs.
pub(in crate::sandbox) struct Setup {
    pub engine: Arc<Engine>,
    pub limits: Limits,
    pub image: String,
    pub command: Vec<String>,
    pub lifetime: Duration,
    pub output_bytes: usize,
}

/// A running interpreter.
pub(in crate::sandbox) struct Interpreter {
    pub container: Container,
    input: Input,
    output: Output,
    mark: String,
    cells: u64,
    output_bytes: usize,
}

impl Interpreter {
    /// Starts a container and its interpreter.
    ///
    /// # Errors
    /// Without an engine or the image, and when the image has no such interpreter.
    pub(crate) async fn start(setup: &Setup) -> Result<Self> {
        let mark = random_hex::<16>();
        let mut command = ["/bin/sh", "-c", SUPERVISOR, "sh", &mark].map(str::to_owned).to_vec();
        command.extend_from_slice(&setup.command);
        let (image, lifetime) = (setup.image.clone(), setup.lifetime);
        let spec = Spec { image, purpose: "session", command, environment: vec![], lifetime };
        let started = container::start(&setup.engine, &setup.limits, spec).await?;
        let mut interpreter = Self {
            container: started.container,
            input: started.input,
            output: started.output,
            mark,
            cells: 0,
            output_bytes: setup.output_bytes,
        };
        interpreter.again().await;
        let first = interpreter.greet().await;
        match first.outcome {
            Outcome::Done(_) => Ok(interpreter),
            _ => Err(Error::Failed(format!(
                "{} does not start in the image {}: {}",
                setup.command[0],
                setup.image,
                first.stderr.join().trim()
            ))),
        }
    }

    /// Runs a cell until it ends, or until `give_up` is over: then it is interrupted, and what does not stop is killed.
    pub(crate) async fn run(&mut self, code: &str, give_up: impl Future<Output = ()>, holding: &MemoryBudget) -> Cell {
        let request = format!("{} {}\n{code}", self.cells, code.len());
        self.cells += 1;
        let mut transcript = Transcript::new(&self.mark, self.output_bytes, holding);
        let sent = async {
            let _ = self.input.write_all(request.as_bytes()).await;
            std::future::pending::<()>().await;
        };
        let ending = tokio::select! {
            ending = transcript.read(&mut self.output) => Some(ending),
            () = give_up => None,
            () = sent => unreachable!("it waits for ever"),
        };
        match ending {
            Some(ending) => self.cell(&mut transcript, Some(ending), false).await,
            None => {
                let ending = self.stop(&mut transcript).await;
                self.cell(&mut transcript, ending, true).await
            }
        }
    }

    /// Runs an empty cell.
    async fn greet(&mut self) -> Cell {
        self.run("", tokio::time::sleep(GREETING_TIME), &MemoryBudget::of("")).await
    }

    /// Ends the interpreter and starts another one: variables go, files stay.
    pub(crate) async fn restart(&mut self) -> bool {
        let _ = self.container.signal("SIGTERM").await;
        let mut transcript = Transcript::new(&self.mark, 0, &MemoryBudget::of(""));
        match tokio::time::timeout(KILL_TIME, transcript.read(&mut self.output)).await {
            Ok(Ending::Verdict { line, .. }) if line.starts_with(CRASH) => {
                self.again().await && matches!(self.greet().await.outcome, Outcome::Done(_))
            }
            // Something in the container speaks for its supervisor.
            _ => false,
        }
    }

    /// Interrupts the cell; what does not stop is killed.
    async fn stop(&mut self, transcript: &mut Transcript) -> Option<Ending> {
        for (signal, patience) in [("SIGINT", INTERRUPT_TIME), ("SIGTERM", KILL_TIME)] {
            if self.container.signal(signal).await.is_err() {
                return None;
            }
            let Ok(ending) = tokio::time::timeout(patience, transcript.read(&mut self.output)).await else { continue };
            let ended_first = matches!(&ending, Ending::Verdict { line, .. } if !line.starts_with(CRASH));
            if !(ended_first && signal == "SIGTERM") {
                return Some(ending);
            }
            // The cell ended just before its interpreter was killed, whose end must not be taken for the next cell's.
            let mut end = Transcript::new(&self.mark, 0, &MemoryBudget::of(""));
            return tokio::time::timeout(KILL_TIME, end.read(&mut self.output)).await.ok();
        }
        None
    }

    async fn cell(&mut self, transcript: &mut Transcript, ending: Option<Ending>, late: bool) -> Cell {
        let (outcome, oom_killed) = match ending {
            Some(Ending::Verdict { line, .. }) => self.outcome(&line, late).await,
            Some(Ending::Gone) | None => {
                let end = self.container.end().await.map(Verdict::of_engine);
                (Outcome::Gone, end.is_some_and(|end| end.oom_killed))
            }
        };
        let (stdout, stderr) = transcript.take();
        Cell { stdout, stderr, oom_killed, outcome }
    }

    /// Reads what was said after the mark: `done {…}` or `crash CODE KILLS`.
    async fn outcome(&mut self, line: &[u8], late: bool) -> (Outcome, bool) {
        if let Some(answer) = line.strip_prefix(b"done ").and_then(|json| serde_json::from_slice::<Answer>(json).ok()) {
            let oom_killed = answer.kills > 0;
            if answer.cell + 1 != self.cells {
                // Something in the container spoke for the interpreter before: nothing that it says can be trusted.
                return (Outcome::Gone, oom_killed);
            }
            return (if late { Outcome::Interrupted } else { Outcome::Done(answer) }, oom_killed);
        }
        let Some(verdict) = line.strip_prefix(CRASH).and_then(Verdict::parse) else {
            // Something in the container writes over the interpreter's words: no telling what else it does.
            return (Outcome::Gone, false);
        };
        if !self.again().await {
            return (Outcome::Gone, verdict.oom_killed);
        }
        (if late { Outcome::Killed } else { Outcome::Crashed(verdict.exit_code) }, verdict.oom_killed)
    }

    /// Has the next interpreter started. What the last one left unread may lack its end of line.
    async fn again(&mut self) -> bool {
        let line = format!("\n{}\n", self.mark);
        self.input.write_all(line.as_bytes()).await.is_ok()
    }
}
