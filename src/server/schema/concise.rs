//! Schemas in few words: a model reads those of all its tools before each of its answers.

use schemars::Schema;
use serde_json::Value;

/// What says nothing that matters for a call: bounds that are told when they are passed.
const SAID_BY_ERRORS: [&str; 5] = ["format", "minLength", "maxLength", "minItems", "maxItems"];

/// Leaves out what a model does not need: of descriptions all but the first sentence, formats, defaults that are nothing,
/// and lower bounds that go without saying.
pub(crate) fn shorten(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    for word in SAID_BY_ERRORS {
        object.remove(word);
    }
    if object.get("default").is_some_and(is_nothing) {
        object.remove("default");
    }
    if object.get("minimum").and_then(Value::as_f64).is_some_and(|least| (0.0..=1.0).contains(&least)) {
        object.remove("minimum");
    }
    if let Some(Value::String(about)) = object.get_mut("description") {
        let plain = about.split_whitespace().collect::<Vec<_>>().join(" ");
        first_sentence(&plain).clone_into(about);
    }
    if object.get("description").and_then(Value::as_str).is_some_and(is_a_name) {
        object.remove("description");
    }
}

/// Whether a description only names what it is of: "The file".
fn is_a_name(about: &str) -> bool {
    let mut words = about.split(' ');
    matches!(words.next(), Some("The" | "")) && words.count() <= 1
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
    }
}

/// The first sentence of a text, without its full stop.
fn first_sentence(text: &str) -> &str {
    let starts = |rest: &str| {
        rest.trim_start().starts_with(|first: char| first.is_uppercase() || first.is_numeric() || first == '`')
    };
    let end = text.match_indices(". ").find(|(place, _)| starts(&text[place + 2..])).map_or(text.len(), |(end, _)| end);
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(schema: Value) -> Value {
        let mut schema: Schema = schema.try_into().unwrap();
        shorten(&mut schema);
        schema.into()
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let field =
            json!({"type": "integer", "format": "float", "minimum": 1, "maximum": 9, "default": 0, "minItems": 1});
        assert_eq!(after(field), json!({"type": "integer", "maximum": 9}));
        let field = json!({"type": "boolean", "default": true});
        assert_eq!(after(field.clone()), field);
    }

    #[test]
    fn of_a_description_the_first_sentence_stays() {
        for (about, first) in [
            ("The folder to look in. Relative paths\nstart here.", "The folder to look in"),
            ("Names like `a.b`, or 1.5 s at most. Then more", "Names like `a.b`, or 1.5 s at most"),
            ("What it is. `zip`: ZIP.", "What it is"),
        ] {
            assert_eq!(after(json!({"description": about})), json!({"description": first}));
        }
        for name in ["The file. Relative paths start here.", "The file", ""] {
            assert_eq!(after(json!({"description": name})), json!({}));
        }
    }
}
