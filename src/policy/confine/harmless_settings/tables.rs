//! Files of settings in TOML: a new file is written of the values that may stay.

use super::allowed::Set;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// What may stay of a file; none where it cannot be read.
pub(crate) fn harmless(text: &str, set: &Set) -> Option<String> {
    let document: DocumentMut = text.parse().ok()?;
    Some(DocumentMut::from(kept(document.as_table(), set, &[])).to_string())
}

fn kept(table: &dyn TableLike, set: &Set, path: &[String]) -> Table {
    let mut new = Table::new();
    // A head without anything below it is not needed.
    new.set_implicit(true);
    for (key, item) in table.iter() {
        let path: Vec<String> = path.iter().cloned().chain([key.to_owned()]).collect();
        if let Some(below) = item.as_table_like() {
            let below = kept(below, set, &path);
            if !below.is_empty() {
                new.insert(key, Item::Table(below));
            }
        } else if let Some(value) = item.as_value().and_then(|value| plain(value, set, &path)) {
            new.insert(key, Item::Value(value));
        }
    }
    new
}

/// The value written anew, where it, or each one of a list, may stay.
fn plain(value: &Value, set: &Set, path: &[String]) -> Option<Value> {
    let (new, text) = match value {
        Value::String(text) => (Value::from(text.value().as_str()), text.value().clone()),
        Value::Integer(number) => (Value::from(*number.value()), number.value().to_string()),
        Value::Boolean(is) => (Value::from(*is.value()), is.value().to_string()),
        Value::Array(list) => {
            let is_flat = list.iter().all(|value| value.as_array().is_none());
            let list = list.iter().map(|value| plain(value, set, path)).collect::<Option<toml_edit::Array>>();
            return list.filter(|_| is_flat).map(Value::Array);
        }
        _ => return None,
    };
    set.allows(path, &text).then_some(new)
}
