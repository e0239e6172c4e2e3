//! What a capability's schema demands beyond types: which fields must be there, and the bounds of numbers, texts and
//! lists. The schema states them once; they are published with it and enforced here.

use super::{
    MAX_PROBLEMS,
    lax::Fields,
    problem::{FIELD_REQUIRED, MAX_INPUT, Problem, Segment},
};
use schemars::JsonSchema;
use serde_json::{Value, value::RawValue};
use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

/// The demands of a type.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    order: Vec<String>,
    required: Vec<String>,
    fields: HashMap<String, Bounds>,
    items: Option<Box<Bounds>>,
    number: Limits<f64>,
    length: Limits<usize>,
    count: Limits<usize>,
}

#[derive(Debug, Default)]
struct Limits<T> {
    min: Option<T>,
    max: Option<T>,
}

impl<T> Limits<T> {
    fn is_any(&self) -> bool {
        self.min.is_some() || self.max.is_some()
    }
}

static KNOWN: LazyLock<Mutex<HashMap<TypeId, Arc<Bounds>>>> = LazyLock::new(Mutex::default);

impl Bounds {
    /// The demands of `T`, read from its schema the first time.
    pub fn of<T: JsonSchema + 'static>() -> Arc<Self> {
        let mut known = KNOWN.lock().expect("no one panics while holding it");
        let entry = known.entry(TypeId::of::<T>()).or_insert_with(|| {
            let schema = Value::from(schemars::schema_for!(T));
            Arc::new(Self::read(&schema, &schema, 0).unwrap_or_default())
        });
        Arc::clone(entry)
    }

    /// Reads a schema node; `None` where it demands nothing.
    fn read(node: &Value, root: &Value, depth: usize) -> Option<Self> {
        // Deeper than any argument nests: a schema that refers to itself ends here.
        if depth > 8 {
            return None;
        }
        if let Some(target) = node["$ref"].as_str() {
            return Self::read(root.pointer(target.trim_start_matches('#'))?, root, depth + 1);
        }
        if let Some(choices) = node["anyOf"].as_array() {
            // An optional value: what it demands when it is there.
            let there = choices.iter().find(|choice| choice["type"] != "null")?;
            return Self::read(there, root, depth + 1);
        }
        let names = |key: &str| strings(&node[key]);
        let properties = node["properties"].as_object();
        let bounds = Self {
            order: properties.map(|all| all.keys().cloned().collect()).unwrap_or_default(),
            required: names("required"),
            fields: properties
                .into_iter()
                .flatten()
                .filter_map(|(name, node)| Some((name.clone(), Self::read(node, root, depth + 1)?)))
                .collect(),
            items: Self::read(&node["items"], root, depth + 1).map(Box::new),
            number: Limits { min: node["minimum"].as_f64(), max: node["maximum"].as_f64() },
            length: limits(node, "minLength", "maxLength"),
            count: limits(node, "minItems", "maxItems"),
        };
        let demands = !bounds.required.is_empty()
            || !bounds.fields.is_empty()
            || bounds.items.is_some()
            || bounds.number.is_any()
            || bounds.length.is_any()
            || bounds.count.is_any();
        demands.then_some(bounds)
    }

    /// The names of the fields, in their order.
    pub fn names(&self) -> &[String] {
        &self.order
    }

    /// Adds what the fields lack or exceed, of each field as much as is ever said; what failed to decode is left alone.
    pub fn check(&self, fields: &Fields, problems: &mut Vec<Problem>) {
        self.check_missing(fields, &[], problems);
        for (name, bounds) in &self.fields {
            let Some(json) = fields.get(name.as_str()) else { continue };
            let mut found = Found { most: problems.len() + MAX_PROBLEMS, problems };
            bounds.check_value(json, &mut vec![Segment::Field(name.clone())], &mut found);
        }
    }

    fn check_missing(&self, fields: &Fields, path: &[Segment], problems: &mut Vec<Problem>) {
        let missing: Vec<&String> = self.required.iter().filter(|name| !fields.contains_key(name.as_str())).collect();
        if missing.is_empty() {
            return;
        }
        let input = object(fields);
        for name in missing {
            let mut place = path.to_owned();
            place.push(Segment::Field(name.clone()));
            problems.push(Problem::new("missing", place, FIELD_REQUIRED, input.as_deref()));
        }
    }

    fn check_object(&self, fields: &Fields, path: &mut Vec<Segment>, found: &mut Found) {
        self.check_missing(fields, path, found.problems);
        for (name, bounds) in &self.fields {
            let Some(json) = fields.get(name.as_str()) else { continue };
            path.push(Segment::Field(name.clone()));
            bounds.check_value(json, path, found);
            path.pop();
        }
    }

    fn check_value(&self, json: &str, path: &mut Vec<Segment>, found: &mut Found) {
        if json == "null" {
            return;
        }
        if let Some(known) = found.problems.iter_mut().find(|problem| problem.path() == path.as_slice()) {
            // A number that is less than its type can hold is less than the field's own bound, too.
            if let Some((kind, message)) = self.exceeded(json).filter(|(kind, _)| known.kind == *kind) {
                (known.kind, known.message) = (kind.to_owned(), message);
            }
            return;
        }
        if let Some((kind, message)) = self.exceeded(json) {
            found.problems.push(Problem::new(kind, path.clone(), message, Some(json)));
        }
        if json.starts_with('{')
            && let Ok(sent) = serde_json::from_str::<indexmap::IndexMap<&str, &RawValue>>(json)
        {
            let fields = sent.into_iter().map(|(name, raw)| (name, raw.get())).collect();
            self.check_object(&fields, path, found);
        }
        if let (Some(items), Ok(elements)) = (&self.items, serde_json::from_str::<Vec<&RawValue>>(json)) {
            for (place, raw) in elements.iter().enumerate() {
                if found.problems.len() >= found.most {
                    break;
                }
                path.push(Segment::Index(place));
                items.check_value(raw.get(), path, found);
                path.pop();
            }
        }
    }

    /// The type and the sentence of the first bound that a value exceeds.
    fn exceeded(&self, json: &str) -> Option<(&'static str, String)> {
        if self.number.is_any()
            && let Ok(number) = json.trim_matches('"').trim().parse::<f64>()
        {
            if let Some(min) = self.number.min.filter(|min| number < *min) {
                return Some(("greater_than_equal", format!("Input should be greater than or equal to {min}")));
            }
            if let Some(max) = self.number.max.filter(|max| number > *max) {
                return Some(("less_than_equal", format!("Input should be less than or equal to {max}")));
            }
        }
        if self.length.is_any()
            && let Ok(text) = serde_json::from_str::<String>(json)
        {
            let length = text.chars().count();
            if let Some(min) = self.length.min.filter(|min| length < *min) {
                return Some(("string_too_short", format!("String should have at least {min} characters")));
            }
            if let Some(max) = self.length.max.filter(|max| length > *max) {
                return Some(("string_too_long", format!("String should have at most {max} characters")));
            }
        }
        if self.count.is_any()
            && let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json)
        {
            let count = elements.len();
            if let Some(min) = self.count.min.filter(|min| count < *min) {
                return Some(("too_short", format!("List should have at least {min} items, not {count}")));
            }
            if let Some(max) = self.count.max.filter(|max| count > *max) {
                return Some(("too_long", format!("List should have at most {max} items, not {count}")));
            }
        }
        None
    }

    /// Puts problems into the order in which the capability lists its fields.
    pub fn sort(&self, problems: &mut [Problem]) {
        let rank = |problem: &Problem| match problem.path().first() {
            Some(Segment::Field(name)) => self.order.iter().position(|known| known == name),
            _ => None,
        };
        problems.sort_by_key(rank);
    }
}

/// The problems of all fields, and how many they may be with those of the one at hand.
struct Found<'a> {
    problems: &'a mut Vec<Problem>,
    most: usize,
}

fn strings(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn limits(node: &Value, min: &str, max: &str) -> Limits<usize> {
    let size = |key: &str| node[key].as_u64().and_then(|size| usize::try_from(size).ok());
    Limits { min: size(min), max: size(max) }
}

/// The object as JSON, unless it is longer than what is sent back.
fn object(fields: &Fields) -> Option<String> {
    let size: usize = fields.iter().map(|(name, json)| name.len() + json.len()).sum();
    if size > MAX_INPUT {
        return None;
    }
    let pairs = fields.iter().map(|(name, json)| format!("{}:{json}", Value::from(*name)));
    Some(format!("{{{}}}", pairs.collect::<Vec<_>>().join(",")))
}
