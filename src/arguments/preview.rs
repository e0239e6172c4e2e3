//! Calls as the history shows them: short, and without secrets.

use super::{
    Arguments,
    secrets::{MASK, clean, sounds_secret},
};
use serde_json::{Map, Value};

/// The longest text that is kept of one argument, in characters.
const ARGUMENT_MAX: usize = 100;

/// The longest text that is kept of what a capability says of its call itself, in characters.
const DETAIL_MAX: usize = 1000;

/// How many times longer a text is looked at than it is kept, so that a secret at the cut is still recognised.
const LOOKED_AT: usize = 10;

/// Arguments that are kept, and parts of one.
const FIELDS_MAX: usize = 100;
const ITEMS_MAX: usize = 10;

/// A longer argument is cut before it is parsed, in bytes: a 20 MB content costs no more than a short one.
const PARSED_MAX: usize = 16 << 10;

/// Each argument cut to 100 characters, without secrets: `secrets`, what has a secret-sounding name, what looks like one.
pub fn preview(arguments: &Arguments, secrets: &[String]) -> Value {
    let fields =
        arguments.iter().take(FIELDS_MAX).map(|(name, json)| (clean(name, secrets), shown(name, json, secrets)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// What a capability says of its call itself, without the same secrets; texts are cut to 1,000 characters.
pub fn details(said: Value, secrets: &[String]) -> Value {
    let rule = Rule { secrets, text: DETAIL_MAX, items: usize::MAX, fields: usize::MAX, all_secret: false };
    rule.apply(said)
}

fn shown(name: &str, json: &str, secrets: &[String]) -> Value {
    let all_secret = name == "env";
    if sounds_secret(name) || (all_secret && json.len() > PARSED_MAX) {
        return MASK.into();
    }
    let rule = Rule { secrets, text: ARGUMENT_MAX, items: ITEMS_MAX, fields: FIELDS_MAX, all_secret };
    if json.len() > PARSED_MAX {
        return rule.text(json.trim_start_matches('"'));
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
            Value::Object(object) => {
                let fields = object.into_iter().take(self.fields).map(|(name, value)| {
                    let value = if sounds_secret(&name) { MASK.into() } else { self.apply(value) };
                    (clean(&name, self.secrets), value)
                });
                Value::Object(fields.collect())
            }
            Value::Array(list) => list.into_iter().take(self.items).map(|value| self.apply(value)).collect(),
            other => other,
        }
    }

    fn text(&self, text: &str) -> Value {
        let cleaned = clean(beginning(text, self.text * LOOKED_AT), self.secrets);
        beginning(&cleaned, self.text).into()
    }
}

/// At most so many characters of a text.
fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}
