//! Schemas in the part of JSON Schema that all readers of tools have: Gemini's types know no `oneOf`, `const` or boolean
//! `additionalProperties`, and the strict mode of OpenAI none of these either.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// The words by which a schema offers several.
const CHOICES: [&str; 2] = ["oneOf", "anyOf"];

/// A choice among constants becomes a list of them, whose meanings are in the description; any other `oneOf` an `anyOf`,
/// since no value fits two of its branches. That an object may have fields that are not named goes without saying.
pub(crate) fn simplify(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("additionalProperties") == Some(&Value::Bool(true)) {
        object.remove("additionalProperties");
    }
    if let Some(only) = object.remove("const") {
        object.insert("enum".to_owned(), json!([only]));
    }
    for word in CHOICES {
        let Some(Value::Array(branches)) = object.get(word) else { continue };
        let Some(constants) = branches.iter().map(constants).collect::<Option<Vec<_>>>() else { continue };
        let constants = constants.concat();
        object.remove(word);
        list(object, &constants);
    }
    if let Some(branches) = object.remove("oneOf") {
        object.insert("anyOf".to_owned(), branches);
    }
}

/// A field of several types is published as the one that can hold the most: some readers want exactly one, and all of
/// them are taken whichever is published.
pub(crate) fn choose(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Array(branches)) = object.remove("anyOf") else { return };
    let rank = |branch: &&Value| match branch["type"].as_str() {
        Some("array") => 0,
        Some("object") => 1,
        _ => 2,
    };
    let Some(Value::Object(chosen)) = branches.iter().min_by_key(rank).cloned() else { return };
    for (name, value) in chosen {
        object.entry(name).or_insert(value);
    }
}

/// The constants of one branch, each with what it means; `None` for a branch that is not one of texts.
fn constants(branch: &Value) -> Option<Vec<(String, String)>> {
    let about = branch["description"].as_str().unwrap_or_default();
    let single = branch.get("const").and_then(Value::as_str);
    let names: Vec<&str> = match (single, branch["enum"].as_array()) {
        (Some(name), _) => vec![name],
        (None, Some(names)) => names.iter().map(Value::as_str).collect::<Option<_>>()?,
        (None, None) => return None,
    };
    Some(names.into_iter().map(|name| (name.to_owned(), about.to_owned())).collect())
}

fn list(object: &mut Map<String, Value>, constants: &[(String, String)]) {
    let mut about = object.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let explains_them = constants.iter().all(|(name, _)| about.contains(&format!("`{name}`")));
    for (name, meaning) in constants.iter().filter(|(_, meaning)| !explains_them && !meaning.is_empty()) {
        about = format!("{about} `{name}`: {meaning}");
    }
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), constants.iter().map(|(name, _)| Value::from(name.as_str())).collect());
    if !about.is_empty() {
        object.insert("description".to_owned(), about.trim().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(change: fn(&mut Schema), schema: Value) -> Value {
        let mut schema: Schema = schema.try_into().unwrap();
        change(&mut schema);
        schema.into()
    }

    #[test]
    fn a_choice_among_constants_is_a_list_that_says_what_each_means() {
        let branches = json!([
            {"type": "string", "const": "zip", "description": "ZIP."},
            {"type": "string", "enum": ["tar", "7z"]},
        ]);
        let expected = json!({"description": "The kind. `zip`: ZIP.", "type": "string", "enum": ["zip", "tar", "7z"]});
        for word in CHOICES {
            assert_eq!(after(simplify, json!({"description": "The kind.", word: branches})), expected);
        }
        let explained =
            json!({"description": "`a` or `b`.", "oneOf": [{"const": "a", "description": "A."}, {"const": "b"}]});
        assert_eq!(after(simplify, explained)["description"], "`a` or `b`.");
        assert_eq!(after(simplify, json!({"const": "a"})), json!({"enum": ["a"]}));
    }

    #[test]
    fn other_choices_and_objects_of_any_fields_say_so_in_words_that_all_know() {
        let other = json!([{"type": "string"}, {"type": "object", "additionalProperties": true}]);
        assert_eq!(after(simplify, json!({"oneOf": other})), json!({"anyOf": other}));
        assert_eq!(after(simplify, json!({"type": "object", "additionalProperties": true})), json!({"type": "object"}));
        let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
        assert_eq!(after(simplify, texts.clone()), texts);
    }

    #[test]
    fn a_field_of_several_types_is_published_as_one() {
        let keys =
            json!({"description": "d", "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
        assert_eq!(after(choose, keys), json!({"description": "d", "type": "array", "items": {"type": "string"}}));
    }
}
