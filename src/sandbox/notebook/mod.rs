//! Executes a Jupyter notebook in a container of its own, cell by cell.

mod document;
mod parameters;

use super::{
    Sandbox,
    files::{self, InputFile, OutputFile, Selection},
    session::{CellError, Interpreter, Outcome},
};
use crate::{
    arguments::decoded_size,
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context, Medium},
    error::{Error, PartialOutput, Result},
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named},
};
use document::Notebook;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    io::Read,
    time::{Duration, Instant},
};

/// The longest a notebook may take, in seconds.
const MAX_TIMEOUT: u64 = 300;

/// How long the container lives beyond that, for its start and its files.
const MARGIN: Duration = Duration::from_secs(120);

/// The largest notebook that is read from a file, in bytes.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

/// Execute a Jupyter notebook.
///
/// Every code cell runs in order in a container of its own, without network. Gives the notebook back with its outputs,
/// and says which cell failed; those after it do not run. Needs Docker.
#[derive(Deserialize, JsonSchema)]
pub struct ExecuteNotebook {
    /// The notebook (.ipynb, version 4), as an object or as its text. Either this or `path`.
    #[serde(default)]
    #[schemars(with = "Option<NotebookOrText>")]
    notebook: Option<Value>,
    /// The notebook's file on this machine. It is read and not changed.
    #[serde(default)]
    path: Option<String>,
    /// How long all of it may run, in seconds, at most 300.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1))]
    timeout: u64,
    /// Values for variables, set in a cell after the one tagged `parameters`, or before all others.
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    /// Files put into the workspace, where the notebook runs.
    #[serde(default)]
    files: Vec<InputFile>,
    /// Which files to bring back: `out/**/*.png`. Names or patterns in the workspace.
    #[serde(default)]
    outputs: Vec<String>,
}

fn default_timeout() -> u64 {
    60
}

/// How a notebook may be sent; only its schema is used.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a schema")]
enum NotebookOrText {
    /// The notebook.
    Object(Map<String, Value>),
    /// Its text.
    Text(String),
}

/// An executed notebook.
#[derive(Serialize, JsonSchema)]
pub struct NotebookOutput {
    /// The notebook with its outputs.
    #[schemars(with = "Map<String, Value>")]
    notebook: Value,
    /// How many cells ran.
    executed: usize,
    /// The place of the cell that failed, counted from 0 in the notebook that is returned.
    failed_cell: Option<usize>,
    /// Its error.
    error: Option<CellError>,
    /// Whether the memory limit killed something.
    oom_killed: bool,
    /// The files that `outputs` asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<OutputFile>>,
    /// How long it took, in seconds.
    execution_time: f64,
}

impl Capability for ExecuteNotebook {
    const NAME: &'static str = "sandbox_notebook";
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"notebook": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": "6 * 7"}]}}"#;
    const FULL_MEDIA: Option<&'static str> = Some(files::LARGE_PICTURES);
    const SUCCESS: &'static str = "Whether every cell ended without an error.";
    type Service = Sandbox;
    type Output = NotebookOutput;

    fn succeeded(output: &NotebookOutput) -> bool {
        output.failed_cell.is_none()
    }

    fn media(output: &mut NotebookOutput) -> Vec<Medium> {
        let mut media = document::pictures(&mut output.notebook);
        media.extend(output.outputs.as_deref_mut().map(files::pictures).unwrap_or_default());
        media
    }

    fn subjects(&self, sandbox: &Sandbox, _: Needs) -> Subjects {
        let place = self.path.as_ref().and_then(|path| sandbox.workspace.leads_to(path, true));
        Subjects { paths: place.map(|place| (place, Intent::Read)).into_iter().collect(), ..Subjects::default() }
    }

    async fn run(mut self, sandbox: &Sandbox, context: &Context) -> Result<NotebookOutput> {
        if self.timeout > MAX_TIMEOUT {
            return Err(Error::Unusable(format!("Timeout too high. Max: {MAX_TIMEOUT}s")));
        }
        let mut notebook = self.read(sandbox, context).await?;
        if let Some(parameters) = self.parameters.as_ref().filter(|parameters| !parameters.is_empty()) {
            notebook.insert_parameters(&parameters::cell(parameters, &notebook.language())?);
        }
        let selection = Selection::new(&self.outputs)?;
        let archive = files::pack(std::mem::take(&mut self.files), sandbox.limits.workspace_mib)?;
        let limit = Duration::from_secs(self.timeout);
        let work = sandbox.execute(notebook, archive, selection, limit, context);
        sandbox.unless_stopping(work).await
    }
}

impl ExecuteNotebook {
    async fn read(&mut self, sandbox: &Sandbox, context: &Context) -> Result<Notebook> {
        let (field, text) = match (self.notebook.take(), self.path.take()) {
            (Some(Value::String(text)), None) => ("notebook", text.into_bytes()),
            (Some(value), None) => return Notebook::new("notebook", value),
            (None, Some(path)) => ("path", read_file(sandbox, &path, context).await?),
            _ => return Err(Error::invalid("notebook", "Give either a notebook or the path of one")),
        };
        // Two bytes of a text become many in a tree of its values.
        let (size, text) = blocking(move || (decoded_size(&text), text)).await?;
        context.holding.more(size).await?;
        blocking(move || Notebook::parse(field, &text)).await?
    }
}

async fn read_file(sandbox: &Sandbox, path: &str, context: &Context) -> Result<Vec<u8>> {
    let path = sandbox.workspace.resolve(path, Named::File, Intent::Read)?;
    let (file, found) = path.open()?;
    if found.size > MAX_SIZE {
        return Err(Error::TooLarge("The notebook is larger than 64 MiB: clear its outputs first".into()));
    }
    context.holding.more(found.size).await?;
    let read = blocking(move || {
        let mut bytes = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    read.await?
}

impl Sandbox {
    async fn execute(
        &self,
        notebook: Notebook,
        archive: Option<Vec<u8>>,
        selection: Selection,
        limit: Duration,
        context: &Context,
    ) -> Result<NotebookOutput> {
        let (_, setup) = self.setup(&notebook.language(), limit + MARGIN)?;
        let _place = self.place().await?;
        let room = self.limits.workspace_mib;
        let mut interpreter = Interpreter::start(&setup).await?;
        if let Some(archive) = archive {
            interpreter.container.unpack(archive).await?.then_some(()).ok_or_else(|| files::no_room(room))?;
        }
        let began = Instant::now();
        let mut run = Execution { notebook, executed: 0, failed: None, late: None, oom_killed: false };
        run.all(&mut interpreter, limit, context).await;
        let outputs = match selection.roots.is_empty() {
            true => None,
            // What the end of a late interpreter took with it is less than what the notebook has.
            false => match interpreter.container.collect(selection, room, &context.holding).await {
                Err(_) if run.late.is_some() => None,
                collected => Some(collected?),
            },
        };
        if let Some(late) = run.late {
            let notebook = Some(run.notebook.into_value());
            let outputs = outputs.map(serde_json::to_value).transpose().map_err(Error::internal)?;
            return Err(late.error(limit, notebook, outputs));
        }
        let (failed_cell, error) = run.failed.unzip();
        Ok(NotebookOutput {
            notebook: run.notebook.into_value(),
            executed: run.executed,
            failed_cell,
            error,
            oom_killed: run.oom_killed,
            outputs,
            execution_time: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        })
    }
}

struct Execution {
    notebook: Notebook,
    executed: usize,
    failed: Option<(usize, CellError)>,
    late: Option<Late>,
    oom_killed: bool,
}

/// The cell in which the time was over, and what it had written.
struct Late {
    place: usize,
    shown: PartialOutput,
}

impl Late {
    fn error(self, limit: Duration, notebook: Option<Value>, outputs: Option<Value>) -> Error {
        let (seconds, place) = (limit.as_secs(), self.place);
        Error::ProgramTimedOut {
            message: format!("Notebook timed out after {seconds}s in cell {place} (counted from 0)"),
            hint: format!(
                "A notebook may take up to {MAX_TIMEOUT} s (timeout). For more, run its cells in a session, which keeps its \
                 state: sandbox_session_start (POST /sandbox/session/start)"
            ),
            partial: Box::new(PartialOutput { outputs, notebook, ..self.shown }),
        }
    }
}

impl Execution {
    /// Runs one code cell after the other until one fails or the time is over.
    async fn all(&mut self, interpreter: &mut Interpreter, limit: Duration, context: &Context) {
        let end = tokio::time::Instant::now() + limit;
        let places = self.notebook.prepare();
        for place in &places {
            context.report(self.executed as f64, Some(places.len() as f64), format!("cell {place}"));
            let source = self.notebook.source(*place);
            let cell = interpreter.run(&source, tokio::time::sleep_until(end), &context.holding).await;
            self.executed += 1;
            self.oom_killed |= cell.oom_killed;
            if matches!(cell.outcome, Outcome::Interrupted | Outcome::Killed) {
                let shown = PartialOutput::of(cell.stdout.clone(), cell.stderr.clone());
                self.late = Some(Late { place: *place, shown });
            }
            let error = self.notebook.record(*place, self.executed, cell);
            if let Some(error) = error.filter(|_| !self.notebook.may_fail(*place)) {
                self.failed = Some((*place, error.into()));
                break;
            }
            if self.late.is_some() {
                break;
            }
        }
    }
}
