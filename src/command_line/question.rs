//! A question to the person, as it is read at a terminal.

use super::print;
use crate::{approvals::Answered, control::QuestionItem};
use serde_json::Value;

/// How wide the names of fields are.
const WIDTH: usize = 12;

/// A name is shown up to so many characters.
const MAX_NAME: usize = 100;

/// What an answer holds for is shown up to so many characters.
const MAX_CALLS: usize = 300;

/// All of it. What would steer the terminal is written out, since everything counts here.
pub(super) fn lines(asked: &QuestionItem) -> Vec<String> {
    let client = asked.client.as_deref().map(|client| format!(" ({})", print::plain(client, MAX_NAME)));
    let mut lines = vec![format!("{}  {}{}: {}", asked.id, asked.agent, client.unwrap_or_default(), asked.tool)];
    lines.extend(fields(&asked.arguments));
    lines.extend(asked.reading.iter().flat_map(fields));
    lines.extend(asked.diff.iter().flat_map(|diff| field("changes", diff)));
    lines.extend(field("why", &asked.why));
    lines.extend(asked.rule.iter().flat_map(|rule| field("rule", rule)));
    lines.extend(asked.kind.iter().flat_map(|kind| field("kind", &kind.in_words)));
    lines.extend(field("answers", &answers(asked)));
    let calls = match asked.waiting {
        0 => "the caller no longer waits".to_owned(),
        1 => "the caller waits".to_owned(),
        calls => format!("{calls} calls wait"),
    };
    let until = asked.expires_at.as_deref().map(|until| format!("; answer until {}", print::moment(until)));
    lines.extend(field("asked", &format!("{}; {calls}{}", print::moment(&asked.asked), until.unwrap_or_default())));
    lines
}

/// Which answers can be given.
fn answers(asked: &QuestionItem) -> String {
    let more = match &asked.kind {
        Some(_) => "once, --session, --hour",
        None => "once; --session and --hour hold for this very call alone",
    };
    match &asked.not_always {
        None => format!("{more}, --always"),
        Some(why) => format!("{more}; not --always: {why}"),
    }
}

/// What a rule had changed of the calls of the last days.
pub(super) fn past(tried: &[String]) -> Vec<String> {
    field("past", &tried.join("\n"))
}

/// What is not shown of a question, and how to see it; none where all is.
pub(super) fn unseen(asked: &QuestionItem, program: &str) -> Option<String> {
    let left_out = (asked.left_out > 0).then(|| format!("{} bytes are left out", asked.left_out));
    let masked = asked.is_masked.then(|| "parts that look like secrets are masked".to_owned());
    let unseen: Vec<String> = [left_out, masked].into_iter().flatten().collect();
    let command = format!("`{program} question {}` shows all", asked.id);
    (!unseen.is_empty()).then(|| format!("  {:<WIDTH$} {}: {command}", "unseen", unseen.join(", ")))
}

/// What was answered, and what comes of it.
pub(super) fn told(answered: &Answered, program: &str) -> Vec<String> {
    let Answered { id, agent, tool, answer, waiting, kept, holds } = answered;
    let then = match (waiting, holds) {
        (1.., _) => format!("{agent} is told"),
        (0, None) if kept.is_none() => format!("{agent} no longer waits: it holds for the same call within 10 minutes"),
        (0, _) => format!("{agent} no longer waits"),
    };
    let kept = kept.iter().map(|kept| format!("  written: {}", print::escaped(kept)));
    let holds = holds.iter().flat_map(|holds| {
        let until = holds.until.as_deref().map_or_else(
            || "as long as the session of MCP lasts".to_owned(),
            |until| format!("until {}", print::moment(until)),
        );
        let calls = format!("  holds {until} for {}", print::plain(&holds.calls, MAX_CALLS));
        [calls, format!("  `{program} answers revoke {}` takes it back", holds.id)]
    });
    [format!("{id} ({tool}) {answer}: {then}")].into_iter().chain(kept).chain(holds).collect()
}

/// What a value says, field by field where it has some.
fn fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| field(name, &text(value))).collect(),
        Value::Null => Vec::new(),
        other => field("", &text(other)),
    }
}

/// A list of texts is one text a line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(texts) if texts.iter().all(Value::is_string) => {
            texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

fn field(name: &str, text: &str) -> Vec<String> {
    let names = [print::plain(name, MAX_NAME)].into_iter().chain(std::iter::repeat_with(String::new));
    let texts = print::escaped(text);
    names.zip(texts.lines()).map(|(name, line)| format!("  {name:<WIDTH$} {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{answers, lines, told, unseen};
    use crate::{
        approvals::{Answered, Holds},
        control::QuestionItem,
    };
    use serde_json::json;

    fn asked() -> QuestionItem {
        let asked = json!({
            "id": "apr_x",
            "agent": "claude",
            "client": "claude-code\x1b[2J 2.1",
            "tool": "terminal_execute",
            "arguments": {"command": "git push\n\x1b[2Jecho", "env": {"A": "1"}},
            "why": "The person is asked before `git push` runs",
            "rule": "permissions.toml, line 3",
            "reading": {"runs": ["git push", "echo"]},
            "kind": {
                "in_words": "commands that begin with `git push`",
                "rules": ["git push *"],
                "list": "commands.allow",
                "can_be_kept": false,
            },
            "not_always": "that is for commands",
            "asked": "2026-12-01T10:00:00.123456",
            "waiting": 0,
            "expires_at": "2026-12-01T10:10:00.123456",
        });
        serde_json::from_value(asked).unwrap()
    }

    #[test]
    fn a_question_shows_all_that_counts_and_steers_no_terminal() {
        let expected = "\
apr_x  claude (claude-code\\u{1b}[2J 2.1): terminal_execute
  command      git push
               \\u{1b}[2Jecho
  env          {\"A\":\"1\"}
  runs         git push
               echo
  why          The person is asked before `git push` runs
  rule         permissions.toml, line 3
  kind         commands that begin with `git push`
  answers      once, --session, --hour; not --always: that is for commands
  asked        2026-12-01 10:00:00; the caller no longer waits; answer until 2026-12-01 10:10:00";
        assert_eq!(lines(&asked()).join("\n"), expected);
    }

    #[test]
    fn what_is_not_shown_is_said_with_the_command_that_shows_it() {
        let masked = QuestionItem { is_masked: true, ..asked() };
        assert!(unseen(&asked(), "mcp-server").is_none());
        let said = unseen(&masked, "mcp-server").unwrap();
        assert_eq!(
            said,
            "  unseen       parts that look like secrets are masked: `mcp-server question apr_x` shows all"
        );
        let said = unseen(&QuestionItem { left_out: 7, ..masked }, "mcp-server").unwrap();
        assert!(said.contains("7 bytes are left out, parts that look"), "{said}");
        let alone = QuestionItem { kind: None, not_always: None, ..asked() };
        assert!(answers(&alone).starts_with("once; --session and --hour hold for this very call alone, --always"));
    }

    #[test]
    fn an_answer_says_what_comes_of_it_and_what_was_written() {
        let holds =
            Holds { id: "ans_x".into(), calls: "the command ls".into(), until: Some("2026-12-01T11:00:00".into()) };
        let once = Answered {
            id: "apr_x".into(),
            agent: "claude".into(),
            tool: "terminal_execute".into(),
            answer: "approved once".into(),
            waiting: 0,
            kept: None,
            holds: None,
        };
        let said = told(&once, "mcp-server");
        assert_eq!(
            said,
            [
                "apr_x (terminal_execute) approved once: claude no longer waits: it holds for the same call within 10 minutes"
            ]
        );
        let hour = Answered { answer: "approved for an hour".into(), holds: Some(holds), ..once.clone() };
        let said = told(&hour, "mcp-server");
        assert_eq!(said[0], "apr_x (terminal_execute) approved for an hour: claude no longer waits");
        assert_eq!(said[1], "  holds until 2026-12-01 11:00:00 for the command ls");
        assert_eq!(said[2], "  `mcp-server answers revoke ans_x` takes it back");
        let kept = Some("claude may run `git push *`".into());
        let lines = told(&Answered { answer: "approved for good".into(), waiting: 1, kept, ..once }, "mcp-server");
        assert_eq!(lines[0], "apr_x (terminal_execute) approved for good: claude is told");
        assert_eq!(lines[1], "  written: claude may run `git push *`");
    }
}
