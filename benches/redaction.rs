//! Looking for secrets in a mebibyte of ordinary text and one of a log, beside one search for a single byte (memchr) and
//! one for a short list of words. `cargo bench --bench redaction` prints a Markdown table.
#![allow(missing_docs, clippy::disallowed_methods, reason = "it reads the files of this package")]

use regex::Regex;
use skynet_bridge::arguments::clean;
use std::{
    fmt::Write,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

const SIZE: usize = 1 << 20;

/// How often each is measured; the middle is shown.
const TURNS: usize = 9;

fn main() {
    let words = Regex::new("password|secret|token|BEGIN").expect("the pattern is written here");
    println!("| 1 MiB | cleaned | words | ratio | memchr | ratio | MiB/s |\n|---|---|---|---|---|---|---|");
    for (name, text) in [("ordinary text", ordinary()), ("log", log())] {
        clean(&text[..text.floor_char_boundary(1000)], &[]);
        let cleaned = middle(|| clean(&text, &[]).len());
        let found = middle(|| words.find_iter(&text).count());
        let byte = middle(|| memchr::memchr_iter(b'=', text.as_bytes()).count());
        let ratio = |limit: Duration| cleaned.as_secs_f64() / limit.as_secs_f64();
        println!(
            "| {name} | {:.2} ms | {:.2} ms | {:.0} | {:.3} ms | {:.0} | {:.1} |",
            millis(cleaned),
            millis(found),
            ratio(found),
            millis(byte),
            ratio(byte),
            1.0 / cleaned.as_secs_f64()
        );
    }
    let line = "cargo test --workspace -- --nocapture archive::tests 2>&1 | tail -n 40";
    let each = middle(|| (0..10_000).map(|_| clean(black_box(line), &[]).len()).sum());
    println!("\na command of {} bytes: {:.2} µs", line.len(), each.as_secs_f64() * 1e6 / 10_000.0);
}

fn middle(work: impl Fn() -> usize) -> Duration {
    let mut times: Vec<Duration> = (0..TURNS)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .collect();
    times.sort();
    times[TURNS / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The documents and sources of this package, as often as it takes.
fn ordinary() -> String {
    let mut text = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["docs", "src/policy/commands", "src/memory", "src/filesystem"] {
        let mut files: Vec<_> = std::fs::read_dir(root.join(folder)).expect("it is there").flatten().collect();
        files.sort_by_key(std::fs::DirEntry::path);
        files.iter().filter_map(|file| std::fs::read_to_string(file.path()).ok()).for_each(|file| text.push_str(&file));
    }
    let text = text.repeat(SIZE / text.len() + 1);
    text[..text.floor_char_boundary(SIZE)].to_owned()
}

fn log() -> String {
    let mut text = String::new();
    for number in 0_u64.. {
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (second, host, size) = (number % 60, number % 250, hash % 90_000);
        let line = match number % 4 {
            0 => writeln!(
                text,
                "2026-11-29T19:37:{second:02}.{size:06}Z  INFO request{{id={hash:016x}}}: POST /terminal/execute 200 {}ms caller=owner",
                size % 900
            ),
            1 => writeln!(
                text,
                "10.0.3.{host} - - [29/Nov/2026:19:37:{second:02} +0000] \"GET /assets/app-{hash:x}.js?v=12 HTTP/1.1\" 200 {size} \"https://app.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64)\""
            ),
            2 => writeln!(
                text,
                "Nov 29 19:37:{second:02} box systemd[1]: Started session-{number}.scope - Session {number} of user ana."
            ),
            _ => writeln!(
                text,
                "{{\"level\":\"debug\",\"ts\":1796067{size:05},\"msg\":\"cache miss\",\"key\":\"users:{host}\",\"took\":0.{size},\"trace\":\"{hash:032x}\"}}"
            ),
        };
        line.expect("a text takes what is written");
        if text.len() >= SIZE {
            break;
        }
    }
    text.truncate(SIZE);
    text
}
