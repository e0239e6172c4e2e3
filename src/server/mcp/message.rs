//! What clients send that is nearly a message, as the message that it was meant to be, and what of a message is large.

use crate::arguments::places_of;
use bytes::Bytes;
use serde_json::{json, value::RawValue};
use std::ops::Range;

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
    let Some(found) = Found::of(message) else { return Meant::AsSaid };
    match found.object(message) {
        Ok(None) => Meant::AsSaid,
        Ok(Some(object)) => Meant::Instead(found.with(message, &object)),
        Err(_) if !found.is_call => Meant::AsSaid,
        Err(answer) => Meant::Refused(answer),
    }
}

/// Where the arguments of a message stand.
pub struct Found {
    arguments: Range<usize>,
    id: Option<Range<usize>>,
    /// Whether a tool is called: its arguments may be large.
    pub is_call: bool,
}

/// The longest arguments that the SDK sees too, in bytes: it holds headers against them (`x-mcp-header`).
const SEEN: usize = 64 * 1024;

/// A tool's call in two parts: what the SDK reads, which copies what it reads several times, and the arguments, which
/// are the bytes that came.
pub struct Parted {
    /// The message, with an empty object for arguments that are long.
    pub message: Bytes,
    /// The arguments: an object.
    pub arguments: Bytes,
}

impl Found {
    /// Looks for the arguments; `None` where there are none.
    pub fn of(message: &[u8]) -> Option<Self> {
        let json = std::str::from_utf8(message).ok()?;
        let [params, method, id] = places_of(json, ["params", "method", "id"])?;
        let params = params?;
        let [arguments] = places_of(&json[params.clone()], ["arguments"])?;
        let arguments = arguments?;
        let is_call = method.is_some_and(|method| &json[method] == "\"tools/call\"");
        Some(Self { arguments: params.start + arguments.start..params.start + arguments.end, id, is_call })
    }

    /// How many bytes are decoded to have the arguments: those of a text in which they stand.
    pub fn in_text(&self, message: &[u8]) -> u64 {
        if message[self.arguments.start] == b'"' { self.arguments.len() as u64 } else { 0 }
    }

    /// Takes the arguments of a call out of its message.
    ///
    /// # Errors
    /// The answer to a call whose arguments are no object.
    pub fn part(&self, message: &Bytes) -> Result<Parted, Vec<u8>> {
        let decoded = self.object(message)?.map(Bytes::from);
        let arguments = decoded.unwrap_or_else(|| message.slice(self.arguments.clone()));
        let seen: &[u8] = if arguments.len() <= SEEN { &arguments } else { b"{}" };
        Ok(Parted { message: self.with(message, seen).into(), arguments })
    }

    /// The object that the arguments mean, where they are none.
    fn object(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Vec<u8>> {
        let sent = &message[self.arguments.clone()];
        if sent[0] == b'{' {
            return Ok(None);
        }
        let text = match sent {
            b"null" => String::new(),
            sent => serde_json::from_slice(sent).unwrap_or_else(|_| String::from_utf8_lossy(sent).into_owned()),
        };
        if let "" | "null" = text.trim() {
            return Ok(Some(b"{}".to_vec()));
        }
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(raw) if raw.get().starts_with('{') => Ok(Some(text.into_bytes())),
            Ok(_) => Err(self.refuse(message, "it is no object")),
            Err(error) => Err(self.refuse(message, &error.to_string())),
        }
    }

    fn refuse(&self, message: &[u8], why: &str) -> Vec<u8> {
        let id = self.id.clone().and_then(|id| serde_json::from_slice::<&RawValue>(&message[id]).ok());
        let text = format!("arguments: Input should be a JSON object, and a text that holds one was not read: {why}");
        let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string().into_bytes()
    }

    /// The message with other arguments.
    fn with(&self, message: &[u8], arguments: &[u8]) -> Vec<u8> {
        [&message[..self.arguments.start], arguments, &message[self.arguments.end..]].concat()
    }
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
    fn the_sdk_sees_arguments_that_are_short_and_the_call_has_all_of_them() {
        for (size, is_seen) in [(10, true), (SEEN, false)] {
            let arguments = json!({"region": "eu", "text": "x".repeat(size)});
            let sent = Bytes::from(message("tools/call", &arguments).to_string());
            let Parted { message, arguments: kept } = Found::of(&sent).unwrap().part(&sent).unwrap();
            let seen: Value = serde_json::from_slice(&message).unwrap();
            let expected = if is_seen { arguments.clone() } else { json!({}) };
            assert_eq!((&seen["params"]["arguments"], &seen["id"]), (&expected, &json!(7)), "{size}");
            assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), arguments, "{size}");
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
