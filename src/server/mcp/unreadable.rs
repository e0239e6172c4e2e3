//! What is answered to a message that cannot be read: with its id where it has one, so that nobody waits for an answer
//! until a timeout.

use crate::problem::{described, half_a_character};
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, json, value::RawValue};
use std::fmt;

/// JSON-RPC's code for what is no JSON, or no JSON that can be held as text.
const PARSE_ERROR: i32 = -32700;

/// JSON-RPC's code for JSON that is no message.
const INVALID_REQUEST: i32 = -32600;

/// The answer to a message that could not be read.
pub struct Unreadable {
    /// The answer, as JSON-RPC has it.
    pub answer: Value,
    /// Whether it answers a request: one with an id, in the form that the protocol has.
    pub is_for_request: bool,
    /// Whether it is no JSON: whoever sent it may wait for an answer, and nothing tells its id.
    pub is_no_json: bool,
}

impl Unreadable {
    /// What is wrong with a message that the SDK cannot read.
    pub fn of(message: &[u8]) -> Self {
        let (envelope, read) = Envelope::of(message);
        let id = envelope.id.clone().unwrap_or(Value::Null);
        let is_for_request = envelope.is_protocol && envelope.id.is_some() && !envelope.is_answer;
        let is_no_json = read.as_ref().is_err_and(|error| !error.is_data()) && !message.trim_ascii().is_empty();
        let problem = match read.and_then(|()| check(message)) {
            Err(error) if !error.is_data() => (PARSE_ERROR, said_of(&error, message)),
            _ if message.trim_ascii_start().starts_with(b"[") => {
                (INVALID_REQUEST, "Batches are not supported: send each message as a request of its own".to_owned())
            }
            _ => (
                INVALID_REQUEST,
                "The message is not a JSON-RPC 2.0 request, notification or response, or its params are none that its \
                 method takes"
                    .to_owned(),
            ),
        };
        Self { answer: answer(id, envelope.method.as_deref(), problem), is_for_request, is_no_json }
    }

    /// The answer to a message that is longer than `max` bytes.
    pub fn too_long(message: &[u8], max: usize) -> Self {
        let (envelope, _) = Envelope::of(message);
        let mib = max / (1024 * 1024);
        let text = format!("The message is larger than {mib} MiB: send less at once, or raise MCP_MAX_REQUEST_MIB");
        let id = envelope.id.clone().unwrap_or(Value::Null);
        let answer = answer(id, envelope.method.as_deref(), (INVALID_REQUEST, text));
        Self { answer, is_for_request: envelope.id.is_some() && !envelope.is_answer, is_no_json: false }
    }
}

/// Fails for what is no JSON, or holds half characters. Of a long message only whether it is JSON is looked at: a tree of
/// its values would take many times its length.
fn check(message: &[u8]) -> serde_json::Result<()> {
    const LONG: usize = 1024 * 1024;
    match message.len() > LONG {
        true => serde_json::from_slice::<IgnoredAny>(message).map(drop),
        false => serde_json::from_slice::<Value>(message).map(drop),
    }
}

/// A tool call fails as tools fail, where a model sees it; anything else as the protocol has it.
fn answer(id: Value, method: Option<&str>, (code, text): (i32, String)) -> Value {
    match method {
        Some("tools/call") if !id.is_null() => json!({
            "jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}], "isError": true},
        }),
        _ => json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}),
    }
}

fn said_of(error: &serde_json::Error, message: &[u8]) -> String {
    let said = described(error, message);
    half_a_character(&said).unwrap_or_else(|| format!("The message is not JSON that can be read: {said}"))
}

/// What can be seen of a message from outside, as far as it can be read at all.
#[derive(Default)]
struct Envelope {
    id: Option<Value>,
    method: Option<String>,
    is_protocol: bool,
    is_answer: bool,
}

impl Envelope {
    fn of(message: &[u8]) -> (Self, serde_json::Result<()>) {
        let mut envelope = Self::default();
        let mut reader = serde_json::Deserializer::from_slice(message);
        // What is inside of the parameters is passed over, whatever it says.
        let read = reader.deserialize_any(Fields(&mut envelope)).and_then(|()| reader.end());
        (envelope, read)
    }
}

struct Fields<'a>(&'a mut Envelope);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "id" => {
                    let id: &RawValue = map.next_value()?;
                    let id = serde_json::from_str::<Value>(id.get()).ok();
                    self.0.id = id.filter(|id| id.is_string() || id.is_number());
                }
                "method" => self.0.method = map.next_value::<Value>()?.as_str().map(str::to_owned),
                "jsonrpc" => self.0.is_protocol = map.next_value::<Value>()? == "2.0",
                other => {
                    self.0.is_answer |= matches!(other, "result" | "error");
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
