//! Values that may be null, said so that every reader of schemas understands it.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// What describes a field and stays beside its branches.
const ABOUT: [&str; 4] = ["title", "description", "default", "deprecated"];

/// A field that may be null or left out becomes one that may be left out.
pub(crate) fn forbid(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(types) = types_beside_null(object) {
        object.insert("type".to_owned(), types);
        without_null(object);
    }
    let branches = object.get("anyOf").and_then(Value::as_array).filter(|all| all.iter().any(is_null));
    if let Some([only]) =
        branches.map(|all| all.iter().filter(|branch| !is_null(branch)).collect::<Vec<_>>()).as_deref()
    {
        let Value::Object(only) = Value::clone(only) else { return };
        object.remove("anyOf");
        for (name, value) in only {
            object.entry(name).or_insert(value);
        }
        without_null(object);
    }
}

/// `type: [string, null]` becomes two branches.
pub(crate) fn branch(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(types) = types_beside_null(object) else { return };
    let (about, mut there): (Map<_, _>, Map<_, _>) =
        std::mem::take(object).into_iter().partition(|(name, _)| ABOUT.contains(&name.as_str()));
    there.insert("type".to_owned(), types);
    without_null_in_enum(&mut there);
    *object = about;
    object.insert("anyOf".to_owned(), json!([there, {"type": "null"}]));
}

/// The types that a list of types with null in it has beside null.
fn types_beside_null(object: &Map<String, Value>) -> Option<Value> {
    let types = object.get("type")?.as_array()?;
    let others: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
    match others.as_slice() {
        [only] if types.len() == 2 => Some(only.clone()),
        _ => None,
    }
}

fn is_null(branch: &Value) -> bool {
    branch["type"] == "null"
}

fn without_null(object: &mut Map<String, Value>) {
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    without_null_in_enum(object);
}

fn without_null_in_enum(object: &mut Map<String, Value>) {
    if let Some(Value::Array(names)) = object.get_mut("enum") {
        names.retain(|name| !name.is_null());
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
    fn a_request_says_nothing_of_null() {
        let field = json!({"type": ["string", "null"], "description": "d", "default": null, "enum": ["a", null]});
        assert_eq!(after(forbid, field), json!({"type": "string", "description": "d", "enum": ["a"]}));
        let object =
            json!({"anyOf": [{"type": "object", "description": "inner"}, {"type": "null"}], "description": "d"});
        assert_eq!(after(forbid, object), json!({"type": "object", "description": "d"}));
        let choice = json!({"anyOf": [{"type": "string"}, {"type": "array"}, {"type": "null"}]});
        assert_eq!(after(forbid, choice.clone()), choice);
    }

    #[test]
    fn an_answer_has_a_branch_for_null() {
        let field = json!({"type": ["integer", "null"], "minimum": 0, "description": "d"});
        let expected = json!({"description": "d", "anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]});
        assert_eq!(after(branch, field), expected);
    }
}
