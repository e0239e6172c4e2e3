//! An answer as a model reads it best: what it says as text, without what it only says to programs.
//!
//! A text of several lines stands as it is, without the escapes of JSON, and a list of objects is a table whose cells are
//! parted by tabs. A single one of these is all of the text; otherwise each has its name above it.

use serde_json::{Map, Value};

/// What is left out where it says that nothing is unusual.
const USUAL: &[(&str, Value)] = &[
    ("dry_run", Value::Bool(false)),
    ("existed", Value::Bool(false)),
    ("is_link", Value::Bool(false)),
    ("memory_exceeded", Value::Bool(false)),
    ("more", Value::Bool(false)),
    ("oom_killed", Value::Bool(false)),
    ("pty", Value::Bool(false)),
    ("success", Value::Bool(true)),
    ("truncated", Value::Bool(false)),
    ("undoable", Value::Bool(true)),
];

/// Counts that are left out where they are zero, as the exit code of a program that went well is.
const USUALLY_ZERO: &[&str] = &["exit_code", "missed", "omitted", "skipped"];

/// Fields that are texts of several lines by their nature, also where they have but one.
const TEXTS: &[&str] = &["content", "output", "stderr", "stdout"];

/// Longer lists and objects, in bytes of JSON, have lines of their own.
const SHORT: usize = 120;

/// What stands between the parts of a list that is no table.
const BETWEEN: &str = "\n---\n";

/// An answer without what a model need not see: what is unusual of it stays, and what says something. `aside` names
/// fields, and those of a list's items as `list.field`.
pub(super) fn trimmed(mut answer: Value, aside: &[&str]) -> Value {
    let Some(fields) = answer.as_object_mut() else { return answer };
    fields.retain(|name, value| name != "timestamp" && !aside.contains(&name.as_str()) && says(name, value));
    let lists: Vec<usize> = fields.values().filter_map(Value::as_array).map(Vec::len).collect();
    let is_counted = |value: &Value| lists.len() == 1 && value.as_u64() == Some(lists[0] as u64);
    fields.retain(|name, value| name != "count" || !is_counted(value));
    for (list, value) in fields {
        let of_list = |name: &str| aside.iter().any(|one| one.split_once('.') == Some((list, name)));
        for item in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            item.retain(|name, value| !of_list(name) && says(name, value));
        }
    }
    answer
}

/// Whether a field says something.
fn says(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(number) => number.as_i64() != Some(0) || !USUALLY_ZERO.contains(&name),
        Value::Bool(_) => !USUAL.iter().any(|(usual, what)| *usual == name && what == value),
    }
}

/// A trimmed answer as text.
pub(super) fn text(answer: &Value) -> String {
    let shown = match answer {
        Value::Object(fields) => record(fields),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if shown.is_empty() { "ok".to_owned() } else { shown }
}

/// The fields of an object: what is short in a line each, and then what is not.
fn record(fields: &Map<String, Value>) -> String {
    let fields: Vec<(&String, &Value)> = fields.iter().filter(|(name, value)| says(name, value)).collect();
    let is_line = |(name, value): &(&String, &Value)| is_short(value) && !TEXTS.contains(&name.as_str());
    let (lines, blocks): (Vec<_>, Vec<_>) = fields.into_iter().partition(is_line);
    if let ([], [(_, only)]) = (&lines[..], &blocks[..]) {
        return block(only);
    }
    let lines = lines.into_iter().map(|(name, value)| format!("{name}: {}", cell(value)));
    let blocks = blocks.into_iter().map(|(name, value)| format!("{name}:\n{}", block(value).trim_end_matches('\n')));
    lines.chain(blocks).collect::<Vec<_>>().join("\n")
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\n'),
        Value::Array(items) => items.iter().all(is_plain) && value.to_string().len() <= SHORT,
        Value::Object(_) => value.to_string().len() <= SHORT,
        _ => true,
    }
}

/// Whether a value is a number or a text without white space that would part it from others.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains([',', '\n']),
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    }
}

/// A value on lines of its own.
fn block(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => list(items),
        other => other.to_string(),
    }
}

fn list(items: &[Value]) -> String {
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if objects.len() < items.len() {
        return items.iter().map(cell).collect::<Vec<_>>().join("\n");
    }
    if objects.iter().all(|fields| fields.values().all(is_short)) {
        return table(&objects);
    }
    objects.into_iter().map(record).collect::<Vec<_>>().join(BETWEEN)
}

/// The names of the fields that any of the objects has, and a line for each object. One column needs no name.
fn table(objects: &[&Map<String, Value>]) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for name in objects.iter().flat_map(|fields| fields.keys()) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let head = columns.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("\t");
    let rows = objects.iter().map(|fields| {
        let cells = columns.iter().map(|name| match fields.get(*name) {
            // A tab in the last cell parts nothing.
            Some(Value::String(text)) if text.contains('\t') && Some(name) != columns.last() => format!("{text:?}"),
            Some(value) => cell(value),
            None => String::new(),
        });
        cells.collect::<Vec<_>>().join("\t").trim_end().to_owned()
    });
    let head = Some(head).filter(|_| columns.len() > 1);
    head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A value within a line.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains('\n') => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(is_plain) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
