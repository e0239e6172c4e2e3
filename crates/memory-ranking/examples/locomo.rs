//! What the ranking finds of LoCoMo's questions (Maharana et al. 2024), to measure a change before and after:
//! `cargo run --release -p memory-ranking --example locomo -- locomo10.json`, with the file of that benchmark.
#![expect(clippy::disallowed_methods, reason = "it reads the file that it is given")]

use chrono::NaiveDateTime;
use memory_ranking::{Document, Index, Positions};
use serde_json::Value;
use std::collections::HashMap;

/// How many entries a question may find.
const LIMIT: usize = 20;

/// One thing that was said.
struct Turn {
    id: String,
    content: String,
    moment: Option<NaiveDateTime>,
}

/// The turns of a conversation, session by session.
fn turns(conversation: &Value) -> Vec<Turn> {
    let sessions = (1..).map(|number| format!("session_{number}"));
    let sessions =
        sessions.map_while(|name| Some((conversation[&name].as_array()?, &conversation[name + "_date_time"])));
    let of = |(said, date): (&Vec<Value>, &Value)| {
        let moment = date.as_str().and_then(|date| NaiveDateTime::parse_from_str(date, "%I:%M %p on %d %B, %Y").ok());
        let text = |turn: &Value, name: &str| turn[name].as_str().unwrap_or_default().to_owned();
        let turn = |turn: &Value| {
            let image =
                turn["blip_caption"].as_str().map_or_else(String::new, |caption| format!(" [image: {caption}]"));
            let content = format!("{}: {}{image}", text(turn, "speaker"), text(turn, "text"));
            Turn { id: text(turn, "dia_id"), content, moment }
        };
        said.iter().map(turn).collect::<Vec<_>>()
    };
    sessions.flat_map(of).collect()
}

/// The turns that answer a question, written as `D1:3`, several in one text now and then.
fn evidence(question: &Value) -> Vec<String> {
    let texts = question["evidence"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let names = texts.flat_map(|text| text.split(|sign: char| !sign.is_ascii_digit() && sign != ':'));
    let numbers = names.filter_map(|name| name.trim_start_matches(':').split_once(':'));
    let mut found: Vec<String> = numbers
        .filter_map(|(session, turn)| Some(format!("D{}:{}", session.parse::<u32>().ok()?, turn.parse::<u32>().ok()?)))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// What is counted of all questions.
#[derive(Default)]
struct Sums {
    questions: f64,
    recall: f64,
    hits: f64,
    ranks: f64,
}

impl Sums {
    /// Counts a question: where each of its answers was found, from 0, and how many it has.
    fn count(&mut self, places: &[usize], answers: usize) {
        let among_ten = places.iter().filter(|place| **place < 10).count();
        self.questions += 1.0;
        self.recall += among_ten as f64 / answers as f64;
        self.hits += f64::from(u8::from(among_ten > 0));
        self.ranks += places.iter().min().map_or(0.0, |first| 1.0 / (*first as f64 + 1.0));
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("the file of the benchmark, such as locomo10.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let conversations: Vec<Value> = serde_json::from_str(&text).expect("it is LoCoMo's JSON");
    let (mut index, mut next, mut sums) = (Index::default(), 0, Sums::default());
    for conversation in &conversations {
        let (turns, first) = (turns(&conversation["conversation"]), next);
        let (tags, mut all) = ([first.to_string()], Positions::default());
        for (position, turn) in (first..).zip(&turns) {
            let document = Document { content: &turn.content, tags: &tags, moment: turn.moment, ..Document::default() };
            index.add(position, &document);
            all.insert(position);
            next = position + 1;
        }
        let places: HashMap<&str, u32> =
            (first..).zip(&turns).map(|(position, turn)| (turn.id.as_str(), position)).collect();
        for question in conversation["qa"].as_array().into_iter().flatten() {
            let answers = evidence(question);
            let answers: Vec<u32> = answers.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
            if answers.is_empty() {
                continue;
            }
            let found = index.rank(question["question"].as_str().unwrap_or_default(), &all, None, LIMIT);
            let place = |answer: &u32| found.iter().position(|ranked| ranked.position == *answer);
            let places: Vec<usize> = answers.iter().filter_map(place).collect();
            sums.count(&places, answers.len());
        }
    }
    let [recall, hits, ranks] = [sums.recall, sums.hits, sums.ranks].map(|sum| 100.0 * sum / sums.questions);
    println!("{} questions: R@10 {recall:.1}, hit@10 {hits:.1}, MRR {ranks:.1}", sums.questions);
}
