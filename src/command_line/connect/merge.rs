//! Puts a server into a client's file and leaves the rest of it alone.
#![expect(
    clippy::disallowed_methods,
    reason = "the files that the user asks to be changed, at the user's own terminal"
)]

use crate::policy::private;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Where a file really is: a link stays a link.
pub fn real_path(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What a file holds; empty when there is none.
///
/// # Errors
/// When it is there and cannot be read as text.
pub fn read(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Writes the new text, as a whole, for its owner only since a key is in it; the old text is kept beside it.
///
/// # Errors
/// When the system refuses; the old file is whole then.
pub fn write(path: &Path, before: &str, after: &str) -> Result<Option<PathBuf>> {
    let failed = || format!("{} cannot be written", path.display());
    let folder = path.parent().context("a file lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(failed)?;
    let backup = if before.is_empty() { None } else { Some(keep(path, before).with_context(failed)?) };
    private::replace(path, after.as_bytes()).with_context(failed)?;
    Ok(backup)
}

/// Under a name that says when, and never over another backup.
fn keep(path: &Path, text: &str) -> Result<PathBuf> {
    let moment = crate::clock::timestamp().replace([':', '.'], "-");
    let mut name = path.file_name().context("a file has a name")?.to_owned();
    name.push(format!(".backup-{moment}"));
    let backup = path.with_file_name(name);
    private::replace(&backup, text.as_bytes())?;
    Ok(backup)
}

/// Sets `parent.name` of a JSON object; every other field and their order stay.
///
/// # Errors
/// When the text is not plain JSON (a comment, say), or `parent` is no object.
pub fn json(text: &str, parent: &str, name: &str, entry: &Value) -> Result<String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut whole: Value = match text.trim() {
        "" => Value::Object(Map::new()),
        text => serde_json::from_str(text).context("it is not plain JSON (comments cannot be kept)")?,
    };
    let Some(object) = whole.as_object_mut() else { bail!("it holds no JSON object") };
    let servers = object.entry(parent).or_insert_with(|| Value::Object(Map::new()));
    let Some(servers) = servers.as_object_mut() else { bail!("its field {parent} is no object") };
    servers.insert(name.to_owned(), entry.clone());
    Ok(serde_json::to_string_pretty(&whole).expect("it was JSON") + "\n")
}

/// Sets `[mcp_servers.name]` of a TOML file; every other line stays.
pub fn toml(text: &str, name: &str, section: &str) -> String {
    let headings = [format!("[mcp_servers.{name}]"), format!("[mcp_servers.\"{name}\"]")];
    let below = [format!("[mcp_servers.{name}."), format!("[mcp_servers.\"{name}\".")];
    let (mut kept, mut ours) = (String::new(), false);
    for line in text.lines() {
        let start = line.trim_start();
        if start.starts_with('[') {
            ours = headings.iter().any(|heading| start.starts_with(heading.as_str()))
                || below.iter().any(|heading| start.starts_with(heading.as_str()));
        }
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let kept = kept.trim_end();
    let gap = if kept.is_empty() { "" } else { "\n\n" };
    format!("{kept}{gap}{}\n{section}", headings[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_is_added_and_everything_else_stays_in_its_order() {
        let before = r#"{"z": 1, "mcpServers": {"other": {"command": "x"}}, "a": [2]}"#;
        let after = json(before, "mcpServers", "bridge", &json!({"url": "u"})).unwrap();
        let expected = json!({"z": 1, "mcpServers": {"other": {"command": "x"}, "bridge": {"url": "u"}}, "a": [2]});
        assert_eq!(serde_json::from_str::<Value>(&after).unwrap().to_string(), expected.to_string());
        let again = json(&after, "mcpServers", "bridge", &json!({"url": "v"})).unwrap();
        assert!(again.contains("\"v\"") && !again.contains("\"u\""));
    }

    #[test]
    fn what_is_no_plain_json_object_is_refused() {
        for text in ["// mine\n{}", "[1]", "{\"mcpServers\": 3}", "{"] {
            assert!(json(text, "mcpServers", "bridge", &json!({})).is_err(), "{text}");
        }
    }

    #[test]
    fn a_toml_section_is_added_or_replaced_and_the_rest_stays() {
        let before = "# mine\nmodel = \"x\"\n\n[mcp_servers.bridge]\nurl = \"old\"\n\n[mcp_servers.bridge.env]\nA = \"1\"\n\n[other]\nb = 2\n";
        let after = toml(before, "bridge", "url = \"new\"\n");
        assert_eq!(after, "# mine\nmodel = \"x\"\n\n[other]\nb = 2\n\n[mcp_servers.bridge]\nurl = \"new\"\n");
        assert_eq!(toml(&after, "bridge", "url = \"new\"\n"), after);
        assert_eq!(toml("", "bridge", "url = \"new\"\n"), "[mcp_servers.bridge]\nurl = \"new\"\n");
    }
}
