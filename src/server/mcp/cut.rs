//! Answers sized for a model's context: what is too long is cut, and the rest kept for a while for who asks on.

use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long the rest of a cut answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// How much is kept of all cut answers together, in bytes of JSON; the oldest go first.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// A text or list at most this long, in bytes of JSON, is never cut: it names things.
const SMALL: usize = 256;

/// What remains of a text that would be cut to nothing, in bytes of JSON: enough to see what it is.
const LEAST: usize = 64;

/// The rests of cut answers.
#[derive(Default)]
pub struct Rests {
    kept: Mutex<VecDeque<Rest>>,
}

struct Rest {
    cursor: String,
    /// Which tool and caller it is for: a cursor opens nothing for anyone else.
    owner: String,
    answer: Value,
    size: usize,
    until: Instant,
}

impl Rests {
    /// Keeps what remains of an answer and returns the cursor that asks for it.
    pub fn keep(&self, owner: String, answer: Value) -> Result<String> {
        let mut bits = [0; 12];
        getrandom::fill(&mut bits).map_err(Error::internal)?;
        let cursor: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let size = size(&answer);
        let rest = Rest { cursor: cursor.clone(), owner, answer, size, until: Instant::now() + KEPT_FOR };
        let mut kept = self.kept.lock().expect("no one panics while holding it");
        kept.push_back(rest);
        while kept.len() > 1 && kept.iter().map(|rest| rest.size).sum::<usize>() > KEPT_BYTES {
            kept.pop_front();
        }
        Ok(cursor)
    }

    /// The rest that a cursor stands for. It can be asked for again: a client may have missed the reply.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not kept (any more) or was given to someone else.
    pub fn find(&self, owner: &str, cursor: &str) -> Result<Value> {
        let mut kept = self.kept.lock().expect("no one panics while holding it");
        let now = Instant::now();
        kept.retain(|rest| rest.until > now);
        let rest = kept.iter().find(|rest| rest.cursor == cursor && rest.owner == owner);
        rest.map(|rest| rest.answer.clone()).ok_or_else(|| {
            Error::NotFound("This result_cursor is not known (any more): call again without it".to_owned())
        })
    }
}

/// Cuts `answer` so that its JSON has at most about `budget` bytes. What was cut off comes back beside it, in the
/// same shape: its small fields are repeated, so that each part says what it belongs to.
pub fn split(answer: Value, budget: usize) -> (Value, Option<Value>) {
    if size(&answer) <= budget {
        return (answer, None);
    }
    match answer {
        Value::String(text) => split_text(text, budget),
        Value::Array(items) => split_list(items, budget),
        Value::Object(fields) => split_object(fields, budget),
        other => (other, None),
    }
}

/// Between characters, as late as the escaped text fits.
fn split_text(text: String, budget: usize) -> (Value, Option<Value>) {
    let budget = budget.max(LEAST);
    let mut used = 2;
    let end = text.char_indices().find_map(|(place, character)| {
        used += escaped_size(character);
        (used > budget).then_some(place)
    });
    match end {
        Some(end) => (text[..end].into(), Some(text[end..].into())),
        None => (text.into(), None),
    }
}

/// Whole items first; the first that does not fit is itself split where that leaves something worth reading.
fn split_list(items: Vec<Value>, budget: usize) -> (Value, Option<Value>) {
    let (mut head, mut rest, mut used) = (Vec::new(), Vec::new(), 2);
    for item in items {
        let length = size(&item) + 1;
        if !rest.is_empty() {
            rest.push(item);
        } else if used + length <= budget {
            used += length;
            head.push(item);
        } else if head.is_empty() || budget - used > 4 * SMALL {
            let (first, more) = split(item, budget.saturating_sub(used));
            head.push(first);
            rest.extend(more);
            used = budget;
        } else {
            rest.push(item);
        }
    }
    let rest = (!rest.is_empty()).then_some(Value::Array(rest));
    (Value::Array(head), rest)
}

/// Small fields are in both parts; the large ones share what is left, each at least its even share.
fn split_object(fields: Map<String, Value>, budget: usize) -> (Value, Option<Value>) {
    let sizes: Vec<usize> = fields.values().map(size).collect();
    let names: usize = fields.keys().map(|name| name.len() + 4).sum();
    let small: usize = sizes.iter().filter(|size| **size <= SMALL).sum();
    if names + small > budget {
        return split_map(fields, budget);
    }
    let large: Vec<usize> = sizes.iter().copied().filter(|size| *size > SMALL).collect();
    let share = fair_share(large, budget.saturating_sub(names + small));
    let (mut head, mut rest, mut cut) = (Map::new(), Map::new(), false);
    for ((name, value), size) in fields.into_iter().zip(sizes) {
        if size <= SMALL {
            rest.insert(name.clone(), value.clone());
            head.insert(name, value);
            continue;
        }
        let empty = emptied(&value);
        let (first, more) = split(value, share);
        cut |= more.is_some();
        rest.insert(name.clone(), more.unwrap_or(empty));
        head.insert(name, first);
    }
    (Value::Object(head), cut.then_some(Value::Object(rest)))
}

/// An object with so many small fields that they alone are too long: it is a table, and goes on by its names.
fn split_map(fields: Map<String, Value>, budget: usize) -> (Value, Option<Value>) {
    let (mut head, mut rest, mut used) = (Map::new(), Map::new(), 2);
    for (name, value) in fields {
        used += name.len() + 4 + size(&value);
        if used <= budget || head.is_empty() {
            head.insert(name, value);
        } else {
            rest.insert(name, value);
        }
    }
    let rest = (!rest.is_empty()).then_some(Value::Object(rest));
    (Value::Object(head), rest)
}

/// The largest share such that parts of these sizes, none given more than it needs, fit into `budget` together.
fn fair_share(mut sizes: Vec<usize>, budget: usize) -> usize {
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
        other => other.clone(),
    }
}

/// The length of a value's JSON, in bytes, without writing it.
pub fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => 2 + text.chars().map(escaped_size).sum::<usize>(),
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>(),
    }
}

fn escaped_size(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\x1f' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads an answer part by part and puts the texts together again.
    fn parts(answer: &Value, budget: usize) -> Vec<Value> {
        let (mut all, mut next) = (Vec::new(), Some(answer.clone()));
        while let Some(answer) = next {
            let (head, rest) = split(answer, budget);
            assert!(size(&head) <= budget + 2 * SMALL, "{} bytes", size(&head));
            assert!(all.len() < 10_000, "it ends");
            all.push(head);
            next = rest;
        }
        all
    }

    #[test]
    fn a_short_answer_is_left_as_it_is() {
        let answer = json!({"content": "abc", "size": 3});
        assert_eq!(split(answer.clone(), 1000), (answer, None));
    }

    #[test]
    fn a_long_text_comes_in_parts_that_make_the_whole() {
        let text: String = (0..9000).map(|number| format!("é\"{number}\n")).collect();
        let all = parts(&json!({"path": "/x", "content": text}), 5000);
        assert!(all.iter().all(|part| part["path"] == "/x"));
        let whole: String = all.iter().map(|part| part["content"].as_str().unwrap()).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn a_short_text_beside_a_long_one_is_whole_in_the_first_part() {
        let answer = json!({"stdout": "x".repeat(90_000), "stderr": "y".repeat(2000)});
        let (head, rest) = split(answer, 10_000);
        assert_eq!(head["stderr"].as_str().unwrap().len(), 2000);
        assert_eq!(rest.unwrap()["stderr"], "");
    }

    #[test]
    fn a_list_goes_on_item_by_item_even_when_one_item_is_too_long() {
        let items: Vec<Value> =
            (0..300).map(|number| json!({"name": format!("file {number}"), "size": number})).collect();
        let all = parts(&json!({"items": items}), 2000);
        let whole: Vec<Value> = all.iter().flat_map(|part| part["items"].as_array().unwrap().clone()).collect();
        assert_eq!(whole, items);
        let mixed = json!({"files": [{"path": "a", "content": "a".repeat(9000)}, {"path": "b", "content": "b"}]});
        let all = parts(&mixed, 2000);
        let text: String = all
            .iter()
            .flat_map(|part| part["files"].as_array().unwrap())
            .map(|file| file["content"].as_str().unwrap())
            .collect();
        assert_eq!(text.len(), 9001);
    }

    #[test]
    fn a_table_of_many_names_goes_on_by_its_names() {
        let table: Map<String, Value> = (0..2000).map(|number| (format!("name{number}"), json!(number))).collect();
        let all = parts(&json!({"table": table}), 3000);
        let names: usize = all.iter().map(|part| part["table"].as_object().unwrap().len()).sum();
        assert_eq!(names, 2000);
    }

    #[test]
    fn sizes_are_those_of_the_written_json() {
        let value = json!({"a": ["x\n\u{1}é\"", 1.5, null, true], "b": {}});
        let difference = size(&value).abs_diff(value.to_string().len());
        assert!(difference <= 8, "{difference}");
    }

    #[test]
    fn a_cursor_opens_nothing_for_anyone_else() {
        let rests = Rests::default();
        let cursor = rests.keep("owner/filesystem_read".into(), json!("rest")).unwrap();
        assert_eq!(rests.find("owner/filesystem_read", &cursor).unwrap(), json!("rest"));
        assert!(rests.find("other/filesystem_read", &cursor).is_err());
        assert!(rests.find("owner/filesystem_read", "made-up").is_err());
    }
}
