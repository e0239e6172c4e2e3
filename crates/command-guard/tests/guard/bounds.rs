//! A judgement is short whatever the line, and lines of everyday length are judged to their end.

use crate::verdict;
use proptest::prelude::*;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What one judgement may take of a processor in a build without optimisation.
const LONGEST: Duration = Duration::from_secs(2);

struct Shape {
    is_everyday: bool,
    parts: [String; 3],
}

impl Shape {
    fn all() -> Vec<Self> {
        let lines = include_str!("shapes.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let is_everyday = line.starts_with('+');
        let line = line.trim_start_matches('+').replace("\\|", "\u{1}").replace("\\n", "\n");
        let parts: Vec<String> = line.split('|').map(|part| part.replace('\u{1}', "|")).collect();
        Self { is_everyday, parts: parts.try_into().expect("a shape has three parts") }
    }

    /// The line with its middle repeated; no longer than a line can be.
    fn repeated(&self, times: usize) -> String {
        let [start, middle, end] = &self.parts;
        let middle: String = (1..=times).map(|number| middle.replace("#N", &number.to_string())).collect();
        format!("{start}{middle}{end}")
    }
}

/// The time that this thread has had on a processor, where the system tells it; what else the machine does is left out.
fn time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// What the guard says, which it must say in time.
fn timed(line: &str) -> Option<&'static str> {
    let started = time();
    let rule = verdict(line);
    let took = time().saturating_sub(started);
    assert!(took < LONGEST, "{took:?} for {} bytes: {}", line.len(), line.chars().take(200).collect::<String>());
    rule
}

#[test]
fn a_judgement_is_short_however_often_a_line_repeats_itself() {
    for shape in Shape::all() {
        for times in [2, 8, 16, 18, 24, 64, 300, 2000] {
            timed(&shape.repeated(times));
        }
    }
}

#[test]
fn scripts_of_everyday_length_are_judged_to_their_end_and_quickly() {
    for shape in Shape::all().iter().filter(|shape| shape.is_everyday) {
        for times in [1, 10, 30, 60] {
            let line = shape.repeated(times);
            let started = time();
            assert_eq!(verdict(&line), None, "{line}");
            let took = time().saturating_sub(started);
            assert!(took < Duration::from_millis(500), "{took:?}: {line}");
            assert_eq!(verdict(&format!("{line}\nrm -rf /")), Some("rm-root"), "{line}");
        }
    }
    let assignments: String = (0..2000).map(|number| format!("A{number}=value\n")).collect();
    assert_eq!(timed(&(assignments + "echo $A1")), None);
}

#[test]
fn what_grows_without_bound_is_refused_as_too_complex_and_said_how_to_mend() {
    for shape in ["X=a; | X=$X$X; | rm $X", "X=1; Y=2; | X=\"$X $Y\"; Y=\"$Y $X\"; | ls"] {
        assert_eq!(timed(&Shape::read(shape).repeated(40)), Some("too-complex"), "{shape}");
    }
    let refusal = command_guard::judge(&"x=$x$x; x=a$x; ".repeat(40), command_guard::Grammar::Bash, &crate::context())
        .unwrap_err();
    assert!(refusal.reason.contains("run a script file"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_judgement_of_any_repeated_fragments_is_short(
        chosen in proptest::collection::vec(0..Shape::all().len(), 1..4),
        times in 1..400usize,
    ) {
        let shapes = Shape::all();
        let line: Vec<String> = (1..=times)
            .flat_map(|number| chosen.iter().map(move |at| (number, *at)))
            .map(|(number, at)| shapes[at].parts[1].replace("#N", &number.to_string()))
            .collect();
        timed(&format!("X=a; {}", line.concat()));
    }
}
