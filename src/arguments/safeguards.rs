//! The fields that ask for care. One of them may not be passed over as other unknown fields are: the call would do more
//! than was asked.

use super::{lenient::LenientDeserializer, synonyms};
use std::sync::LazyLock;

/// The list: what stands in a line is explained in it.
const LIST: &str = include_str!("safeguards.txt");

/// A line of the list.
struct Safeguard {
    field: &'static str,
    /// Only beside this field.
    beside: Option<&'static str>,
    /// What to do instead.
    advice: &'static str,
}

static SAFEGUARDS: LazyLock<Vec<Safeguard>> = LazyLock::new(|| {
    let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let safeguard = |line: &'static str| {
        let (field, advice) = line.split_once(": ").expect("a line of the list has a colon");
        let (field, beside) = field.split_once(" & ").map_or((field, None), |(field, beside)| (field, Some(beside)));
        Safeguard { field, beside, advice }
    };
    lines.map(safeguard).collect()
});

/// What to do instead of sending a field that asks for care and does not count. `has` says which fields do.
pub(super) fn advice(name: &str, json: &str, has: impl Fn(&str) -> bool) -> Option<String> {
    let mut safeguards = SAFEGUARDS.iter().filter(|safeguard| safeguard.beside.is_none_or(&has));
    let asked = safeguards.find(|one| synonyms::said_of(one.field, name, json).is_some_and(|value| asks(&value)))?;
    let beside = asked.beside.map(|beside| format!(" beside {beside}")).unwrap_or_default();
    Some(format!("{name}{beside}: {}", asked.advice))
}

/// Whether a value is neither no nor nothing.
fn asks(json: &str) -> bool {
    let is_nothing = matches!(json, "null" | "\"\"" | "[]" | "{}");
    !is_nothing && LenientDeserializer::value(json).boolean().unwrap_or(true)
}
