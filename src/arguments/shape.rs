//! What a capability's schema says of its arguments: their names, types and bounds. The schema states them once; they
//! are published with it, and `bounds.rs` and `resolve.rs` read them here.

use super::lenient::LenientDeserializer;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde_json::{Value, value::RawValue};
use std::{
    any::TypeId,
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

/// No name of ours or of a synonym is longer, in bytes.
pub(super) const MAX_NAME: usize = 64;

/// What a value may be, and what is in it.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The fields of an object, in their order; none for one whose names are the caller's own.
    pub fields: IndexMap<String, Shape>,
    /// The place of each by its name written together.
    pub spellings: HashMap<String, usize>,
    /// Those of them that must be there.
    pub required: Vec<String>,
    /// The elements of a list.
    pub items: Option<Box<Shape>>,
    /// The types that it may have; none when it may be anything.
    kinds: Vec<Kind>,
    /// The texts that it may be; none when it may be any.
    choices: Vec<String>,
    pub number: Limits<f64>,
    pub length: Limits<usize>,
    pub count: Limits<usize>,
    /// Whether it, or something in it, must be there or keep within bounds.
    pub demands: bool,
    /// Whether a request for it can be put right: it has fields with names, or lists or objects somewhere.
    pub is_structured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    List,
    Object,
}

/// The least and the most that something may be.
#[derive(Debug, Default)]
pub(super) struct Limits<T> {
    pub min: Option<T>,
    pub max: Option<T>,
}

impl<T> Limits<T> {
    pub(crate) fn is_any(&self) -> bool {
        self.min.is_some() || self.max.is_some()
    }
}

static KNOWN: LazyLock<Mutex<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(Mutex::default);

impl Shape {
    /// The shape of `T`, read from its schema the first time.
    pub(crate) fn of<T: JsonSchema + 'static>() -> Arc<Self> {
        let mut known = KNOWN.lock().expect("no one panics while holding it");
        let entry = known.entry(TypeId::of::<T>()).or_insert_with(|| {
            let schema = Value::from(schemars::schema_for!(T));
            Arc::new(Self::read(&schema, &schema, 0))
        });
        Arc::clone(entry)
    }

    fn read(node: &Value, root: &Value, depth: usize) -> Self {
        // Deeper than any argument nests: a schema that refers to itself ends here.
        if depth > 8 {
            return Self::default();
        }
        if let Some(target) = node["$ref"].as_str().and_then(|target| root.pointer(target.trim_start_matches('#'))) {
            return Self::read(target, root, depth + 1);
        }
        let branches = node["anyOf"].as_array().or_else(|| node["oneOf"].as_array());
        if let Some(branches) = branches {
            let there = branches.iter().filter(|branch| branch["type"] != "null");
            return Self::one_of(there.map(|branch| Self::read(branch, root, depth + 1)).collect());
        }
        let properties = node["properties"].as_object().into_iter().flatten();
        let items = node.get("items").map(|items| Box::new(Self::read(items, root, depth + 1)));
        let fields: IndexMap<String, Self> =
            properties.map(|(name, node)| (name.clone(), Self::read(node, root, depth + 1))).collect();
        let mut shape = Self {
            spellings: fields.keys().enumerate().map(|(place, name)| (squeezed(name).into_owned(), place)).collect(),
            fields,
            required: strings(&node["required"]),
            items,
            kinds: kinds(&node["type"]),
            choices: node["const"].as_str().map_or_else(|| strings(&node["enum"]), |only| vec![only.to_owned()]),
            number: Limits { min: node["minimum"].as_f64(), max: node["maximum"].as_f64() },
            length: limits(node, "minLength", "maxLength"),
            count: limits(node, "minItems", "maxItems"),
            demands: false,
            is_structured: false,
        };
        let within = || shape.fields.values().chain(shape.items.as_deref());
        let demands = !shape.required.is_empty() || within().any(|part| part.demands);
        let is_bounded = shape.number.is_any() || shape.length.is_any() || shape.count.is_any();
        let is_structured = shape.wants_structure() || !shape.fields.is_empty();
        (shape.demands, shape.is_structured) = (demands || is_bounded, is_structured);
        shape
    }

    /// What may be one of several: the first says what is in it, all together which types it may have.
    fn one_of(mut branches: Vec<Self>) -> Self {
        let kinds = branches.iter().flat_map(|branch| branch.kinds.iter().copied()).collect();
        let choices = match branches.iter().all(|branch| !branch.choices.is_empty()) {
            true => branches.iter().flat_map(|branch| branch.choices.iter().cloned()).collect(),
            false => vec![],
        };
        if branches.is_empty() {
            return Self::default();
        }
        let mut shape = Self { kinds, choices, ..branches.swap_remove(0) };
        shape.is_structured = shape.wants_structure() || !shape.fields.is_empty();
        shape
    }

    /// Whether a list or an object is wanted, and a text is neither of what else may be there.
    pub(crate) fn wants_structure(&self) -> bool {
        let structured = |kind: &Kind| matches!(kind, Kind::List | Kind::Object);
        self.kinds.iter().any(structured) && !self.kinds.contains(&Kind::Text)
    }

    /// Whether two values mean the same: `5`, `5.0` and `"5"` for a number.
    pub(crate) fn is_same(&self, one: &str, other: &str) -> bool {
        let is = |kind: Kind| self.kinds.contains(&kind) && !self.kinds.contains(&Kind::Text);
        let read = |json: &str| -> Option<Value> {
            let structure = if self.wants_structure() { structure_in(json) } else { None };
            let value = LenientDeserializer::value(json);
            match () {
                () if is(Kind::Boolean) => Some(value.boolean().ok()?.into()),
                () if is(Kind::Integer) || is(Kind::Number) => Some(value.float().ok()?.into()),
                () => serde_json::from_str(structure.as_deref().unwrap_or(json)).ok(),
            }
        };
        one == other || read(one).is_some_and(|one| Some(one) == read(other))
    }

    /// Whether a value of this JSON would be taken, as far as its type and bounds go.
    pub(crate) fn takes(&self, json: &str) -> bool {
        let fits = |kind: &Kind| match kind {
            Kind::Text => json.starts_with('"'),
            Kind::Integer => LenientDeserializer::value(json).integer().is_ok(),
            Kind::Number => LenientDeserializer::value(json).float().is_ok(),
            Kind::Boolean => LenientDeserializer::value(json).boolean().is_ok(),
            Kind::List => json.starts_with('['),
            Kind::Object => json.starts_with('{'),
        };
        let is_choice = || serde_json::from_str::<String>(json).is_ok_and(|text| self.choices.contains(&text));
        (self.kinds.is_empty() || self.kinds.iter().any(fits))
            && (self.choices.is_empty() || is_choice())
            && self.exceeded(json).is_none()
    }
}

fn kinds(node: &Value) -> Vec<Kind> {
    let named = |name: &str| match name {
        "string" => Some(Kind::Text),
        "integer" => Some(Kind::Integer),
        "number" => Some(Kind::Number),
        "boolean" => Some(Kind::Boolean),
        "array" => Some(Kind::List),
        "object" => Some(Kind::Object),
        _ => None,
    };
    match node {
        Value::String(name) => named(name).into_iter().collect(),
        several => strings(several).iter().filter_map(|name| named(name)).collect(),
    }
}

fn strings(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn limits(node: &Value, min: &str, max: &str) -> Limits<usize> {
    let size = |key: &str| node[key].as_u64().and_then(|size| usize::try_from(size).ok());
    Limits { min: size(min), max: size(max) }
}

/// The list or object that a text holds as JSON.
pub(super) fn structure_in(json: &str) -> Option<String> {
    let inside = json.strip_prefix('"')?.trim_start_matches(|c: char| c.is_ascii_whitespace());
    // What begins otherwise is not decoded only to see that; an escape may stand for white space.
    if !inside.starts_with(['[', '{', '\\']) {
        return None;
    }
    let text: String = serde_json::from_str(json).ok()?;
    let text = text.trim();
    let is_structure = text.starts_with(['[', '{']) && serde_json::from_str::<&RawValue>(text).is_ok();
    is_structure.then(|| text.to_owned())
}

/// The words of a name written together in small letters.
pub(super) fn squeezed(name: &str) -> Cow<'_, str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if is_plain || name.len() > MAX_NAME {
        return name.into();
    }
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect::<String>().into()
}
