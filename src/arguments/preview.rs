//! Arguments as the history shows them: short, and without secrets.

use super::Arguments;
use serde_json::{Map, Value};

/// What stands where a secret stood.
pub const MASK: &str = "[removed]";

/// The longest text that is kept of one value, in characters.
const MAX_CHARACTERS: usize = 100;

/// Words in a field's or header's name that say its value is secret.
const SECRET_NAMES: [&str; 9] =
    ["authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "api-key", "apikey"];

/// Each argument cut to 100 characters, with `secrets` and the values of secret-sounding names removed.
pub fn preview(arguments: &Arguments, secrets: &[String]) -> Value {
    let fields = arguments.iter().map(|(name, json)| (name.to_owned(), shown(name, json, secrets)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn shown(name: &str, json: &str, secrets: &[String]) -> Value {
    if sounds_secret(name) {
        return MASK.into();
    }
    // A long value is cut before it is parsed: a 20 MB content costs no more than a short one.
    if json.len() > 16 * 1024 {
        // Longer than what is kept, so that a secret at the cut is still recognised.
        let head: String = json.trim_start_matches('"').chars().take(10 * MAX_CHARACTERS).collect();
        return shorten(&clean(&head, secrets)).into();
    }
    match serde_json::from_str(json) {
        Ok(value) => cut(value, secrets, name == "env"),
        Err(_) => Value::Null,
    }
}

fn cut(value: Value, secrets: &[String], all_secret: bool) -> Value {
    match value {
        Value::String(_) if all_secret => MASK.into(),
        Value::String(text) => shorten(&clean(&text, secrets)).into(),
        Value::Object(object) => {
            let masked = object.into_iter().map(|(name, value)| {
                let value = if sounds_secret(&name) { MASK.into() } else { cut(value, secrets, all_secret) };
                (name, value)
            });
            Value::Object(masked.take(MAX_CHARACTERS).collect())
        }
        Value::Array(list) => list.into_iter().take(10).map(|value| cut(value, secrets, all_secret)).collect(),
        other => other,
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

fn clean(text: &str, secrets: &[String]) -> String {
    let masked = secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK));
    without_credentials(&masked)
}

/// `scheme://user:password@host` without the part before the `@`.
fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((credentials, _)) => format!("{scheme}://{MASK}{}", &rest[credentials.len()..]),
        None => text.to_owned(),
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "auth" || SECRET_NAMES.iter().any(|word| name.contains(word))
}
