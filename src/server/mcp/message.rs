//! What clients send that is nearly a message, as the message that it was meant to be.

use indexmap::IndexMap;
use serde_json::{json, value::RawValue};

/// Fields as they came.
type Raw<'a> = IndexMap<String, &'a RawValue>;

/// What becomes of a message.
#[derive(Debug, PartialEq)]
pub enum Meant {
    /// What it says.
    AsSaid,
    /// This instead.
    Instead(Vec<u8>),
    /// Nothing that can be done: this is the answer to it, which says why.
    Refused(Vec<u8>),
}

/// Models send the arguments of a tool as a text that holds their JSON, or as null. They are the object then; anything
/// else is refused in words that a model can act on, where the SDK would not know the method. The other fields keep
/// their bytes.
pub fn meant(message: &[u8]) -> Meant {
    decoded(message).unwrap_or(Meant::AsSaid)
}

/// `None` for what is to be passed on as it is.
fn decoded(message: &[u8]) -> Option<Meant> {
    let mut fields: Raw<'_> = serde_json::from_slice(message).ok()?;
    let mut params: Raw<'_> = serde_json::from_str(fields.get("params")?.get()).ok()?;
    let sent = params.get("arguments")?.get();
    if sent.starts_with('{') {
        return None;
    }
    let text = match sent {
        "null" => String::new(),
        sent => serde_json::from_str(sent).unwrap_or_else(|_| sent.to_owned()),
    };
    let object = match text.trim() {
        "" | "null" => "{}",
        text => text,
    };
    if let Err(error) = serde_json::from_str::<Raw<'_>>(object) {
        let id =
            fields.get("id").filter(|_| fields.get("method").is_some_and(|method| method.get() == "\"tools/call\""))?;
        let text = format!("arguments: Input should be a JSON object, and a text that holds one was not read: {error}");
        let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        return serde_json::to_vec(&json!({"jsonrpc": "2.0", "id": id, "result": result})).ok().map(Meant::Refused);
    }
    params.insert("arguments".to_owned(), serde_json::from_str(object).ok()?);
    let params = serde_json::value::to_raw_value(&params).ok()?;
    fields.insert("params".to_owned(), &params);
    serde_json::to_vec(&fields).ok().map(Meant::Instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn message(method: &str, arguments: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"name": "x", "arguments": arguments}})
    }

    fn instead(arguments: &Value) -> Value {
        let mut before = message("tools/call", arguments);
        let Meant::Instead(after) = meant(before.to_string().as_bytes()) else { panic!("{arguments} stays") };
        let mut after: Value = serde_json::from_slice(&after).unwrap();
        let arguments = after["params"]["arguments"].take();
        before["params"]["arguments"].take();
        assert_eq!(after, before, "nothing else is changed");
        arguments
    }

    #[test]
    fn a_text_of_json_becomes_the_object_and_nothing_becomes_none() {
        assert_eq!(instead(&json!(" {\"a\": \"\\\"é\\\"\"}\n")), json!({"a": "\"é\""}));
        for nothing in [json!(""), json!(" "), json!("null"), Value::Null] {
            assert_eq!(instead(&nothing), json!({}), "{nothing}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_to_a_model_and_everything_else_stays() {
        for other in [json!([1]), json!("[1]"), json!("words"), json!(7), json!("{\"a\": ")] {
            let Meant::Refused(answer) = meant(message("tools/call", &other).to_string().as_bytes()) else { panic!() };
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(7), &json!(true)), "{other}");
            assert_eq!(meant(message("prompts/get", &other).to_string().as_bytes()), Meant::AsSaid);
        }
        for said in ["", "[]", "{", "{\"params\": 7}", "{\"params\": {}}", "{\"params\": {\"arguments\": {\"a\": 1}}}"]
        {
            assert_eq!(meant(said.as_bytes()), Meant::AsSaid, "{said}");
        }
    }
}
