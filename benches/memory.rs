//! The memory at 1,000, 10,000 and 100,000 entries: what an add, a search, a recall and a start cost, and how much room
//! an entry takes. `cargo bench --bench memory` prints a Markdown table; a number behind `--` is the largest size.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "the limit that is measured against is the bare work itself"
)]

use serde_json::{Value, json};
use skynet_bridge::{
    arguments::Arguments,
    bridge::Bridge,
    caller::{Caller, Keys},
    capability::{Capability, Context},
    memory::{AddEntries, AddEntry, Memory, QueryMemory, RecallMemory},
    services::Services,
    settings::Settings,
};
use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Adds of one measurement, and how often it is made.
const ADDS: usize = 160;
const TURNS: usize = 5;

/// Writers where there are several.
const WRITERS: usize = 16;

/// Words of the entries and the questions: some are common, most are rare, as in language.
const WORDS: usize = 20_000;

#[tokio::main]
async fn main() {
    let largest = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(100_000);
    println!(
        "| Entries | add, 1 writer p50 | ratio to append+fsync | add, 16 writers, each | ratio to 16 that append+fsync | to one fsync for 16 | query p50 / p95 | recall p50 / p95 | start | bytes an entry |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let mut first_add = None;
    for size in [1_000, 10_000, 100_000].into_iter().filter(|size| *size <= largest) {
        let (line, add) = measure(size).await;
        println!("{line}");
        let first = *first_add.get_or_insert(add);
        if size > 1_000 {
            println!("\nan add at {size} entries costs {:.2} times one at 1,000\n", ratio(add, first));
        }
    }
}

/// One line of the table, and what an add costs.
async fn measure(size: usize) -> (String, Duration) {
    let scratch = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    let before = resident();
    let bridge = open(scratch.path());
    let mut random = Random(size as u64 + 7);
    for start in (0..size).step_by(1000) {
        let entries: Vec<Value> = (start..start + 1000).map(|number| entry(&mut random, number)).collect();
        call::<AddEntries>(&bridge, json!({"entries": entries})).await;
    }
    let room = resident().saturating_sub(before) / size;
    let adds = measure_adds(&bridge, scratch.path(), &mut random).await;
    let query = percentiles::<QueryMemory>(&bridge, &mut random).await;
    let recall = percentiles::<RecallMemory>(&bridge, &mut random).await;
    bridge.close().await;
    drop(bridge);
    let begin = Instant::now();
    let bridge = open(scratch.path());
    let start = begin.elapsed();
    bridge.close().await;
    let line = format!(
        "| {size} | {:.2?} | {:.2} | {:.3?} | {:.2} | {:.2} | {:.2?} / {:.2?} | {:.2?} / {:.2?} | {:.2?} | {room} |",
        adds.one,
        ratio(adds.one, adds.bare_one),
        adds.many,
        ratio(adds.many, adds.bare_many),
        ratio(adds.many, adds.shared),
        query.0,
        query.1,
        recall.0,
        recall.1,
        start,
    );
    (line, adds.one)
}

/// What adds cost, and the same bytes appended and synced with nothing else.
struct Adds {
    /// The middle one of one writer.
    one: Duration,
    /// Of 16 writers: the time divided by the adds.
    many: Duration,
    /// One thread that appends and syncs.
    bare_one: Duration,
    /// 16 threads that each append and sync.
    bare_many: Duration,
    /// One thread that appends 16 lines and syncs them together: no writer waits for another there.
    shared: Duration,
}

/// All of it in turns, so that what else the machine does falls on each alike; the middle turn of each.
async fn measure_adds(bridge: &Arc<Bridge>, folder: &Path, random: &mut Random) -> Adds {
    let mut turns: [Vec<Duration>; 5] = Default::default();
    for _ in 0..TURNS {
        turns[0].push(adds(bridge, 1, random).await);
        let line = last_add(folder);
        turns[2].push(bare(folder, &line, 1));
        turns[1].push(adds(bridge, WRITERS, random).await);
        turns[3].push(bare(folder, &line, WRITERS));
        turns[4].push(bare(folder, &line.repeat(WRITERS), 1) / WRITERS as u32);
    }
    let [one, many, bare_one, bare_many, shared] = turns.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    Adds { one, many, bare_one, bare_many, shared }
}

fn open(folder: &Path) -> Arc<Bridge> {
    let settings = Settings::from_pairs([]).unwrap();
    Arc::new(Bridge::open(settings, Keys::new("benchmark-key-0123456789"), folder).unwrap())
}

async fn call<C: Capability>(bridge: &Bridge, arguments: Value) -> C::Output
where
    Services: AsRef<C::Service>,
{
    let context = Context::new(Caller::person());
    let arguments = Arguments::from_object(arguments.as_object().unwrap());
    let (answer, mut record) = bridge.begin::<C>(&context, arguments).await.unwrap_or_else(|error| panic!("{error}"));
    record.ends(&Ok(()));
    answer
}

/// The middle time of an add by one writer; by several, the time divided by the adds.
async fn adds(bridge: &Arc<Bridge>, writers: usize, random: &mut Random) -> Duration {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let entries: Vec<Value> = (0..ADDS / writers).map(|number| entry(random, number)).collect();
            let bridge = Arc::clone(bridge);
            tokio::spawn(async move {
                let mut times = Vec::new();
                for entry in entries {
                    let begin = Instant::now();
                    call::<AddEntry>(&bridge, entry).await;
                    times.push(begin.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    if writers > 1 {
        return begin.elapsed() / u32::try_from(times.len()).unwrap();
    }
    times.sort();
    times[times.len() / 2]
}

/// Bytes appended and synced by some threads, nothing else; measured as [`adds`] are.
fn bare(folder: &Path, line: &[u8], writers: usize) -> Duration {
    let begin = Instant::now();
    let append = || {
        let mut file = OpenOptions::new().create(true).append(true).open(folder.join("bare")).unwrap();
        let mut times = Vec::new();
        for _ in 0..ADDS / writers {
            let begin = Instant::now();
            file.write_all(line).unwrap();
            file.sync_data().unwrap();
            times.push(begin.elapsed());
        }
        times
    };
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(append)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    if writers > 1 {
        return begin.elapsed() / u32::try_from(times.len()).unwrap();
    }
    times.sort();
    times[times.len() / 2]
}

/// What the last add put into the journal; its usual length where the journal was shortened just now.
fn last_add(folder: &Path) -> Vec<u8> {
    let journal = std::fs::read(folder.join("memory/index_memory.journal")).unwrap();
    let mut adds = journal.split_inclusive(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"n\":"));
    adds.next_back().map_or_else(|| [vec![b'x'; 280], vec![b'\n']].concat(), <[u8]>::to_owned)
}

async fn percentiles<C: Capability>(bridge: &Bridge, random: &mut Random) -> (Duration, Duration)
where
    Services: AsRef<Memory> + AsRef<C::Service>,
{
    let mut times = Vec::new();
    for _ in 0..200 {
        let question = if C::NAME == "memory_recall" { random.sentence(8) } else { random.sentence(1) };
        let begin = Instant::now();
        call::<C>(bridge, json!({"query": question})).await;
        times.push(begin.elapsed());
    }
    times.sort();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

/// An entry of about 100 characters.
fn entry(random: &mut Random, number: usize) -> Value {
    let mut content = random.sentence(14);
    content.truncate(100);
    json!({"content": content, "tags": [format!("project-{}", number / 500)]})
}

/// Numbers that are the same in every run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Words whose frequencies fall as Zipf found them to.
    fn sentence(&mut self, words: usize) -> String {
        let word = |random: &mut Self| {
            let share = (random.next() % 1_000_000) as f64 / 1e6;
            let rank = (WORDS as f64).powf(share) as u64;
            let syllables = ["ba", "ri", "to", "lu", "ne", "ka", "mi", "so", "du", "pe"];
            (0..3 + rank % 2)
                .map(|place| syllables[(rank / 10_u64.pow(u32::try_from(place).unwrap()) % 10) as usize])
                .collect::<String>()
        };
        (0..words).map(|_| word(self)).collect::<Vec<_>>().join(" ")
    }
}

fn ratio(ours: Duration, limit: Duration) -> f64 {
    ours.as_secs_f64() / limit.as_secs_f64()
}

/// Resident memory of this process in bytes; 0 where the system does not say.
fn resident() -> usize {
    let pages =
        std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
