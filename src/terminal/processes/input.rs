//! Types into a process.

use super::{Processes, keys, process::Process, running::Signal};
use crate::{
    arguments::not_kept,
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    problem::{Problem, Segment},
    terminal::spawn::Asked,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Type text or press keys in a process.
///
/// Text is sent as it is: end it with a newline to answer a prompt. Then read with terminal_poll.
///
/// Keys follow the text: enter, tab, escape, up, ctrl-c, f1, alt-b.
#[derive(Deserialize, JsonSchema)]
pub struct SendInput {
    /// The process.
    id: String,
    /// Text, sent verbatim.
    text: Option<String>,
    /// Keys to press then: `["ctrl-c"]`, `["down", "enter"]`.
    keys: Option<Keys>,
    /// Whether the input ends then.
    #[serde(default)]
    eof: bool,
}

/// One key or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "Input should be the name of a key or a list of such names")]
enum Keys {
    /// One.
    One(String),
    /// Several, in order.
    Several(Vec<String>),
}

/// What was typed.
#[derive(Serialize, JsonSchema)]
pub struct SentInput {
    /// The process.
    id: String,
    /// How many bytes were written.
    bytes_written: usize,
    /// The cursor before what the process makes of it: poll from here.
    cursor: u64,
}

/// What is to be done for one key or text.
enum Step {
    Write(Vec<u8>),
    Signal(Signal),
    End,
}

impl Capability for SendInput {
    const NAME: &'static str = "terminal_input";
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "text": "hello\n"}"#;
    const IS_RECORDED: fn(&str) -> bool = |name| matches!(name, "id" | "eof");
    const SUCCESS: &'static str = "Always true: the input was handed over.";
    type Service = Processes;
    type Output = SentInput;

    fn aside(_: &SentInput) -> &'static [&'static str] {
        &["id", "bytes_written", "cursor"]
    }

    /// What is typed into a program that was only run since the person said yes to it may be another command.
    fn subjects(&self, processes: &Processes, needs: Needs) -> Subjects {
        let presses = match &self.keys {
            None => false,
            Some(Keys::One(key)) => !is_signal(key),
            Some(Keys::Several(keys)) => !keys.iter().all(|key| is_signal(key)),
        };
        let approved = processes.approved(&self.id);
        match (&self.text, approved) {
            // Keys spell words, and bring back lines of before: they may be whatever the program itself may.
            (_, Some(program)) if presses => processes.spawner().about(&Asked::line(&program), needs),
            (Some(text), Some(_)) => processes.spawner().about(&Asked::line(text), needs),
            _ => Subjects { can_be_undone: false, ..Subjects::default() },
        }
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<SentInput> {
        let process = processes.get(&context.caller, &self.id)?;
        let running = process.running()?;
        context.record_as(self.recorded());
        let steps = self.steps(&process, running.application_cursor())?;
        let cursor = process.log.span().1;
        let mut bytes_written = 0;
        for step in steps {
            match step {
                Step::Write(bytes) => {
                    running.write(&bytes).await?;
                    bytes_written += bytes.len();
                }
                Step::Signal(signal) => running.signal(signal),
                Step::End => running.end_input().await?,
            }
        }
        Ok(SentInput { id: process.record.id(), bytes_written, cursor })
    }
}

/// Whether a key only interrupts a program, ends its input or stops it.
fn is_signal(key: &str) -> bool {
    ["ctrl-c", "ctrl-d", "ctrl-z", "ctrl-\\"].iter().any(|signal| key.eq_ignore_ascii_case(signal))
}

impl SendInput {
    /// What the history keeps: which keys were pressed, but none that types a character, and how long the text is.
    fn recorded(&self) -> Value {
        let pressed = match &self.keys {
            None => &[],
            Some(Keys::One(key)) => std::slice::from_ref(key),
            Some(Keys::Several(keys)) => keys.as_slice(),
        };
        let shown = |key: &String| if keys::is_named(key) { json!(key) } else { not_kept(key.chars().count()) };
        let mut said = json!({"id": self.id, "eof": self.eof});
        if let Some(text) = &self.text {
            said["text"] = not_kept(text.chars().count());
        }
        if !pressed.is_empty() {
            said["keys"] = pressed.iter().map(shown).collect();
        }
        said
    }

    fn steps(self, process: &Process, application: bool) -> Result<Vec<Step>> {
        let keys = match self.keys {
            None => vec![],
            Some(Keys::One(key)) => vec![key],
            Some(Keys::Several(keys)) => keys,
        };
        if self.text.is_none() && keys.is_empty() && !self.eof {
            return Err(Error::invalid("text", "Give text, keys or eof: true"));
        }
        let mut steps: Vec<Step> = self.text.map(|text| Step::Write(text.into_bytes())).into_iter().collect();
        let mut problems = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            match step(key, process, application) {
                Ok(step) => steps.push(step),
                Err(message) => {
                    let path = vec![Segment::Field("keys".into()), Segment::Index(place)];
                    problems.push(Problem::new("value_error", path, message, Some(&json!(key).to_string())));
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        steps.extend(self.eof.then_some(Step::End));
        Ok(steps)
    }
}

/// What a key does. Without a terminal nobody turns control characters into signals, so they are sent as such.
fn step(key: &str, process: &Process, application: bool) -> Result<Step, String> {
    let unknown = || format!("{key:?} is no key: give {}", keys::NAMES);
    let bytes = keys::bytes(key, application).ok_or_else(unknown)?;
    if process.record.pty {
        return Ok(Step::Write(bytes));
    }
    Ok(match bytes[..] {
        [0x03] => Step::Signal(Signal::INT),
        [0x1c] => Step::Signal(Signal::QUIT),
        [0x1a] => Step::Signal(Signal::TSTP),
        [0x04] => Step::End,
        [b'\r'] => Step::Write(b"\n".to_vec()),
        [0x1b, _, ..] => return Err(format!("{key:?} needs a terminal: start the process with pty: true")),
        _ => Step::Write(bytes),
    })
}
