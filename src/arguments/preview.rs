//! Calls as the history shows them: short, and without secrets.

use super::{
    Arguments,
    secrets::{MASK, clean, clean_beginning, clean_list, is_harmless_header, sounds_secret},
    shape::Shape,
    synonyms,
};
use crate::excerpt::gap;
use schemars::JsonSchema;
use serde_json::{Map, Value, value::RawValue};
use std::borrow::Cow;

/// The longest text that is kept of one argument, in characters.
const ARGUMENT_MAX: usize = 100;

/// The longest text that is kept of what a capability says of its call itself, and of a command, in characters: two long
/// commands are told apart by their ends.
const DETAIL_MAX: usize = 1000;

/// The longest argument that a person is shown whole, in bytes.
const WHOLE_MAX: usize = 256 << 10;

/// How a person sees what is left out of a question.
pub(crate) const SEE_ALL: &str = "; `mcp-server question ID` shows all";

/// The argument that is a command.
const COMMAND: &str = "command";

/// Arguments that are kept, and parts of one.
const FIELDS_MAX: usize = 100;
const ITEMS_MAX: usize = 10;

/// A longer argument is cut before it is parsed, in bytes: a 20 MB content costs no more than a short one.
const PARSED_MAX: usize = 16 << 10;

/// Each argument cut to 100 characters (a command to 1,000), with a mark where more came, and without secrets: `secrets`,
/// what has a secret-sounding name, what looks like one.
/// Of those that are not `kept`, and of those that `T` does not know by any name, only how long they are: what a route
/// makes nothing of may be anything. A field of another name is judged as the field of `T` that it may mean, too.
pub fn preview<T: JsonSchema + 'static>(arguments: &Arguments, kept: fn(&str) -> bool, secrets: &[String]) -> Value {
    let shape = Shape::of::<T>();
    let fields = arguments.iter().take(FIELDS_MAX).map(|(name, json)| {
        let meant = synonyms::nearest(name, &shape).unwrap_or(name);
        let is_kept = synonyms::is_known(name, &shape) && kept(name) && kept(meant);
        let value = if is_kept { shown(name, meant, json, secrets) } else { measured(json) };
        (clean_beginning(name, ARGUMENT_MAX, secrets), value)
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

/// What a call asks for, for a person who has to know it exactly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    /// The arguments without secrets; of long ones the beginning.
    pub(crate) shown: Value,
    /// The same with all that is in them, as JSON.
    pub(crate) exact: String,
    /// Whether something was taken for a secret and is not shown.
    pub(crate) is_masked: bool,
    /// How many bytes of long arguments are not shown.
    pub(crate) left_out: u64,
}

/// Each argument of `T` whole, without the same secrets and with them. What `T` does not know counts for nothing, and could
/// be made to look like something that the bridge says.
pub(crate) fn whole<T: JsonSchema + 'static>(arguments: &Arguments, secrets: &[String]) -> Whole {
    let (shape, mut whole, mut fields, mut exact) = (Shape::of::<T>(), Whole::default(), Map::new(), Vec::new());
    for (name, json) in arguments.iter().filter(|(name, _)| synonyms::is_known(name, &shape)) {
        // Variables make another command of the same line.
        let holds = if Holds::of(name) == Holds::Headers { Holds::Headers } else { Holds::Anything };
        let rule = Rule { secrets, text: WHOLE_MAX, items: usize::MAX, fields: usize::MAX, holds };
        let value = match json.len() {
            _ if sounds_secret(name) => {
                whole.is_masked = true;
                MASK.into()
            }
            ..=WHOLE_MAX => {
                let sent = serde_json::from_str(json).unwrap_or(Value::Null);
                let shown = rule.apply(sent.clone());
                whole.is_masked |= shown != sent;
                shown
            }
            length => {
                let sent = beginning(json);
                let cleaned = clean_beginning(&sent, PARSED_MAX, secrets);
                whole.is_masked |= !sent.starts_with(&cleaned);
                let left_out = (length - PARSED_MAX) as u64;
                whole.left_out += left_out;
                format!("{cleaned}{}", gap(left_out, SEE_ALL)).into()
            }
        };
        fields.insert(clean_beginning(name, ARGUMENT_MAX, secrets), value);
        exact.push(format!("{}:{json}", Value::from(name)));
    }
    Whole { shown: Value::Object(fields), exact: format!("{{{}}}", exact.join(",")), ..whole }
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
    let rule = Rule { secrets, text: DETAIL_MAX, items: usize::MAX, fields: usize::MAX, holds: Holds::Anything };
    rule.apply(said)
}

fn shown(name: &str, meant: &str, json: &str, secrets: &[String]) -> Value {
    let holds = Holds::of(meant);
    if sounds_secret(name) || (holds != Holds::Anything && json.len() > PARSED_MAX) {
        return MASK.into();
    }
    let text = if meant == COMMAND { DETAIL_MAX } else { ARGUMENT_MAX };
    let rule = Rule { secrets, text, items: ITEMS_MAX, fields: FIELDS_MAX, holds };
    if json.len() > PARSED_MAX {
        return format!("{}…", clean_beginning(&beginning(json), text, secrets)).into();
    }
    serde_json::from_str(json).map_or(Value::Null, |value| rule.apply(value))
}

/// What a value holds by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// What is told by itself.
    Anything,
    /// Variables of the environment: every text may be a secret.
    Variables,
    /// Headers: every text may open something, unless the header is known as one that does not.
    Headers,
}

impl Holds {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "env" => Self::Variables,
            name if name.ends_with("headers") => Self::Headers,
            _ => Self::Anything,
        }
    }
}

/// How much is kept of a value.
#[derive(Clone, Copy)]
struct Rule<'call> {
    secrets: &'call [String],
    text: usize,
    items: usize,
    fields: usize,
    holds: Holds,
}

impl Rule<'_> {
    fn apply(&self, value: Value) -> Value {
        match (value, self.holds) {
            (Value::String(_), Holds::Variables) => MASK.into(),
            (Value::String(text), Holds::Headers) => self.header(&text),
            (Value::String(text), Holds::Anything) => self.text(&text),
            (Value::Object(object), _) => self.object(object),
            (Value::Array(list), _) => {
                let words: Option<Vec<&str>> = list.iter().take(self.items).map(Value::as_str).collect();
                match words.filter(|_| self.holds == Holds::Anything) {
                    Some(words) => clean_list(&words, self.text, self.secrets).into(),
                    None => list.into_iter().take(self.items).map(|value| self.apply(value)).collect(),
                }
            }
            (Value::Number(_), Holds::Headers) => MASK.into(),
            (other, _) => other,
        }
    }

    fn object(&self, object: Map<String, Value>) -> Value {
        let names_secret = ["name", "key", "Name", "Key"]
            .iter()
            .any(|name| object.get(*name).and_then(Value::as_str).is_some_and(sounds_secret));
        let fields = object.into_iter().take(self.fields).map(|(name, value)| {
            let is_secret = sounds_secret(&name) || (names_secret && name.eq_ignore_ascii_case("value"));
            let is_flag = matches!(value, Value::Bool(_) | Value::Null);
            let value = match is_secret && !is_flag {
                true => MASK.into(),
                false => self.within(&name).apply(value),
            };
            (clean(&name, self.secrets), value)
        });
        Value::Object(fields.collect())
    }

    /// The rule for what an object has under a name.
    fn within(&self, name: &str) -> Self {
        let holds = match self.holds {
            Holds::Headers if is_harmless_header(name) => Holds::Anything,
            Holds::Anything if Holds::of(name) == Holds::Headers => Holds::Headers,
            holds => holds,
        };
        Self { holds, ..*self }
    }

    /// A header in one text.
    fn header(&self, text: &str) -> Value {
        match text.split_once(':') {
            Some((name, rest)) if is_harmless_header(name) && !rest.contains('\n') => self.text(text),
            _ => MASK.into(),
        }
    }

    fn text(&self, text: &str) -> Value {
        let kept = clean_beginning(text, self.text, self.secrets);
        match text.chars().count().saturating_sub(self.text) {
            0 => kept.into(),
            left => format!("{kept}… ({left} more characters)").into(),
        }
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
