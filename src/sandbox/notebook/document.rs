//! The notebook format, version 4 (nbformat.readthedocs.io, "The notebook file format").

use crate::{
    capability::Medium,
    error::{Error, Result},
    problem::described,
    sandbox::session::{Answer, Bundle, Cell, Failure, Outcome},
};
use serde_json::{Value, json};

/// A notebook whose cells have the form that is expected.
pub(super) struct Notebook(Value);

impl Notebook {
    /// Reads a notebook's text; `field` is named when it is none.
    ///
    /// # Errors
    /// When it is no JSON or no notebook.
    pub(crate) fn parse(field: &str, text: &[u8]) -> Result<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let value = serde_json::from_slice(text)
            .map_err(|cause| Error::invalid(field, format!("The notebook is not JSON: {}", described(&cause, text))))?;
        Self::new(field, value)
    }

    /// Takes a notebook's JSON.
    ///
    /// # Errors
    /// When it is no notebook of version 4.
    pub(crate) fn new(field: &str, value: Value) -> Result<Self> {
        let wrong = |why: String| Err(Error::invalid(field, why));
        if value.get("worksheets").is_some() || value["nbformat"].as_u64().is_some_and(|version| version != 4) {
            return wrong("The notebook is not of version 4: convert it with  jupyter nbconvert --to notebook".into());
        }
        let Some(cells) = value["cells"].as_array() else {
            return wrong("The notebook has no list of cells".into());
        };
        for (place, cell) in cells.iter().enumerate() {
            if !cell["cell_type"].is_string() || text_of(&cell["source"]).is_none_or(|text| text.contains('\0')) {
                return wrong(format!("Cell {place} lacks its cell_type or its source"));
            }
        }
        Ok(Self(value))
    }

    /// What its metadata say that it is written in; Python when they say nothing.
    pub(crate) fn language(&self) -> String {
        let metadata = &self.0["metadata"];
        let named = [&metadata["language_info"]["name"], &metadata["kernelspec"]["language"]];
        named.iter().find_map(|name| name.as_str()).unwrap_or("python").to_owned()
    }

    /// Puts a cell after the one tagged `parameters`, or first; one of an earlier execution goes.
    pub(crate) fn insert_parameters(&mut self, source: &str) {
        let Some(cells) = self.0["cells"].as_array_mut() else { return };
        cells.retain(|cell| !has_tag(cell, "injected-parameters"));
        let place = cells.iter().position(|cell| has_tag(cell, "parameters")).map_or(0, |place| place + 1);
        let cell = json!({
            "cell_type": "code",
            "id": "injected-parameters",
            "metadata": {"tags": ["injected-parameters"]},
            "execution_count": null,
            "outputs": [],
            "source": source,
        });
        cells.insert(place, cell);
    }

    /// Clears what an earlier execution left, and names the cells to run.
    pub(crate) fn prepare(&mut self) -> Vec<usize> {
        let Some(cells) = self.0["cells"].as_array_mut() else { return Vec::new() };
        let code = cells.iter_mut().enumerate().filter(|(_, cell)| cell["cell_type"] == "code");
        let cleared = code.map(|(place, cell)| {
            cell["outputs"] = json!([]);
            cell["execution_count"] = Value::Null;
            if cell.get("metadata").is_none() {
                cell["metadata"] = json!({});
            }
            (place, text_of(&cell["source"]).unwrap_or_default())
        });
        cleared.filter(|(_, source)| !source.trim().is_empty()).map(|(place, _)| place).collect()
    }

    /// The text of a cell.
    pub(crate) fn source(&self, place: usize) -> String {
        text_of(&self.0["cells"][place]["source"]).unwrap_or_default()
    }

    /// Whether an error in this cell is expected.
    pub(crate) fn may_fail(&self, place: usize) -> bool {
        has_tag(&self.0["cells"][place], "raises-exception")
    }

    /// Writes what a cell did into it; gives its error.
    pub(crate) fn record(&mut self, place: usize, count: usize, cell: Cell) -> Option<Failure> {
        let mut outputs = Vec::new();
        for (name, text) in [("stdout", cell.stdout.join()), ("stderr", cell.stderr.join())] {
            if !text.is_empty() {
                outputs.push(json!({"output_type": "stream", "name": name, "text": text}));
            }
        }
        let answer = match cell.outcome {
            Outcome::Done(answer) => answer,
            outcome => Answer { error: Some(died(&outcome, cell.oom_killed)), ..Answer::of_code(1) },
        };
        outputs.extend(answer.displays.into_iter().map(|bundle| shown("display_data", bundle)));
        if let Some(bundle) = answer.result {
            let mut result = shown("execute_result", bundle);
            result["execution_count"] = json!(count);
            outputs.push(result);
        }
        let error = answer.error.or_else(|| (answer.code != 0).then(|| exit(answer.code)));
        if let Some(Failure { name, message, traceback }) = &error {
            let lines: Vec<_> = traceback.lines().collect();
            outputs.push(json!({"output_type": "error", "ename": name, "evalue": message, "traceback": lines}));
        }
        let recorded = &mut self.0["cells"][place];
        recorded["outputs"] = outputs.into();
        recorded["execution_count"] = json!(count);
        error
    }

    /// The notebook as JSON.
    pub(crate) fn into_value(mut self) -> Value {
        let defaults = [("nbformat", json!(4)), ("nbformat_minor", json!(5)), ("metadata", json!({}))];
        for (name, default) in defaults {
            if self.0.get(name).is_none() {
                self.0[name] = default;
            }
        }
        self.0
    }
}

fn shown(kind: &str, data: Bundle) -> Value {
    json!({"output_type": kind, "data": data, "metadata": {}})
}

/// In bash a cell that ends with another exit code than 0 has failed.
fn exit(code: i64) -> Failure {
    let message = format!("exit code {code}");
    Failure { name: "ExitCode".to_owned(), traceback: message.clone(), message }
}

fn died(outcome: &Outcome, oom_killed: bool) -> Failure {
    if matches!(outcome, Outcome::Interrupted | Outcome::Killed) {
        let message = "the time of the notebook was over".to_owned();
        return Failure { name: "TimeoutError".to_owned(), traceback: message.clone(), message };
    }
    let message = match outcome {
        _ if oom_killed => "the memory limit killed the interpreter".to_owned(),
        Outcome::Crashed(code) if *code < 0 => format!("signal {} ended the interpreter", -code),
        Outcome::Crashed(code) => format!("the interpreter ended with exit code {code}"),
        _ => "the container ended".to_owned(),
    };
    Failure { name: "DeadKernelError".to_owned(), traceback: message.clone(), message }
}

fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|one| one == tag))
}

/// A text, or the list of its lines.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Takes the pictures out of what the cells of a notebook show.
pub(super) fn pictures(notebook: &mut Value) -> Vec<Medium> {
    let mut found = Vec::new();
    let cells = notebook["cells"].as_array_mut().into_iter().flatten();
    let outputs = cells.filter_map(|cell| cell.get_mut("outputs")?.as_array_mut()).flatten();
    for data in outputs.filter_map(|output| output.get_mut("data")?.as_object_mut()) {
        for (kind, shown) in data.iter_mut() {
            let Some(mut base64) = text_of(shown) else { continue };
            if let Some(picture) = Medium::picture(kind, &mut base64) {
                *shown = base64.into();
                found.push(picture);
            }
        }
    }
    found
}
