//! Parameters as a cell that sets variables.

use crate::error::{Error, Result};
use serde_json::{Map, Value};

/// Words that no variable can have for its name in Python.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The cell's text.
///
/// # Errors
/// For another language than Python, and a name that no variable can have.
pub(super) fn cell(parameters: &Map<String, Value>, language: &str) -> Result<String> {
    let wrong = |why: String| Error::invalid("parameters", why);
    if !language.to_lowercase().starts_with("python") {
        return Err(wrong(format!("Parameters are for notebooks in Python, and this one is in {language}")));
    }
    let mut text = "# Parameters".to_owned();
    for (name, value) in parameters {
        let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !plain
            || name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || KEYWORDS.contains(&name.as_str())
        {
            return Err(wrong(format!("{name:?} cannot be the name of a variable")));
        }
        text.push_str(&format!("\n{name} = {}", literal(value)));
    }
    Ok(text)
}

/// A value as Python writes it. JSON's texts are Python's too, but for the surrogate pairs that this writer never uses.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let pairs =
                fields.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), literal(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let parameters = json!({"a": null, "b": [true, 1.5], "c": {"k": "é\"\n"}});
        let text = cell(parameters.as_object().unwrap(), "python").unwrap();
        assert_eq!(text, "# Parameters\na = None\nb = [True, 1.5]\nc = {\"k\": \"é\\\"\\n\"}");
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused() {
        for name in ["", "1a", "a b", "a;import os", "class"] {
            assert!(cell(json!({name: 1}).as_object().unwrap(), "python").is_err(), "{name}");
        }
        assert!(cell(json!({"a": 1}).as_object().unwrap(), "R").is_err());
    }
}
