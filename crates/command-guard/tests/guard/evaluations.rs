//! What a line runs beside its commands: in the values that a shell evaluates once more, and by what it sets.

use crate::context;
use command_guard::{Grammar, read};

#[test]
fn what_a_line_evaluates_or_sets_is_in_its_reading() {
    let mut wrong = Vec::new();
    for line in include_str!("evaluations.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, text) = match line.split_once(" <- ") {
            Some(parts) => parts,
            None => line.split_at(2),
        };
        let found = read(text, Grammar::Bash, &context());
        let holds_unknown = !found.is_complete || found.executions.iter().any(|it| it.program.is_empty());
        let is_right = match expected {
            "? " => holds_unknown,
            "+ " => !holds_unknown,
            start => found.executions.iter().any(|it| it.to_string().starts_with(start)),
        };
        if !is_right {
            let shown: Vec<String> = found.executions.iter().map(ToString::to_string).collect();
            wrong.push(format!("{line}: {shown:?} {:?}", found.refusals));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
