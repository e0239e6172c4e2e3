//! Runs a command or a program in a container of its own.

use super::{
    Sandbox,
    container::{Container, Input, Output},
    files::{self, InputFile, OutputFile, Selection},
    language::Program,
    launcher::{Job, NO_ROOM, UNBEGUN, Verdict},
    limits::MAX_TIMEOUT,
    pool::Waiting,
    random_hex,
    transcript::{Ending, Transcript},
};
use crate::{
    caller::{Access, MemoryBudget},
    capability::{Capability, Context, Medium},
    error::{Error, Result},
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout_at},
};

/// Within how long after its timeout a run is answered, its start and its removal included; what is not removed then is
/// removed behind the answer.
const ANSWER_TIME: Duration = Duration::from_millis(900);

/// Run code or a command in an isolated container.
///
/// For code that must not touch this machine: Python with numpy, pandas and matplotlib, bash or node; no network. To
/// keep state between calls, sandbox_session_start.
///
/// 256 MB, half a processor. Files can be sent along and brought back. Needs Docker.
#[derive(Deserialize, JsonSchema)]
pub struct RunCode {
    /// A shell command. Needed when there is no `code`.
    #[serde(default)]
    command: Option<String>,
    /// In seconds. How long it may run, at most 60.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1))]
    timeout: u64,
    /// `python`, `bash`, `node` or `javascript`. Or a language of SANDBOX_LANGUAGES: what `code` is written in.
    #[serde(default = "default_language")]
    language: Option<String>,
    /// A program. It is handed to the language's interpreter verbatim, and wins over `command`.
    #[serde(default)]
    code: Option<String>,
    /// Its standard input. Empty by default.
    #[serde(default)]
    stdin: Option<String>,
    /// Files put into the workspace. The program starts there.
    #[serde(default)]
    files: Vec<InputFile>,
    /// Which files to bring back: `out/**/*.png`. Names or patterns in the workspace.
    #[serde(default)]
    outputs: Vec<String>,
}

fn default_timeout() -> u64 {
    30
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn default_language() -> Option<String> {
    Some("python".to_owned())
}

/// What a run gave.
#[derive(Serialize, JsonSchema)]
pub struct RunOutput {
    /// What was run.
    command: String,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// Its exit code; negative when a signal ended it.
    exit_code: i64,
    /// The image it ran in.
    sandbox_image: String,
    /// How long it took once its container was there, in seconds.
    execution_time: f64,
    /// Whether it wrote more than is kept (SANDBOX_OUTPUT_BYTES of each stream): the start and the end are there, and
    /// between them how much is left out.
    truncated: bool,
    /// Whether it, or a program that it started, was killed for using too much memory.
    oom_killed: bool,
    /// The files that `outputs` asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<OutputFile>>,
}

impl Capability for RunCode {
    const NAME: &'static str = "sandbox_run";
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"code": "print(2 + 2)"}"#;
    const IS_RECORDED: fn(&str) -> bool = |name| name != "stdin";
    const FULL_MEDIA: Option<&'static str> = Some(files::LARGE_PICTURES);
    const OUTPUT: &'static [&'static str] = &["stdout", "stderr"];
    const SUCCESS: &'static str = "Whether it ended with exit code 0.";
    type Service = Sandbox;
    type Output = RunOutput;

    fn aside(_: &RunOutput) -> &'static [&'static str] {
        &["command", "sandbox_image", "execution_time"]
    }

    fn succeeded(output: &RunOutput) -> bool {
        output.exit_code == 0
    }

    fn media(output: &mut RunOutput) -> Vec<Medium> {
        output.outputs.as_deref_mut().map(files::pictures).unwrap_or_default()
    }

    async fn run(mut self, sandbox: &Sandbox, context: &Context) -> Result<RunOutput> {
        if self.timeout > MAX_TIMEOUT {
            return Err(Error::Unusable(format!("Timeout too high. Max: {MAX_TIMEOUT}s")));
        }
        let program = self.program(sandbox)?;
        let selection = Selection::new(&self.outputs)?;
        let files = files::pack(self.files, sandbox.limits.workspace_mib)?;
        let job = Job { program, files, stdin: self.stdin, collect: selection.roots.clone() };
        let limit = Duration::from_secs(self.timeout);
        sandbox.unless_stopping(sandbox.run_once(job, limit, selection, &context.holding)).await
    }
}

impl RunCode {
    /// Code that is not empty wins.
    fn program(&mut self, sandbox: &Sandbox) -> Result<Program> {
        let given = |text: &mut Option<String>| text.take().filter(|text| !text.is_empty());
        if let Some(code) = given(&mut self.code) {
            return sandbox.languages.program(self.language.as_deref().unwrap_or("python"), code);
        }
        match given(&mut self.command) {
            Some(command) => sandbox.languages.command(command),
            None => Err(Error::invalid("command", "Give a command to run, or code and its language")),
        }
    }
}

impl Sandbox {
    /// Runs in a container that nothing else used or will use.
    async fn run_once(
        &self,
        job: Job,
        limit: Duration,
        selection: Selection,
        holding: &MemoryBudget,
    ) -> Result<RunOutput> {
        let _place = self.place().await?;
        let answer_by = Instant::now() + limit + ANSWER_TIME;
        let _busy = self.pool.enter();
        let (image, command) = (job.program.image.clone(), job.program.shown.clone());
        let mark = random_hex::<16>();
        let (plan, pieces) = job.input(&mark);
        let mut tries = 0;
        let (mut run, began, (verdict, outputs)) = loop {
            let Waiting { started, end, .. } = self.pool.take(image.as_deref()).await?;
            let began = Instant::now();
            let mut run = Run {
                transcript: Transcript::new(&mark, self.output_bytes, holding),
                container: started.container,
                output: started.output,
                workspace_mib: self.limits.workspace_mib,
                holding: holding.clone(),
            };
            let plan = Bytes::from(format!("{plan}{end}\n"));
            let input = std::iter::once(plan).chain(pieces.iter().cloned()).collect();
            let Ok(ended) = tokio::time::timeout(limit, run.end(started.input, input, &selection)).await else {
                return Err(run.cut_off(limit, answer_by, &selection).await);
            };
            match ended? {
                Some(ended) => break (run, began, ended),
                None if tries < MOST_LOST => tries += 1,
                None => return Err(gone()),
            }
        };
        let (stdout, stderr) = run.transcript.take();
        Ok(RunOutput {
            command,
            truncated: stdout.omitted > 0 || stderr.omitted > 0,
            stdout: stdout.join(),
            stderr: stderr.join(),
            exit_code: verdict.exit_code,
            sandbox_image: image.unwrap_or_else(|| self.image.clone()),
            execution_time: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            oom_killed: verdict.oom_killed,
            outputs,
        })
    }
}

/// One program in its container.
struct Run {
    transcript: Transcript,
    container: Container,
    output: Output,
    workspace_mib: u64,
    holding: MemoryBudget,
}

/// As many containers may have been lost with their engine while they waited, before one is waited for in vain.
const MOST_LOST: usize = 10;

fn gone() -> Error {
    Error::unavailable("The Docker engine went away while the program ran: try again")
}

/// What a program did, and the files that it left; none when its container ended before it had the plan, and so ran nothing.
type Ended = Option<(Verdict, Option<Vec<OutputFile>>)>;

impl Run {
    /// Feeds the program, reads it to its end and brings back what was selected.
    async fn end(&mut self, input: Input, pieces: Vec<Bytes>, selection: &Selection) -> Result<Ended> {
        let ending = self.read(input, pieces).await;
        self.collect(ending, selection).await
    }

    /// How the program ended, and what was selected of its files.
    async fn collect(&mut self, ending: Ending, selection: &Selection) -> Result<Ended> {
        let Some((verdict, rest)) = self.verdict(ending).await? else { return Ok(None) };
        if selection.roots.is_empty() {
            return Ok(Some((verdict, None)));
        }
        let files = selection.clone().collect(rest, &mut self.output, self.workspace_mib, &self.holding).await?;
        Ok(Some((verdict, Some(files))))
    }

    /// Ends a program whose time is over, and says what it had done.
    async fn cut_off(mut self, limit: Duration, answer_by: Instant, selection: &Selection) -> Error {
        let mut hint = format!(
            "A run may take up to {MAX_TIMEOUT} s (timeout). For more, do it in steps in a session, which keeps its state: \
             sandbox_session_start (POST /sandbox/session/start)"
        );
        let mut outputs = None;
        if !selection.roots.is_empty() {
            outputs = timeout_at(answer_by, self.files_of_the_killed(selection)).await.ok().flatten();
            if outputs.is_none() {
                hint.push_str(". The files could not be brought back in time");
            }
        }
        let Self { mut transcript, container, output, .. } = self;
        transcript.flush();
        // The engine removes no container before someone took what it wrote, or went away.
        drop(output);
        let _ = timeout_at(answer_by, container.remove()).await;
        Error::ProgramTimedOut {
            message: format!("Sandbox execution timed out after {}s", limit.as_secs()),
            hint,
            partial: Box::new(transcript.into_partial(outputs)),
        }
    }

    /// Kills the program alone: its first process takes that for an end and brings the files back.
    async fn files_of_the_killed(&mut self, selection: &Selection) -> Option<Value> {
        self.container.kill_all_but_the_first().await.ok()?;
        let ending = self.transcript.read(&mut self.output).await;
        let (_, files) = self.collect(ending, selection).await.ok()??;
        serde_json::to_value(files?).ok()
    }

    /// Feeds the program and reads it to its end, both at once: neither waits for the other.
    async fn read(&mut self, mut input: Input, pieces: Vec<Bytes>) -> Ending {
        let feed = async {
            for piece in pieces {
                if input.write_all(&piece).await.is_err() {
                    break;
                }
            }
            let _ = input.shutdown().await;
            // A program may end without having read everything.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ending = self.transcript.read(&mut self.output) => ending,
            () = feed => unreachable!("it waits for ever"),
        }
    }

    /// What became of the program, and the bytes after; none when it never began.
    async fn verdict(&mut self, ending: Ending) -> Result<Option<(Verdict, Vec<u8>)>> {
        match ending {
            Ending::Verdict { line, rest } => match Verdict::parse(&line) {
                Some(verdict) => Ok(Some((verdict, rest))),
                None if line.starts_with(NO_ROOM.as_bytes()) => Err(files::no_room(self.workspace_mib)),
                None => Err(Error::internal(anyhow::anyhow!("the launcher said {:?}", String::from_utf8_lossy(&line)))),
            },
            // The first process was killed, as the memory limit may do, or the engine went away.
            Ending::Gone => match self.container.end().await {
                Some((UNBEGUN, _)) => Ok(None),
                Some(end) => Ok(Some((Verdict::of_engine(end), Vec::new()))),
                None => Err(gone()),
            },
        }
    }
}
