//! Puts a server into a client's file, or takes it out, and leaves every other byte of it alone: comments, order, commas.

use anyhow::{Context, Result, anyhow, bail, ensure};
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstObject, CstRootNode},
};
use serde_json::{Map, Value};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value as TomlValue};

/// The fields that say how a client reaches a server: those of another way go when a server is set.
const ADDRESSING: [&str; 6] = ["type", "url", "httpUrl", "serverUrl", "command", "args"];

/// What the clients that take comments take: nothing further of JSON5.
const JSON_WITH_COMMENTS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The text with the fields of `entry` set in `parent.name` of a JSON object, or with `parent.name` removed. Fields that
/// somebody added to it stay.
///
/// # Errors
/// When the text is no JSON object, or holds something else where the servers should be.
pub(crate) fn json(text: &str, parent: &str, name: &str, entry: Option<&Map<String, Value>>) -> Result<String> {
    let (mark, body) = without_mark(text);
    if entry.is_none() && body.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let root = CstRootNode::parse(body, &JSON_WITH_COMMENTS).map_err(|error| anyhow!("it is not JSON: {error}"))?;
    let object = root.object_value_or_create().context("it holds no JSON object")?;
    ensure_once(&object, parent)?;
    match entry {
        Some(entry) => {
            let servers = object.object_value_or_create(parent);
            let servers = servers.with_context(|| format!("its field {parent} is no object"))?;
            ensure_once(&servers, name)?;
            match servers.get(name).and_then(|property| property.object_value()) {
                Some(known) => {
                    update(&known, entry);
                    let others = ADDRESSING.iter().filter(|field| !entry.contains_key(**field));
                    others.filter_map(|field| known.get(field)).for_each(jsonc_parser::cst::CstObjectProp::remove);
                }
                None => set(&servers, name, &Value::Object(entry.clone())),
            }
        }
        None => {
            if let Some(known) = object.object_value(parent).and_then(|servers| servers.get(name)) {
                known.remove();
            }
        }
    }
    let after = root.to_string();
    let end = if body.is_empty() && !after.ends_with('\n') { "\n" } else { "" };
    Ok(format!("{mark}{after}{end}"))
}

/// Of a field that is there twice, some programs take the first and some the last.
fn ensure_once(object: &CstObject, name: &str) -> Result<()> {
    let count = object.properties().iter().filter(|known| known.decoded_name().as_deref() == Some(name)).count();
    ensure!(count < 2, "it has {name} twice: remove one of them");
    Ok(())
}

/// Sets fields, of objects field by field; what is the same already is not touched.
fn update(object: &CstObject, fields: &Map<String, Value>) {
    for (name, value) in fields {
        let known = object.get(name);
        let same = known.as_ref().and_then(|known| known.value()?.to_serde_value());
        if same.as_ref() == Some(value) {
            continue;
        }
        match (known.and_then(|known| known.object_value()), value) {
            (Some(inner), Value::Object(fields)) => update(&inner, fields),
            _ => set(object, name, value),
        }
    }
}

fn set(object: &CstObject, name: &str, value: &Value) {
    match object.get(name) {
        Some(known) => known.set_value(input(value)),
        None => drop(object.append(name, input(value))),
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(all) => CstInputValue::Array(all.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

/// The text with the fields of `entry` set in `[parent.name]` of a TOML file, or with that removed. Fields that somebody
/// added to it stay.
///
/// # Errors
/// When the text is no TOML, or holds something else where the servers should be.
pub(crate) fn toml(text: &str, parent: &str, name: &str, entry: Option<&Map<String, Value>>) -> Result<String> {
    let (mark, body) = without_mark(text);
    let mut document: DocumentMut = body.parse().map_err(|error| anyhow!("it is not TOML: {error}"))?;
    let no_table = || format!("its {parent} is no table");
    let changed = match entry {
        Some(entry) => {
            let servers = document.entry(parent).or_insert_with(|| Item::Table(implicit_table()));
            let servers = servers.as_table_like_mut().with_context(no_table)?;
            let inline = servers.get(name).is_some_and(Item::is_inline_table);
            let server = servers.entry(name).or_insert_with(|| Item::Table(Table::new()));
            let server = server.as_table_like_mut().with_context(|| format!("its {parent}.{name} is no table"))?;
            let changed = update_table(server, entry)?;
            let others = ADDRESSING.iter().filter(|field| !entry.contains_key(**field));
            let removed = others.filter(|field| server.remove(field).is_some()).count() > 0;
            if inline {
                server.fmt();
            }
            changed || removed
        }
        None => match document.get_mut(parent) {
            Some(servers) => servers.as_table_like_mut().with_context(no_table)?.remove(name).is_some(),
            None => false,
        },
    };
    if !changed {
        return Ok(text.to_owned());
    }
    // The crate ends the lines that it writes by a line feed alone.
    let after = document.to_string().replace("\r\n", "\n");
    let after = if body.contains("\r\n") { after.replace('\n', "\r\n") } else { after };
    Ok(format!("{mark}{after}"))
}

fn implicit_table() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// Sets fields, of tables field by field. Whether anything is another than before.
fn update_table(table: &mut dyn TableLike, fields: &Map<String, Value>) -> Result<bool> {
    let mut changed = false;
    for (name, value) in fields {
        match (table.get_mut(name).and_then(Item::as_table_like_mut), value) {
            (Some(inner), Value::Object(fields)) => changed |= update_table(inner, fields)?,
            _ => {
                let wanted = toml_value(value)?;
                let known = table.get(name).and_then(Item::as_value);
                if known.is_none_or(|known| known.to_string().trim() != wanted.to_string().trim()) {
                    table.insert(name, Item::Value(wanted));
                    changed = true;
                }
            }
        }
    }
    Ok(changed)
}

fn toml_value(value: &Value) -> Result<TomlValue> {
    Ok(match value {
        Value::String(text) => text.as_str().into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Array(all) => TomlValue::Array(all.iter().map(toml_value).collect::<Result<_>>()?),
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(name, value)| Ok((name.as_str(), toml_value(value)?)));
            TomlValue::InlineTable(pairs.collect::<Result<InlineTable>>()?)
        }
        Value::Number(_) | Value::Null => bail!("a client's configuration has texts, lists and tables"),
    })
}

/// The text at a path of fields in a JSON or TOML file; none where there is none, or the file cannot be read.
pub(crate) fn text_at(text: &str, is_toml: bool, path: &[&str]) -> Option<String> {
    if !is_toml {
        return json_at(text, path)?.as_str().map(str::to_owned);
    }
    let document: DocumentMut = without_mark(text).1.parse().ok()?;
    let mut item = document.as_item();
    for name in path {
        item = item.get(name)?;
    }
    item.as_str().map(str::to_owned)
}

/// The texts of a list at a path of fields in a JSON file.
pub(crate) fn texts_at(text: &str, path: &[&str]) -> Option<Vec<String>> {
    json_at(text, path)?.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn json_at(text: &str, path: &[&str]) -> Option<Value> {
    let root = CstRootNode::parse(without_mark(text).1, &JSON_WITH_COMMENTS).ok()?.value()?.to_serde_value()?;
    path.iter().try_fold(&root, |value, name| value.get(name)).cloned()
}

/// The byte order mark that some editors put in front, and the rest.
fn without_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn set_json(text: &str, value: Value) -> Result<String> {
        json(text, "mcpServers", "bridge", Some(&entry(value)))
    }

    #[test]
    fn a_server_is_added_to_json_and_every_other_byte_stays() {
        for before in [
            "{\n  // mine\n  \"z\": 1, /* two */\n  \"mcpServers\": {\n    \"other\": {\"command\": \"x\"}, // keep\n  },\n}\n",
            "{\"z\":1,\"mcpServers\":{\"other\":{\"command\":\"x\"}},\"a\":[2]}",
            "\u{feff}{\r\n\t\"mcpServers\": {}\r\n}\r\n",
            "{}",
            "",
        ] {
            let after = set_json(before, json!({"url": "u", "headers": {"A": "b"}})).unwrap();
            let (mut rest, text) = (after.as_str(), before);
            for c in text.chars().filter(|c| !c.is_whitespace() && *c != ',') {
                rest = rest.split_once(c).unwrap_or_else(|| panic!("{c} is lost of {before}: {after}")).1;
            }
            assert_eq!(
                set_json(&after, json!({"url": "u", "headers": {"A": "b"}})).unwrap(),
                after,
                "nothing more to do"
            );
            assert_eq!(after.contains('\r'), before.contains('\r'), "{after:?}");
            let removed = json(&after, "mcpServers", "bridge", None).unwrap();
            assert!(!removed.contains("bridge") && removed.contains("other") == before.contains("other"), "{removed}");
        }
    }

    #[test]
    fn what_somebody_added_to_the_server_stays_and_another_way_to_reach_it_goes() {
        let before =
            r#"{"mcpServers": {"bridge": {"command": "x", "args": [], "disabled": true, "headers": {"X": "1"}}}}"#;
        let after = set_json(before, json!({"url": "u", "headers": {"A": "b"}})).unwrap();
        let found: Value = serde_json::from_str(&after).unwrap();
        let expected = json!({"disabled": true, "headers": {"X": "1", "A": "b"}, "url": "u"});
        assert_eq!(found["mcpServers"]["bridge"], expected, "{after}");
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let twice = r#"{"mcpServers": {}, "mcpServers": {}}"#;
        for text in ["[1]", "{\"mcpServers\": 3}", "{", "{'a': 1}", twice] {
            assert!(set_json(text, json!({})).is_err(), "{text}");
        }
    }

    fn set_toml(text: &str, value: Value) -> Result<String> {
        toml(text, "mcp_servers", "bridge", Some(&entry(value)))
    }

    #[test]
    fn a_server_is_added_to_toml_or_updated_and_every_other_byte_stays() {
        let ours = json!({"url": "new", "http_headers": {"A": "b"}});
        let before = "# mine\nmodel = \"x\" # why\n\n[mcp_servers.bridge]\nurl = \"old\" # here\nenabled = false\n\n[other]\nb = 2\n";
        let after = set_toml(before, ours.clone()).unwrap();
        let expected = before
            .replace("\"old\" # here\nenabled = false\n", "\"new\"\nenabled = false\nhttp_headers = { A = \"b\" }\n");
        assert_eq!(after, expected);
        assert_eq!(set_toml(&after, ours.clone()).unwrap(), after);
        let fresh = "[mcp_servers.bridge]\nurl = \"new\"\nhttp_headers = { A = \"b\" }\n";
        assert_eq!(set_toml("", ours.clone()).unwrap(), fresh);
        let windows = set_toml("a = 1\r\n", ours.clone()).unwrap();
        assert_eq!(windows, format!("a = 1\n\n{fresh}").replace('\n', "\r\n"));
        assert_eq!(
            toml(&after, "mcp_servers", "bridge", None).unwrap(),
            "# mine\nmodel = \"x\" # why\n\n[other]\nb = 2\n"
        );
        assert_eq!(toml("x = 1", "mcp_servers", "bridge", None).unwrap(), "x = 1");
        assert!(set_toml("mcp_servers = 3", ours.clone()).is_err() && set_toml("a = ", ours).is_err());
    }
}
