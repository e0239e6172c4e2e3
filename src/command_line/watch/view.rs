//! What a person who watches is shown, and what keys do.

use crate::{
    approvals::Scope,
    command_line::{print, question},
    control::QuestionItem,
};
use std::time::{Duration, Instant};

/// How long a question must be in front of a person before a key answers it: it may be pressed for the one before.
const READING_TIME: Duration = Duration::from_millis(700);

/// What the person wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A line that says something.
    Say(&'static str),
    /// A yes to the question of this id.
    Approve(String, Scope),
    /// A no.
    Deny(String),
    /// No new calls of this agent.
    Pause(String),
    /// To see the next question.
    Next,
    /// To leave.
    Quit,
}

/// The questions that wait; the first one is in front.
#[derive(Default)]
pub(super) struct View {
    /// How the program is called again.
    program: String,
    waiting: Vec<QuestionItem>,
    /// Since when the first one is.
    since: Option<Instant>,
}

impl View {
    /// One without questions.
    pub(super) fn of(program: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }
    }

    fn lines(&self, asked: &QuestionItem) -> Vec<String> {
        question::lines(asked).into_iter().chain(question::unseen(asked, &self.program)).collect()
    }

    /// Takes what waits now; gives what to print.
    pub(super) fn take(&mut self, mut waiting: Vec<QuestionItem>, now: Instant) -> Vec<String> {
        let front = self.front().map(|it| it.id.clone());
        let mut lines = Vec::new();
        for before in std::mem::take(&mut self.waiting) {
            match waiting.iter().position(|it| it.id == before.id) {
                Some(at) => self.waiting.push(waiting.remove(at)),
                None => lines.push(format!("{} no longer waits", before.id)),
            }
        }
        for new in &waiting {
            lines.extend(self.lines(new));
        }
        let is_known = !self.waiting.is_empty();
        self.waiting.extend(waiting);
        lines.extend(self.come_to_front(front, is_known, now));
        lines
    }

    /// What a key does.
    pub(super) fn press(&mut self, key: u8, now: Instant) -> Option<Wish> {
        if key == b'q' {
            return Some(Wish::Quit);
        }
        if !b"adhpsn".contains(&key) {
            return None;
        }
        let Some(front) = self.front() else { return Some(Wish::Say("Nothing waits for your answer.")) };
        let (id, agent) = (front.id.clone(), front.agent.clone());
        if key == b'p' {
            return Some(Wish::Pause(agent));
        }
        if key == b'n' {
            return Some(Wish::Next);
        }
        if self.since.is_none_or(|since| now.duration_since(since) < READING_TIME) {
            return Some(Wish::Say("This question just came to the front: read it, and press the key again."));
        }
        Some(match key {
            b'a' => Wish::Approve(id, Scope::Once),
            b's' => Wish::Approve(id, Scope::Session),
            b'h' => Wish::Approve(id, Scope::Hour),
            _ => Wish::Deny(id),
        })
    }

    /// Puts the first question behind the others; gives what to print.
    pub(super) fn next(&mut self, now: Instant) -> Vec<String> {
        let front = self.front().map(|it| it.id.clone());
        if !self.waiting.is_empty() {
            self.waiting.rotate_left(1);
        }
        self.come_to_front(front, true, now)
    }

    /// What the last line of a terminal of so many columns says.
    pub(super) fn status(&self, columns: usize) -> String {
        let Some(front) = self.front() else { return print::plain("Nothing waits.  [q]uit", columns) };
        let more = match self.waiting.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more: [n]ext)"),
        };
        let keys = "[a]pprove, for the [s]ession, for an [h]our  [d]eny  [p]ause";
        print::plain(&format!("{}{more}: {keys} {}  [q]uit", front.id, front.agent), columns)
    }

    fn front(&self) -> Option<&QuestionItem> {
        self.waiting.first()
    }

    /// Another question than before is in front: it is read from now on, and shown once more where it was shown before.
    fn come_to_front(&mut self, before: Option<String>, is_known: bool, now: Instant) -> Vec<String> {
        let Some(front) = self.front().filter(|front| before.as_ref() != Some(&front.id)) else { return Vec::new() };
        let lines = if is_known { self.lines(front) } else { Vec::new() };
        self.since = Some(now);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::{READING_TIME, View, Wish};
    use crate::{approvals::Scope, control::QuestionItem};
    use serde_json::json;
    use std::time::Instant;

    fn waiting(ids: &[&str]) -> Vec<QuestionItem> {
        let item = |id: &&str| {
            let (arguments, asked) = (json!({"command": "ls"}), "2026-12-01T10:00:00.000000");
            let agent = format!("agent-of-{id}");
            json!({"id": id, "agent": agent, "tool": "t", "arguments": arguments, "why": "w", "asked": asked, "waiting": 1})
        };
        ids.iter().map(|id| serde_json::from_value(item(id)).unwrap()).collect()
    }

    fn firsts(lines: &[String]) -> Vec<&str> {
        lines.iter().filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect()
    }

    #[test]
    fn each_question_is_shown_when_it_comes_and_again_when_it_comes_to_the_front() {
        let (mut view, now) = (View::default(), Instant::now());
        assert_eq!(firsts(&view.take(waiting(&["one", "two"]), now)), ["one  agent-of-one", "two  agent-of-two"]);
        assert!(view.take(waiting(&["one", "two"]), now).is_empty());
        assert_eq!(
            firsts(&view.take(waiting(&["two", "three"]), now)),
            ["one no longer waits", "three  agent-of-three", "two  agent-of-two"]
        );
        assert!(view.status(200).starts_with("two (and 1 more"), "{}", view.status(200));
        assert_eq!(firsts(&view.next(now)), ["three  agent-of-three"]);
        assert_eq!(firsts(&view.take(vec![], now)), ["three no longer waits", "two no longer waits"]);
        assert_eq!((view.status(200).as_str(), view.status(8).chars().count()), ("Nothing waits.  [q]uit", 8));
        assert!(view.next(now).is_empty());
    }

    #[test]
    fn a_key_answers_the_question_in_front_and_never_one_that_just_came_there() {
        let (mut view, now) = (View::default(), Instant::now());
        assert!(matches!(view.press(b'a', now), Some(Wish::Say(_))));
        view.take(waiting(&["one", "two"]), now);
        assert!(matches!(view.press(b'a', now), Some(Wish::Say(_))), "it was pressed for another one");
        let later = now + READING_TIME;
        assert_eq!(view.press(b'a', later), Some(Wish::Approve("one".to_owned(), Scope::Once)));
        assert_eq!(view.press(b'h', later), Some(Wish::Approve("one".to_owned(), Scope::Hour)));
        assert_eq!(view.press(b'd', later), Some(Wish::Deny("one".to_owned())));
        assert_eq!(view.press(b'p', now), Some(Wish::Pause("agent-of-one".to_owned())), "that takes away: at once");
        view.take(waiting(&["two"]), later);
        assert!(matches!(view.press(b'a', later), Some(Wish::Say(_))), "the next one was not read yet");
        assert_eq!((view.press(b'x', later), view.press(b'q', now)), (None, Some(Wish::Quit)));
    }
}
