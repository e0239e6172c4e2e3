//! What the policy costs. The confinement of a command: `true`, run bare, by the bridge with `MCP_CONFINEMENT=off`, and
//! confined, in turns, in one run. The filter of a confined program's system calls. And the check of a path: a file opened
//! through the workspace beside the same file opened bare. `cargo bench --bench confinement` prints Markdown tables.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::large_futures,
    reason = "the limit that is measured against is the bare work itself"
)]

use serde_json::json;
use skynet_bridge::{
    arguments::Arguments,
    bridge::Bridge,
    caller::{Caller, Keys},
    capability::Context,
    policy::{
        Workspace,
        paths::{Intent, Named},
    },
    settings::Settings,
    terminal::ExecuteCommand,
};
use std::time::{Duration, Instant};
use syscalls::Sysno;
use tempfile::TempDir;

/// How many commands each kind runs.
const TURNS: usize = 300;

/// The most that confinement may add to the middle command.
const GOAL: Duration = Duration::from_millis(3);

/// How often each way opens the file.
const OPENINGS: usize = 20_000;

/// The most that the check of a path may add to opening a file.
const PATH_GOAL: Duration = Duration::from_micros(10);

/// How many system calls a program makes to be measured, in one of as many turns as there are.
const CALLS: u32 = 1_000_000;
const CALL_TURNS: usize = 7;

struct Kind {
    name: &'static str,
    bridge: Option<(Bridge, TempDir)>,
    times: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    paths();
    confinement().await;
    calls().await;
}

/// A file four folders deep, opened bare and through the policy, by its path in the workspace and by its whole path.
fn paths() {
    let folder = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    std::fs::create_dir_all(folder.path().join("a/b/c/d")).unwrap();
    let file = folder.path().join("a/b/c/d/f.txt");
    std::fs::write(&file, "x").unwrap();
    let workspace = |roots: &str| {
        let settings = Settings::from_pairs([("MCP_ALLOWED_DIRS", roots)]).unwrap();
        Workspace::open(&settings, folder.path()).unwrap()
    };
    let (disk, root) = (workspace(""), workspace("."));
    let checked = |workspace: &std::sync::Arc<Workspace>, path: &str| {
        drop(workspace.resolve(path, Named::File, Intent::Read).unwrap().open().unwrap());
    };
    let whole = file.to_str().unwrap();
    let bare = || drop(std::fs::File::open(&file).unwrap());
    let ways: [(&str, &dyn Fn()); 5] = [
        ("bare", &bare),
        ("no roots, relative", &|| checked(&disk, "a/b/c/d/f.txt")),
        ("no roots, absolute", &|| checked(&disk, whole)),
        ("one root, relative", &|| checked(&root, "a/b/c/d/f.txt")),
        ("one root, absolute", &|| checked(&root, whole)),
    ];
    let mut times = vec![Vec::with_capacity(OPENINGS); ways.len()];
    for _ in 0..OPENINGS {
        for ((_, open), times) in ways.iter().zip(&mut times) {
            let started = Instant::now();
            open();
            times.push(started.elapsed());
        }
    }
    println!("| open a file | p50 | p95 | added to p50 |\n|---|---|---|---|");
    let limit = percentile(&mut times[0], 50);
    for ((name, _), times) in ways.iter().zip(&mut times) {
        let (middle, slow) = (percentile(times, 50), percentile(times, 95));
        let added = middle.saturating_sub(limit);
        let verdict = if added > PATH_GOAL { ", over the goal of 10 µs" } else { "" };
        println!("| {name} | {middle:.1?} | {slow:.1?} | {added:.1?}{verdict} |");
    }
    println!();
}

/// What the filter of system calls costs each call of a program: a loop of Perl's, without and with it.
async fn calls() {
    let bridges = [kind("off", &[("MCP_CONFINEMENT", "off")]), kind("on", &[("MCP_CONFINEMENT", "require")])];
    println!("\n| a system call | without the filter | with it |\n|---|---|---|");
    for (name, call, arguments) in [
        ("`getppid`, allowed", Sysno::getppid, ""),
        ("`ioctl`, which is looked at", Sysno::ioctl, ", -1, 0x5401, 0"),
        ("`openat`, which is looked at, of a name that is not there", Sysno::openat, ", -100, $name, 0, 0"),
    ] {
        let text = format!("my $name = 'no'; syscall({}{arguments}) for 1..{CALLS}", call.id());
        let command = format!("perl -e \"{}\"", text.replace('$', "\\$"));
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..CALL_TURNS {
            for (kind, fastest) in bridges.iter().zip(&mut fastest) {
                let started = Instant::now();
                execute(&kind.bridge.as_ref().expect("both have one").0, &command).await;
                *fastest = started.elapsed().min(*fastest);
            }
        }
        let [without, with] = fastest.map(|time| (time / CALLS).as_nanos());
        println!("| {name} | {without} ns | {with} ns |");
    }
}

async fn confinement() {
    let mut kinds = vec![
        Kind { name: "`sh -c true`, bare", bridge: None, times: vec![] },
        kind("the bridge, `MCP_CONFINEMENT=off`", &[("MCP_CONFINEMENT", "off")]),
        kind("confined, no roots", &[("MCP_CONFINEMENT", "require")]),
        kind("confined, one root", &[("MCP_CONFINEMENT", "require"), ("MCP_ALLOWED_DIRS", ".")]),
        kind("confined, no network", &[("MCP_CONFINEMENT", "require"), ("MCP_TERMINAL_NETWORK", "off")]),
    ];
    for _ in 0..TURNS {
        for kind in &mut kinds {
            let started = Instant::now();
            run(kind.bridge.as_ref().map(|(bridge, _)| bridge)).await;
            kind.times.push(started.elapsed());
        }
    }
    println!("| `true` | fastest | p50 | p95 | added to p50 |\n|---|---|---|---|---|");
    let off = percentile(&mut kinds[1].times, 50);
    for kind in &mut kinds {
        let at = |kind: &mut Kind, rank| percentile(&mut kind.times, rank);
        let (fastest, middle, slow) = (at(kind, 0), at(kind, 50), at(kind, 95));
        let added = middle.saturating_sub(off);
        let verdict = match kind.name.starts_with("confined") {
            true if added > GOAL => format!("{}, over the goal of 3 ms", text(added)),
            true => text(added),
            false => String::new(),
        };
        println!("| {} | {} | {} | {} | {verdict} |", kind.name, text(fastest), text(middle), text(slow));
    }
}

fn kind(name: &'static str, settings: &[(&str, &str)]) -> Kind {
    let folder = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    let settings = Settings::from_pairs(settings.iter().copied()).unwrap();
    let bridge = Bridge::open(settings, Keys::new("benchmark-key-0123456789"), folder.path()).unwrap();
    Kind { name, bridge: Some((bridge, folder)), times: vec![] }
}

async fn run(bridge: Option<&Bridge>) {
    let Some(bridge) = bridge else {
        let output = tokio::process::Command::new("/bin/sh").args(["-c", "true"]).output().await;
        return assert!(output.unwrap().status.success());
    };
    execute(bridge, "true").await;
}

async fn execute(bridge: &Bridge, command: &str) {
    let arguments = json!({"command": command, "timeout": 30}).to_string();
    let arguments = Arguments::from_json(arguments.into()).unwrap();
    let context = Context::new(Caller::person());
    let (answer, mut record) = bridge.begin::<ExecuteCommand>(&context, arguments).await.unwrap();
    record.ends(&Ok(()));
    assert_eq!(serde_json::to_value(answer).unwrap()["success"], true);
}

fn percentile(times: &mut [Duration], rank: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * rank / 100]
}

fn text(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
