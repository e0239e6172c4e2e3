//! Answers cut by their shape into parts that fit a model's context. A part costs what it holds, however much remains.

use crate::excerpt::gap;
use serde_json::{Map, Value};
use std::iter::Peekable;

/// A text or list at most this long, in bytes of JSON, is never cut: it names things.
const SMALL: usize = 256;

/// The room for saying how much is left out in the middle of a text, in bytes.
const GAP: usize = 80;

/// What remains of a text that would be cut to nothing, in bytes of JSON: enough to see what it is.
const LEAST: usize = 64;

/// The items of a list, or the fields of a table.
type Items = Peekable<Box<dyn Iterator<Item = (String, Value)> + Send>>;

/// What remains of an answer from which parts are taken. The small fields of an object are in each of its parts, so that
/// each says what it belongs to.
pub(crate) enum Remainder {
    /// Nothing was taken of it yet. Its fields of the names in `output` hold what a program wrote.
    Whole { value: Value, size: usize, output: &'static [&'static str] },
    /// What a program wrote, of which nothing was taken yet: its start and its end come first, and then what is between.
    Output { text: String, size: usize },
    /// What each part repeats.
    Fixed { value: Value, size: usize },
    /// A text from a place on.
    Text { text: String, start: usize, size: usize },
    /// Items that come one after the other. Objects with so many fields that their names alone are too long for one
    /// part are tables, which go on by their names.
    Sequence { items: Items, begun: Option<(String, Box<Remainder>)>, is_table: bool, size: usize },
    /// An object whose large fields share the parts.
    Record { fields: Vec<(String, Remainder)> },
}

impl Remainder {
    /// All of an answer.
    pub(crate) fn of(value: Value) -> Self {
        Self::of_answer(value, &[])
    }

    /// All of an answer whose fields `output` hold what a program wrote.
    pub(crate) fn of_answer(value: Value, output: &'static [&'static str]) -> Self {
        let size = size(&value);
        Self::Whole { value, size, output }
    }

    /// About how long its JSON is, in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Whole { size, .. } | Self::Fixed { size, .. } | Self::Text { size, .. } => *size,
            Self::Output { size, .. } | Self::Sequence { size, .. } => *size,
            Self::Record { fields } => {
                2 + fields.iter().map(|(name, field)| overhead(name) + field.size()).sum::<usize>()
            }
        }
    }

    /// Whether another part has anything new.
    pub(crate) fn has_more(&mut self) -> bool {
        match self {
            Self::Whole { .. } | Self::Output { .. } => true,
            Self::Fixed { .. } => false,
            Self::Text { text, start, .. } => *start < text.len(),
            Self::Sequence { items, begun, .. } => begun.is_some() || items.peek().is_some(),
            Self::Record { fields } => fields.iter_mut().any(|(_, field)| field.has_more()),
        }
    }

    /// The next part, whose JSON has at most about `budget` bytes.
    pub(crate) fn take(&mut self, budget: usize) -> Value {
        if let Self::Whole { value, size, output } = self {
            let value = std::mem::take(value);
            if *size <= budget {
                *self = Self::fixed(emptied(&value));
                return value;
            }
            *self = Self::opened(value, *size, output, budget);
        }
        match self {
            Self::Output { text, size } => {
                let (part, middle) = take_ends(std::mem::take(text), *size, budget);
                let size = text_size(&middle);
                *self = Self::Text { text: middle, start: 0, size };
                part.into()
            }
            Self::Text { text, start, size } => take_text(text, start, size, budget.max(LEAST)).into(),
            Self::Sequence { items, begun, is_table, size } => {
                let part = take_items(items, begun, *is_table, size, budget).into_iter();
                if *is_table { Value::Object(part.collect()) } else { part.map(|(_, item)| item).collect() }
            }
            Self::Record { fields } => take_fields(fields, budget),
            Self::Whole { value, .. } | Self::Fixed { value, .. } => value.clone(),
        }
    }

    fn fixed(value: Value) -> Self {
        let size = size(&value);
        Self::Fixed { value, size }
    }

    /// A value that does not fit into a part of this budget, ready to be taken piece by piece.
    fn opened(value: Value, size: usize, output: &[&str], budget: usize) -> Self {
        match value {
            Value::String(text) => Self::Text { text, start: 0, size },
            Value::Array(items) => {
                let items = items.into_iter().map(|item| (String::new(), item));
                Self::sequence(Box::new(items), false, size)
            }
            Value::Object(fields) => {
                let sizes: Vec<usize> = fields.values().map(self::size).collect();
                let names: usize = fields.keys().map(|name| overhead(name)).sum();
                let least: usize = sizes.iter().map(|size| if *size > SMALL { LEAST } else { *size }).sum();
                if names + least > budget {
                    return Self::sequence(Box::new(fields.into_iter()), true, size);
                }
                let open = |((name, value), size): ((String, Value), usize)| {
                    let field = match value {
                        value if size <= SMALL => Self::Fixed { value, size },
                        Value::String(text) if output.contains(&name.as_str()) => Self::Output { text, size },
                        value => Self::Whole { value, size, output: &[] },
                    };
                    (name, field)
                };
                Self::Record { fields: fields.into_iter().zip(sizes).map(open).collect() }
            }
            other => Self::fixed(other),
        }
    }

    fn sequence(items: Box<dyn Iterator<Item = (String, Value)> + Send>, is_table: bool, size: usize) -> Self {
        Self::Sequence { items: items.peekable(), begun: None, is_table, size }
    }
}

/// A text as long as it may be, and whether it was cut.
pub(crate) fn shortened(text: String, budget: usize) -> (String, bool) {
    let mut size = text_size(&text);
    if size <= budget {
        return (text, false);
    }
    (take_text(&text, &mut 0, &mut size, budget), true)
}

/// Between characters, as late as the escaped text fits.
fn take_text(text: &str, start: &mut usize, size: &mut usize, budget: usize) -> String {
    let from = *start;
    let mut used = 2;
    let end = text[from..].char_indices().find_map(|(place, character)| {
        let after = used + escaped_size(character);
        if after > budget {
            return Some(from + place);
        }
        used = after;
        None
    });
    *start = end.unwrap_or(text.len());
    *size -= used - 2;
    text[from..*start].to_owned()
}

/// The start and the end of a text, each of half of the budget, and what is between them.
fn take_ends(text: String, size: usize, budget: usize) -> (String, String) {
    if size <= budget {
        return (text, String::new());
    }
    let half = budget.saturating_sub(GAP).max(LEAST) / 2;
    let start = take_while_fits(text.chars(), half);
    let end = text.len() - take_while_fits(text[start..].chars().rev(), half);
    let gap = gap((end - start) as u64, ": result_cursor brings them");
    ([&text[..start], &gap, &text[end..]].concat(), text[start..end].to_owned())
}

/// How many bytes the first characters have whose JSON takes at most `budget` bytes.
fn take_while_fits(characters: impl Iterator<Item = char>, budget: usize) -> usize {
    let mut used = 0;
    let fits = |character: &char| {
        used += escaped_size(*character);
        used <= budget
    };
    characters.take_while(fits).map(char::len_utf8).sum()
}

/// Whole items first; the first that does not fit is itself cut where that leaves something worth reading.
fn take_items(
    items: &mut Items,
    begun: &mut Option<(String, Box<Remainder>)>,
    is_table: bool,
    size: &mut usize,
    budget: usize,
) -> Vec<(String, Value)> {
    let (mut part, mut used) = (Vec::new(), 2);
    let whole = |(name, value)| (name, Box::new(Remainder::of(value)));
    while let Some((name, mut item)) = begun.take().or_else(|| items.next().map(whole)) {
        let around = if is_table { overhead(&name) } else { 1 };
        let before = item.size() + around;
        let left = budget.saturating_sub(used);
        if before > left && !part.is_empty() && left <= 4 * SMALL {
            *begun = Some((name, item));
            break;
        }
        part.push((name.clone(), item.take(left.saturating_sub(around))));
        if item.has_more() {
            *size -= before - (item.size() + around).min(before);
            *begun = Some((name, item));
            break;
        }
        *size -= before;
        used += before;
    }
    part
}

/// Small fields are in every part; the large ones share what is left, each at least its even share.
fn take_fields(fields: &mut [(String, Remainder)], budget: usize) -> Value {
    let is_fixed = |field: &Remainder| matches!(field, Remainder::Fixed { .. });
    let names: usize = fields.iter().map(|(name, _)| overhead(name)).sum();
    let (fixed, large): (Vec<_>, Vec<_>) = fields.iter().map(|(_, field)| field).partition(|field| is_fixed(field));
    let fixed: usize = fixed.iter().map(|field| field.size()).sum();
    let large = large.iter().map(|field| field.size()).collect();
    let share = fair_share(large, budget.saturating_sub(names + fixed));
    let mut part = Map::new();
    for (name, field) in fields {
        let value = field.take(share);
        if !is_fixed(field) && !field.has_more() {
            *field = Remainder::fixed(emptied(&field.take(share)));
        }
        part.insert(name.clone(), value);
    }
    Value::Object(part)
}

/// The largest share such that parts of these sizes, none given more than it needs, fit into `budget` together.
pub(crate) fn fair_share(mut sizes: Vec<usize>, budget: usize) -> usize {
    sizes.sort_unstable();
    let (mut left, mut parts) = (budget, sizes.len());
    for size in sizes {
        let share = left / parts;
        if size > share {
            return share;
        }
        left -= size;
        parts -= 1;
    }
    usize::MAX
}

/// A value of the same type that says "nothing more": required fields stay there.
fn emptied(value: &Value) -> Value {
    match value {
        Value::String(_) => String::new().into(),
        Value::Array(_) => Value::Array(vec![]),
        Value::Object(fields) => {
            let kept = |value: &Value| if size(value) <= SMALL { value.clone() } else { emptied(value) };
            fields.iter().map(|(name, value)| (name.clone(), kept(value))).collect()
        }
        other => other.clone(),
    }
}

/// What a field's name costs, with its quotes, colon and comma.
fn overhead(name: &str) -> usize {
    name.len() + 4
}

/// The length of a value's JSON, in bytes, without writing it.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => text_size(text),
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(name, value)| overhead(name) + size(value)).sum::<usize>(),
    }
}

fn text_size(text: &str) -> usize {
    2 + text.chars().map(escaped_size).sum::<usize>()
}

fn escaped_size(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\x1f' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests;
