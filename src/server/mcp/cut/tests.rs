//! What parts of answers hold, and what they cost.

use super::*;
use serde_json::json;
use std::time::{Duration, Instant};

/// Takes an answer part by part.
fn parts(answer: &Value, budget: usize) -> Vec<Value> {
    let (mut all, mut rest) = (Vec::new(), Remainder::of(answer.clone()));
    while rest.has_more() {
        let part = rest.take(budget);
        assert!(size(&part) <= budget + 2 * SMALL, "{} bytes", size(&part));
        assert!(all.len() < 10_000, "it ends");
        all.push(part);
    }
    all
}

fn joined(parts: &[Value], field: &str) -> String {
    parts.iter().map(|part| part[field].as_str().unwrap()).collect()
}

#[test]
fn a_short_answer_is_left_as_it_is() {
    let answer = json!({"content": "abc", "size": 3});
    assert_eq!(parts(&answer, 1000), [answer]);
}

#[test]
fn of_what_a_program_wrote_the_ends_come_first_and_then_the_middle() {
    let lines: String = (0..5000).map(|line| format!("\u{e9} {line}\n")).collect();
    let answer = json!({"stdout": lines, "stderr": "short", "command": "run it"});
    let mut rest = Remainder::of_answer(answer, &["stdout", "stderr"]);
    let first = rest.take(2000);
    let (start, rest_of_it) = first["stdout"].as_str().unwrap().split_once("\n[... ").unwrap();
    let (left_out, end) = rest_of_it.split_once(" bytes left out: result_cursor brings them ...]\n").unwrap();
    assert!(start.len() > 800 && end.len() > 800 && size(&first) <= 2000, "{first}");
    let mut whole = start.to_owned();
    while rest.has_more() {
        let part = rest.take(2000);
        assert!(size(&part) <= 2000 + 2 * SMALL, "{} bytes", size(&part));
        assert!(part["command"] == "run it" && part["stderr"] == "short", "{part}");
        whole.push_str(part["stdout"].as_str().unwrap());
    }
    assert_eq!(left_out, (whole.len() - start.len()).to_string());
    assert!(whole + end == lines);
}

#[test]
fn a_long_text_comes_in_parts_that_make_the_whole() {
    let text: String = (0..9000).map(|number| format!("é\"{number}\n")).collect();
    let all = parts(&json!({"path": "/x", "content": text}), 5000);
    assert!(all.iter().all(|part| part["path"] == "/x"));
    assert_eq!(joined(&all, "content"), text);
}

#[test]
fn a_short_text_beside_a_long_one_is_whole_in_the_first_part() {
    let answer = json!({"stdout": "x".repeat(90_000), "stderr": "y".repeat(2000)});
    let all = parts(&answer, 10_000);
    assert_eq!(all[0]["stderr"].as_str().unwrap().len(), 2000);
    assert_eq!(all[1]["stderr"], "");
}

#[test]
fn what_is_nearly_at_its_end_is_not_repeated_beside_what_goes_on() {
    let answer = json!({"stdout": "x".repeat(40_000), "stderr": "y".repeat(5000), "more": {"text": "z".repeat(700)}});
    for budget in 3000..3100 {
        let all = parts(&answer, budget);
        assert_eq!(joined(&all, "stderr").len(), 5000, "budget {budget}");
        let more: String = all.iter().map(|part| part["more"]["text"].as_str().unwrap()).collect();
        assert_eq!(more.len(), 700, "budget {budget}");
    }
}

#[test]
fn a_list_goes_on_item_by_item_even_when_one_item_is_too_long() {
    let items: Vec<Value> = (0..300).map(|number| json!({"name": format!("file {number}"), "size": number})).collect();
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
fn a_table_of_many_names_goes_on_by_its_names_also_through_long_values() {
    let table: Map<String, Value> = (0..2000).map(|number| (format!("name{number}"), json!(number))).collect();
    let all = parts(&json!({"table": table}), 3000);
    let names: usize = all.iter().map(|part| part["table"].as_object().unwrap().len()).sum();
    assert_eq!(names, 2000);
    let long: Map<String, Value> = (0..900).map(|number| (format!("n{number}"), "v".repeat(5000).into())).collect();
    let all = parts(&json!({"table": long}), 3000);
    let values = all.iter().flat_map(|part| part["table"].as_object().unwrap().values());
    assert_eq!(values.map(|value| value.as_str().unwrap().len()).sum::<usize>(), 900 * 5000);
}

#[test]
fn sizes_are_those_of_the_written_json_and_of_what_remains() {
    let value = json!({"a": ["x\n\u{1}é\"", 1.5, null, true], "b": {}});
    assert!(size(&value).abs_diff(value.to_string().len()) <= 8);
    let mut rest = Remainder::of(json!({"text": "t".repeat(50_000), "list": vec!["item"; 9000]}));
    let whole = rest.size();
    let taken = size(&rest.take(10_000));
    assert!(rest.size().abs_diff(whole - taken) < 100, "{} of {whole} after {taken}", rest.size());
}

/// How long the first 100 parts of an answer take.
fn time_of_100_parts(answer: Value) -> Duration {
    let mut rest = Remainder::of(answer);
    rest.take(50_000);
    let started = Instant::now();
    for _ in 0..100 {
        assert!(!rest.take(50_000).is_null());
    }
    started.elapsed()
}

#[test]
fn a_part_costs_the_same_of_a_large_answer_as_of_a_small_one() {
    let answers: [fn(usize) -> Value; 3] = [
        |bytes| json!({"path": "/x", "content": "x".repeat(bytes)}),
        |bytes| json!({"items": (0..bytes / 25).map(|n| json!({"name": "n", "size": n})).collect::<Vec<_>>()}),
        |bytes| json!({"files": [{"content": "x".repeat(bytes)}]}),
    ];
    for answer in answers {
        let (small, large) = (time_of_100_parts(answer(6 << 20)), time_of_100_parts(answer(40 << 20)));
        assert!(large < 3 * small + Duration::from_millis(100), "{large:?} of 40 MiB, {small:?} of 6 MiB");
    }
}
