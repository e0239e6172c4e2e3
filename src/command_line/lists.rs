//! `mcp-server processes`, `changes` and `undo`: what the running bridge answers, for a person's eyes.

use super::{print, target::Target};
use anyhow::Result;
use serde_json::{Value, json};

/// So many processes and changes are listed.
const MAX_SHOWN: u32 = 50;

/// A command or path is shown up to so many characters.
const MAX_TEXT: usize = 120;

/// Which changes a person means.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// One, by its name.
    pub id: Option<String>,
    /// Those of a file or folder.
    pub path: Option<String>,
    /// Those with a label.
    pub session: Option<String>,
}

impl Chosen {
    fn fields(&self) -> Value {
        let fields = [("id", &self.id), ("path", &self.path), ("session", &self.session)];
        fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!(value.as_ref()?)))).collect()
    }
}

/// Lists the processes that run or ran, newest first.
///
/// # Errors
/// When the bridge does not answer.
pub(crate) async fn processes(target: &Target) -> Result<()> {
    let answer = target.ask("/terminal/processes", &json!({"limit": MAX_SHOWN})).await?;
    let all = items(&answer, "items");
    let lines = all.iter().map(|process| {
        let code = process["exit_code"].as_i64().map(|code| format!(" {code}")).unwrap_or_default();
        let state = format!("{}{code}", text(process, "status"));
        let started = print::moment(&text(process, "started"));
        format!(
            "{:<10} {state:<12} {started}  {:<12} {}",
            text(process, "id"),
            text(process, "caller"),
            text(process, "command")
        )
    });
    show(lines, "No process runs or ran.")
}

/// Lists what was changed in files, newest first.
///
/// # Errors
/// When the bridge does not answer.
pub(crate) async fn changes(target: &Target, chosen: &Chosen) -> Result<()> {
    let mut fields = chosen.fields();
    fields["limit"] = json!(MAX_SHOWN);
    let answer = target.ask("/filesystem/changes", &fields).await?;
    let all = items(&answer, "items");
    let lines = all.iter().map(|change| {
        let state = match (change["undone"].as_bool(), change["undoable"].as_bool()) {
            (Some(true), _) => "undone",
            (_, Some(true)) => "",
            _ => "kept no old content",
        };
        let more = change["path_count"].as_u64().unwrap_or_default().saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let path = print::plain(change["paths"][0]["path"].as_str().unwrap_or_default(), MAX_TEXT);
        let moment = print::moment(&text(change, "timestamp"));
        let line = format!(
            "{}  {moment}  {:<12} {:<18} {path}{more}",
            text(change, "id"),
            text(change, "caller"),
            text(change, "action")
        );
        if state.is_empty() { line } else { format!("{line}  ({state})") }
    });
    show(lines, "No file was changed.")
}

/// Takes back what was chosen, by default the last change; says what became of it. False when something stood in the way.
///
/// # Errors
/// When the bridge does not answer or refuses.
pub(crate) async fn undo(target: &Target, chosen: &Chosen) -> Result<bool> {
    let mut fields = chosen.fields();
    if fields.as_object().is_none_or(serde_json::Map::is_empty) {
        match newest(target).await? {
            Some(id) => fields = json!({"id": id}),
            None => {
                print::line("There is no change to undo.")?;
                return Ok(true);
            }
        }
    }
    let answer = target.ask("/filesystem/undo", &fields).await?;
    for change in items(&answer, "undone") {
        let again = text(change, "undo_id");
        print::line(&format!("undone: {} ({}); `undo {again}` redoes it", text(change, "id"), text(change, "action")))?;
        for path in items(change, "paths") {
            print::line(&format!("  {}", print::plain(path.as_str().unwrap_or_default(), MAX_TEXT)))?;
        }
    }
    let conflicts = items(&answer, "conflicts");
    for conflict in conflicts {
        let line = format!("left as it is: {}: {}", text(conflict, "path"), text(conflict, "reason"));
        print::line(&print::alarming(&line))?;
    }
    Ok(conflicts.is_empty())
}

/// The last change that can be undone and is no undo itself.
async fn newest(target: &Target) -> Result<Option<String>> {
    let answer = target.ask("/filesystem/changes", &json!({"limit": 1000})).await?;
    let is_open = |change: &&Value| {
        change["undoable"] == true && change["undone"] == false && change["action"] != "filesystem_undo"
    };
    Ok(items(&answer, "items").iter().find(is_open).map(|change| text(change, "id")))
}

fn items<'a>(answer: &'a Value, field: &str) -> &'a [Value] {
    answer[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, field: &str) -> String {
    print::plain(value[field].as_str().unwrap_or_default(), MAX_TEXT)
}

fn show(lines: impl Iterator<Item = String>, nothing: &str) -> Result<()> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(print::line(nothing)?);
    }
    Ok(lines.try_for_each(|line| print::line(&line))?)
}
