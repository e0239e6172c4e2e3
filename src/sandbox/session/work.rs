//! Runs code in a session and moves files in and out of it.

use super::{Request, answers::SessionRunOutput};
use crate::{
    caller::Access,
    capability::{Capability, Context, Medium},
    error::{Error, PartialOutput, Result},
    sandbox::{
        Sandbox,
        files::{self, InputFile, OutputFile, Selection},
        limits::MAX_TIMEOUT,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Run code in a session that keeps its state.
///
/// Gives text, the value of the last expression, errors with their traceback, and figures of matplotlib as PNG. After a
/// crash or a kill by the memory limit `reset` is true: variables are gone, files are kept where possible.
#[derive(Deserialize, JsonSchema)]
pub struct RunInSession {
    /// The session's name, as its start gave it.
    id: String,
    /// The code, in the session's language.
    code: String,
    /// How long it may run, in seconds, at most 60. Then it is interrupted.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1))]
    timeout: u64,
    /// Whether to begin with a new interpreter: variables go, files stay.
    #[serde(default)]
    reset: bool,
}

fn default_timeout() -> u64 {
    30
}

impl Capability for RunInSession {
    const NAME: &'static str = "sandbox_session_run";
    const ROUTE: Option<&'static str> = Some("/sandbox/session/run");
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"id": "ses_…", "code": "x = 6 * 7\nx"}"#;
    const FULL_MEDIA: Option<&'static str> = Some(files::LARGE_PICTURES);
    const OUTPUT: &'static [&'static str] = &["stdout", "stderr"];
    const SUCCESS: &'static str = "Whether it ended without an error (in bash: with exit code 0).";
    type Service = Sandbox;
    type Output = SessionRunOutput;

    fn aside(_: &SessionRunOutput) -> &'static [&'static str] {
        &["id", "execution_time"]
    }

    fn succeeded(output: &SessionRunOutput) -> bool {
        output.exit_code == 0
    }

    fn media(output: &mut SessionRunOutput) -> Vec<Medium> {
        output.pictures()
    }

    async fn run(self, sandbox: &Sandbox, context: &Context) -> Result<SessionRunOutput> {
        if self.timeout > MAX_TIMEOUT {
            return Err(Error::Unusable(format!("Timeout too high. Max: {MAX_TIMEOUT}s")));
        }
        if self.code.contains('\0') {
            return Err(Error::invalid("code", "Code cannot contain a NUL character"));
        }
        let Self { id, code, timeout, reset } = self;
        let handle = sandbox.sessions.find(context.caller.name(), &id)?;
        let _place = sandbox.place().await?;
        let holding = context.holding.clone();
        let (began, limit) = (Instant::now(), Duration::from_secs(timeout));
        let done = handle.ask(|reply| Request::Run { code, limit, reset, holding, reply }).await?;
        let kept = match &done.reset {
            None => "the session goes on with its variables".to_owned(),
            Some(why) => format!("the session was reset, for {why}"),
        };
        SessionRunOutput::of(id, done, began.elapsed().as_secs_f64())
            .map_err(|partial| timed_out(timeout, &kept, partial))
    }
}

fn timed_out(seconds: u64, kept: &str, partial: Box<PartialOutput>) -> Error {
    Error::ProgramTimedOut {
        message: format!("Sandbox execution timed out after {seconds}s; {kept}"),
        hint: format!("A call may take up to {MAX_TIMEOUT} s (timeout): do longer work in steps"),
        partial,
    }
}

/// Put files into a session, or bring them back.
///
/// First writes `files` into the workspace, then brings back what `outputs` names. With neither, brings back everything.
#[derive(Deserialize, JsonSchema)]
pub struct SessionFiles {
    /// The session's name, as its start gave it.
    id: String,
    /// Files to write; those of the same name are replaced.
    #[serde(default)]
    files: Vec<InputFile>,
    /// Which files to bring back: names or patterns like `out/**/*.png`.
    #[serde(default)]
    outputs: Vec<String>,
}

/// The files of a session.
#[derive(Serialize, JsonSchema)]
pub struct SessionFilesOutput {
    /// The session.
    id: String,
    /// How many files were written.
    written: usize,
    /// The files that were asked for, by their paths.
    outputs: Vec<OutputFile>,
}

impl Capability for SessionFiles {
    const NAME: &'static str = "sandbox_session_files";
    const ROUTE: Option<&'static str> = Some("/sandbox/session/files");
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"id": "ses_…", "files": [{"path": "in.csv", "content": "a,b\n1,2\n"}]}"#;
    const FULL_MEDIA: Option<&'static str> = Some(files::LARGE_PICTURES);
    type Service = Sandbox;
    type Output = SessionFilesOutput;

    fn media(output: &mut SessionFilesOutput) -> Vec<Medium> {
        files::pictures(&mut output.outputs)
    }

    async fn run(mut self, sandbox: &Sandbox, context: &Context) -> Result<SessionFilesOutput> {
        if self.files.is_empty() && self.outputs.is_empty() {
            self.outputs.push("**".to_owned());
        }
        let written = self.files.len();
        let selection = Selection::new(&self.outputs)?;
        let archive = files::pack(self.files, sandbox.limits.workspace_mib)?;
        let handle = sandbox.sessions.find(context.caller.name(), &self.id)?;
        let holding = context.holding.clone();
        let outputs = handle.ask(|reply| Request::Files { archive, selection, holding, reply }).await?;
        Ok(SessionFilesOutput { id: self.id, written, outputs })
    }
}
