//! What the calls about sessions answer.

use super::{Bundle, Done, Failure, Outcome};
use crate::{capability::Medium, error::PartialOutput};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The exit code of an interpreter whose container ended, in which the kernel kills everything.
const KILLED: i64 = -9;

/// A session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionInfo {
    /// Its name in the other calls.
    id: String,
    /// What it runs: `python`, `node` or `bash`.
    language: String,
    /// When it was started.
    started: String,
    /// When it was last called.
    last_used: String,
}

impl SessionInfo {
    pub(super) fn new(id: &str, language: &str, started: &str, last_used: &str) -> Self {
        Self {
            id: id.to_owned(),
            language: language.to_owned(),
            started: started.to_owned(),
            last_used: last_used.to_owned(),
        }
    }
}

/// An error that code raised.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CellError {
    /// Its type, like `ValueError`.
    name: String,
    /// What it says.
    message: String,
    /// Where it came from, as the interpreter prints it.
    traceback: String,
}

impl From<Failure> for CellError {
    fn from(failure: Failure) -> Self {
        let Failure { name, message, traceback } = failure;
        Self { name, message, traceback }
    }
}

/// Something that code showed, in one form.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RichOutput {
    /// Its media type, like `image/png` or `text/html`.
    #[serde(rename = "type")]
    kind: String,
    /// The text itself; base64 for images that are no text.
    data: String,
}

/// What a piece of code did in a session.
#[derive(Serialize, JsonSchema)]
pub struct SessionRunOutput {
    /// The session.
    id: String,
    /// What it wrote to standard output.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// The value of its last expression, as the interpreter shows it.
    result: Option<String>,
    /// The error that it raised.
    error: Option<CellError>,
    /// What it showed beside text: figures of matplotlib as `image/png` in base64, tables as `text/html`.
    outputs: Vec<RichOutput>,
    /// 0, or what went wrong: 1 for an error, a command's exit code in bash, negative when a signal ended the interpreter.
    pub(super) exit_code: i64,
    /// How long it took, in seconds.
    execution_time: f64,
    /// Whether it wrote more than is kept (SANDBOX_OUTPUT_BYTES of each stream): the start and the end are there, and
    /// between them how much is left out.
    truncated: bool,
    /// Whether the memory limit killed it or a program that it started.
    oom_killed: bool,
    /// Whether the session's variables are gone: a new interpreter runs.
    reset: bool,
    /// Why, and what became of the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl SessionRunOutput {
    /// What came of it, or what it had written when it was ended for its time.
    pub(super) fn of(id: String, done: Done, seconds: f64) -> Result<Self, Box<PartialOutput>> {
        let Done { cell, reset } = done;
        let answer = match cell.outcome {
            Outcome::Done(answer) => answer,
            Outcome::Crashed(code) => super::Answer::of_code(code),
            Outcome::Gone => super::Answer::of_code(KILLED),
            Outcome::Interrupted | Outcome::Killed => {
                return Err(Box::new(PartialOutput::of(cell.stdout, cell.stderr)));
            }
        };
        let plain = |bundle: &Bundle| bundle.get("text/plain").and_then(Value::as_str).map(str::to_owned);
        let shown = answer.displays.iter().chain(&answer.result);
        Ok(Self {
            id,
            truncated: cell.stdout.omitted > 0 || cell.stderr.omitted > 0,
            stdout: cell.stdout.join(),
            stderr: cell.stderr.join(),
            result: answer.result.as_ref().and_then(plain),
            outputs: shown.flat_map(rich).collect(),
            error: answer.error.map(CellError::from),
            exit_code: answer.code,
            execution_time: (seconds * 1000.0).round() / 1000.0,
            oom_killed: cell.oom_killed,
            reset: reset.is_some(),
            message: reset.map(|why| format!("The session was reset, for {why}")),
        })
    }
}

impl SessionRunOutput {
    /// Takes its pictures out, for a face that shows them as what they are.
    pub(super) fn pictures(&mut self) -> Vec<Medium> {
        self.outputs.iter_mut().filter_map(|output| Medium::picture(&output.kind, &mut output.data)).collect()
    }
}

/// Every form but plain text; plain text too when there is no other.
fn rich(bundle: &Bundle) -> Vec<RichOutput> {
    let forms = bundle.iter().map(|(kind, data)| RichOutput { kind: kind.clone(), data: text(data) });
    forms.filter(|form| form.kind != "text/plain").collect()
}

fn text(data: &Value) -> String {
    data.as_str().map_or_else(|| data.to_string(), str::to_owned)
}
