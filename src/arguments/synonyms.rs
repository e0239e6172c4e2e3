//! The other names by which clients call fields, and which field a name that nobody knows may mean.

use super::{
    lenient::LenientDeserializer,
    shape::{MAX_NAME, Shape, squeezed},
};
use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

/// The list: what stands in a line is explained in it.
const LIST: &str = include_str!("synonyms.txt");

/// Lists of which clients send the one element's fields beside the others.
const FLAT: [&str; 1] = ["edits"];

/// What a name of the list says of one field.
struct Synonym {
    field: &'static str,
    /// The switch that the name is, and the value that the field has when it is on or off.
    switch: Option<Switch>,
    /// Whether it counts; else it is only named.
    counts: bool,
    /// What to say instead of the field's name.
    advice: Option<&'static str>,
}

struct Switch {
    when: bool,
    value: &'static str,
}

/// By name, written together in small letters, in the order of the list.
static SYNONYMS: LazyLock<HashMap<String, Vec<Synonym>>> = LazyLock::new(|| {
    let mut all: HashMap<String, Vec<Synonym>> = HashMap::new();
    let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in lines {
        let (field, names) = line.split_once(": ").expect("a line of the list has a colon");
        let (field, advice) = field.split_once(" \"").map_or((field, None), |(field, advice)| (field, Some(advice)));
        let advice = advice.map(|advice| advice.trim_end_matches('"'));
        let (field, counts) = field.strip_suffix('?').map_or((field, true), |field| (field, false));
        let (field, value) = field.split_once('=').map_or((field, None), |(field, value)| (field, Some(value)));
        for name in names.split_whitespace() {
            let (name, when) = name.split_once('=').map_or((name, None), |(name, when)| (name, Some(when == "true")));
            let switch = value.zip(when).map(|(value, when)| Switch { when, value });
            all.entry(squeezed(name).into_owned()).or_default().push(Synonym { field, switch, counts, advice });
        }
    }
    all
});

/// A field, and the JSON of the value that it is given.
pub(super) struct Meaning<'a> {
    /// Its name.
    pub field: &'a str,
    /// Its value.
    pub value: Cow<'a, str>,
}

/// What a field that the shape does not have stands for, if its value is one that the field meant takes.
pub(super) fn meaning<'a>(name: &str, json: &'a str, shape: &'a Shape) -> Option<Meaning<'a>> {
    if let Some(field) = same_name(name, shape) {
        return takes(shape, field, json).then_some(Meaning { field, value: json.into() });
    }
    let mut known = listed(name).iter().filter(|synonym| synonym.counts);
    known.find_map(|synonym| {
        let (field, _) = shape.fields.get_key_value(synonym.field)?;
        let value: Cow<'a, str> = match &synonym.switch {
            Some(switch) if LenientDeserializer::value(json).boolean().ok()? == switch.when => switch.value.into(),
            Some(_) => return None,
            None => json.into(),
        };
        takes(shape, field, &value).then_some(Meaning { field, value })
    })
}

/// What a field that goes by this name says of `field`; nothing where it is no name of it, or says nothing of it.
pub(super) fn said_of<'a>(field: &str, name: &str, json: &'a str) -> Option<Cow<'a, str>> {
    if squeezed(name) == squeezed(field) {
        return Some(json.into());
    }
    let mut known = listed(name).iter().filter(|synonym| synonym.counts && synonym.field == field);
    known.find_map(|synonym| match &synonym.switch {
        None => Some(json.into()),
        Some(switch) => {
            let is_on = LenientDeserializer::value(json).boolean().ok()?;
            (is_on == switch.when).then(|| switch.value.into())
        }
    })
}

/// The field that this is a name of, by itself or by the list, whatever its value.
pub(super) fn field<'a>(name: &str, shape: &'a Shape) -> Option<&'a str> {
    let listed = || listed(name).iter().find_map(|synonym| shape.fields.get_key_value(synonym.field));
    same_name(name, shape).or_else(|| Some(listed()?.0))
}

/// Whether a field may be meant by a name, more than to be told what to send instead.
pub(super) fn is_known(name: &str, shape: &Shape) -> bool {
    let mut listed = listed(name).iter().filter(|synonym| synonym.advice.is_none());
    same_name(name, shape).is_some() || listed.any(|synonym| shape.fields.contains_key(synonym.field))
}

/// The same, or what the list advises instead, or the field whose name is the nearest.
pub(super) fn nearest<'a>(name: &str, shape: &'a Shape) -> Option<&'a str> {
    if let Some(field) = field(name, shape) {
        let mut listed = listed(name).iter().filter(|synonym| shape.fields.contains_key(synonym.field));
        let first = listed.find(|synonym| synonym.switch.is_none() || !synonym.counts);
        return Some(
            first.filter(|synonym| synonym.field == field).and_then(|synonym| synonym.advice).unwrap_or(field),
        );
    }
    let sent = squeezed(name);
    if sent.len() > MAX_NAME {
        return None;
    }
    let distances = shape.fields.keys().map(|field| (strsim::osa_distance(&sent, &squeezed(field)), field));
    let (off, field) = distances.min_by_key(|(off, _)| *off)?;
    (off <= field.len().min(sent.len()) / 3).then_some(field.as_str())
}

/// Which names may be those of a shape's fields, told at a glance: of half a million, few are looked up.
pub(super) struct Names {
    /// For each first letter, a bit for each length; longer ones share the last.
    lengths: [u64; 256],
}

impl Names {
    /// The names of a shape's fields, by themselves or by the list.
    pub(crate) fn of(shape: &Shape) -> Self {
        let is_theirs = |all: &[Synonym]| all.iter().any(|synonym| shape.fields.contains_key(synonym.field));
        let listed = SYNONYMS.iter().filter(|(_, all)| is_theirs(all)).map(|(name, _)| name);
        let mut lengths = [0; 256];
        for name in shape.spellings.keys().chain(listed).filter(|name| !name.is_empty()) {
            lengths[usize::from(name.as_bytes()[0])] |= Self::bit(name.len());
        }
        Self { lengths }
    }

    /// False only for a name that is none of them.
    pub(crate) fn may_hold(&self, name: &str) -> bool {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let first = name.bytes().next().map_or(0, usize::from);
        !is_plain || self.lengths[first] & Self::bit(name.len()) != 0
    }

    fn bit(length: usize) -> u64 {
        1 << length.min(63)
    }
}

/// The list of objects with one of these fields, where the names are those of one such object, sent without the list.
pub(super) fn list_of<'a>(name: &str, shape: &'a Shape) -> Option<(&'a str, &'a Shape)> {
    if field(name, shape).is_some_and(|field| !shape.fields[field].wants_structure()) {
        return None;
    }
    let lists = shape.fields.iter().filter(|(field, _)| FLAT.contains(&field.as_str()));
    let mut items = lists.filter_map(|(field, list)| Some((field.as_str(), list.items.as_deref()?)));
    items.find(|(_, item)| self::field(name, item).is_some())
}

fn takes(shape: &Shape, field: &str, json: &str) -> bool {
    let shape = &shape.fields[field];
    shape.takes(json) || (shape.wants_structure() && json.starts_with('"'))
}

/// The same name in another spelling: `filePath`, `file-path`.
fn same_name<'a>(name: &str, shape: &'a Shape) -> Option<&'a str> {
    let (field, _) = shape.fields.get_index(*shape.spellings.get(&*squeezed(name))?)?;
    Some(field)
}

fn listed(name: &str) -> &'static [Synonym] {
    SYNONYMS.get(&*squeezed(name)).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::{LIST, SYNONYMS, squeezed};

    #[test]
    fn no_name_of_the_list_says_two_things_of_one_field_and_none_could_confirm_or_force_anything() {
        for (name, synonyms) in SYNONYMS.iter() {
            for (place, synonym) in synonyms.iter().enumerate() {
                let same = |other: &super::Synonym| {
                    let when = |synonym: &super::Synonym| synonym.switch.as_ref().map(|switch| switch.when);
                    other.field == synonym.field && when(other) == when(synonym)
                };
                assert!(!synonyms[place + 1..].iter().any(same), "{name} stands twice for {}", synonym.field);
                assert!(!["confirm", "force"].contains(&synonym.field), "{name} must be said in its own words");
            }
        }
        assert!(LIST.lines().all(str::is_ascii));
        assert_eq!((squeezed("filePath"), squeezed("File-Path")), ("filepath".into(), "filepath".into()));
    }
}
