//! Calls as the history shows them: short, and without secrets.

use super::{
    Arguments,
    secrets::{MASK, clean, clean_beginning, clean_list, sounds_secret},
    shape::Shape,
    synonyms,
};
use schemars::JsonSchema;
use serde_json::{Map, Value, value::RawValue};
use std::borrow::Cow;

/// The longest text that is kept of one argument, in characters.
const ARGUMENT_MAX: usize = 100;

/// The longest text that is kept of what a capability says of its call itself, in characters.
const DETAIL_MAX: usize = 1000;

/// Arguments that are kept, and parts of one.
const FIELDS_MAX: usize = 100;
const ITEMS_MAX: usize = 10;

/// A longer argument is cut before it is parsed, in bytes: a 20 MB content costs no more than a short one.
const PARSED_MAX: usize = 16 << 10;

/// Each argument cut to 100 characters, without secrets: `secrets`, what has a secret-sounding name, what looks like one.
/// Of those that are not `kept`, and of those that `T` does not know by any name, only how long they are: what a route
/// makes nothing of may be anything. A field of another name is judged as the field of `T` that it may mean, too.
pub fn preview<T: JsonSchema + 'static>(arguments: &Arguments, kept: fn(&str) -> bool, secrets: &[String]) -> Value {
    let shape = Shape::of::<T>();
    let fields = arguments.iter().take(FIELDS_MAX).map(|(name, json)| {
        let meant = synonyms::nearest(name, &shape).unwrap_or(name);
        let is_kept = synonyms::field(name, &shape).is_some() && kept(name) && kept(meant);
        let value = if is_kept { shown(name, meant, json, secrets) } else { measured(json) };
        (clean_beginning(name, ARGUMENT_MAX, secrets), value)
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

/// What stands for a text of which only the length is kept: whatever it says, it may be a password.
pub fn not_kept(characters: usize) -> Value {
    format!("({characters} characters, not kept)").into()
}

fn measured(json: &str) -> Value {
    match serde_json::from_str::<&RawValue>(json).ok().filter(|raw| raw.get().starts_with('"')) {
        Some(_) if json.len() > PARSED_MAX => not_kept(json.len()),
        Some(_) => serde_json::from_str::<String>(json).map_or(Value::Null, |text| not_kept(text.chars().count())),
        None => not_kept(json.chars().count()),
    }
}

/// What a capability says of its call itself, without the same secrets; texts are cut to 1,000 characters.
pub fn details(said: Value, secrets: &[String]) -> Value {
    let rule = Rule { secrets, text: DETAIL_MAX, items: usize::MAX, fields: usize::MAX, all_secret: false };
    rule.apply(said)
}

fn shown(name: &str, meant: &str, json: &str, secrets: &[String]) -> Value {
    let all_secret = meant == "env";
    if sounds_secret(name) || (all_secret && json.len() > PARSED_MAX) {
        return MASK.into();
    }
    let rule = Rule { secrets, text: ARGUMENT_MAX, items: ITEMS_MAX, fields: FIELDS_MAX, all_secret };
    if json.len() > PARSED_MAX {
        return rule.text(&beginning(json));
    }
    serde_json::from_str(json).map_or(Value::Null, |value| rule.apply(value))
}

/// How much is kept of a value.
struct Rule<'call> {
    secrets: &'call [String],
    text: usize,
    items: usize,
    fields: usize,
    /// Every text is a secret.
    all_secret: bool,
}

impl Rule<'_> {
    fn apply(&self, value: Value) -> Value {
        match value {
            Value::String(_) if self.all_secret => MASK.into(),
            Value::String(text) => self.text(&text),
            Value::Object(object) => self.object(object),
            Value::Array(list) => {
                let words: Option<Vec<&str>> = list.iter().take(self.items).map(Value::as_str).collect();
                match words.filter(|_| !self.all_secret) {
                    Some(words) => clean_list(&words, self.text, self.secrets).into(),
                    None => list.into_iter().take(self.items).map(|value| self.apply(value)).collect(),
                }
            }
            other => other,
        }
    }

    fn object(&self, object: Map<String, Value>) -> Value {
        let names_secret = ["name", "key", "Name", "Key"]
            .iter()
            .any(|name| object.get(*name).and_then(Value::as_str).is_some_and(sounds_secret));
        let fields = object.into_iter().take(self.fields).map(|(name, value)| {
            let is_secret = sounds_secret(&name) || (names_secret && name.eq_ignore_ascii_case("value"));
            let is_flag = matches!(value, Value::Bool(_) | Value::Null);
            let value = if is_secret && !is_flag { MASK.into() } else { self.apply(value) };
            (clean(&name, self.secrets), value)
        });
        Value::Object(fields.collect())
    }

    fn text(&self, text: &str) -> Value {
        clean_beginning(text, self.text, self.secrets).into()
    }
}

/// The beginning of a long argument as it was meant: of a text, without its quotes and escapes.
fn beginning(json: &str) -> Cow<'_, str> {
    let seen = &json[..json.floor_char_boundary(PARSED_MAX)];
    let Some(text) = seen.strip_prefix('"') else { return seen.into() };
    // The cut may have fallen into an escape: the longest is a pair of surrogates.
    let cuts = (0..12).filter_map(|less| text.get(..text.len().checked_sub(less)?));
    let decoded = cuts.into_iter().find_map(|text| serde_json::from_str::<String>(&format!("\"{text}\"")).ok());
    decoded.map_or(text.into(), Cow::Owned)
}
