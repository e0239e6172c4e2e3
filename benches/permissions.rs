//! What a decision costs with 1,000 rules, and reading a file of 10,000: `cargo bench --bench permissions`.
#![allow(missing_docs, reason = "a benchmark")]

use command_guard::{Context, Grammar, Rules, read};
use criterion::{Criterion, criterion_group, criterion_main};
use skynet_bridge::{
    caller::Access,
    catalog,
    permissions::{Base, Facts, Profiles},
    policy::paths::Intent,
    settings::Settings,
};
use std::{collections::BTreeMap, hint::black_box, path::Path};

/// A profile with about so many rules: of places, commands, hosts, and of what the person is asked about.
fn file(rules: usize) -> String {
    let list = |text: &dyn Fn(usize) -> String| {
        (0..rules / 5).map(|n| format!("\"{}\"", text(n))).collect::<Vec<_>>().join(", ")
    };
    let asks = (0..rules / 5).map(|n| format!("{{ path = \"/srv/**/asked{n}\" }}")).collect::<Vec<_>>().join(", ");
    format!(
        "[profile.a]\ninherits = \"trusted\"\nask = [{asks}]\n[profile.a.files]\ndeny = [{}]\n[profile.a.commands]\ndefault = \"ask\"\n\
         allow = [\"git status *\", {}]\ndeny = [{}]\n[profile.a.network.fetch]\ndeny = [{}]\n",
        list(&|n| format!("/srv/p{n}/**/*.key")),
        list(&|n| format!("git status --flag{n} *")),
        list(&|n| format!("git push --to=host{n}*")),
        list(&|n| format!("**.h{n}.example.org")),
    )
}

fn permissions(criterion: &mut Criterion) {
    let directory = std::env::temp_dir();
    let (settings, tools) = (Settings::from_pairs([]).expect("the defaults are settings"), catalog::tools());
    let base = Base { directory: &directory, settings: &settings, tools: &tools };
    let profiles = Profiles::read(&file(1000), &base).expect("the file has no mistakes");
    let profile = profiles.get("a").expect("it is there");
    let paths = [(Path::new("/srv/project/src/deep/er/main.rs"), Intent::Read)];
    let of_file = Facts { paths: &paths, ..Facts::of("filesystem_read", Access::Read) };
    criterion.bench_function("a read, 1,000 rules", |bench| bench.iter(|| profile.decide(black_box(&of_file)).effect));
    let of_host = Facts { host: Some("docs.example.org"), ..Facts::of("internet_fetch", Access::Network) };
    criterion.bench_function("a fetch, 1,000 rules", |bench| bench.iter(|| profile.decide(black_box(&of_host)).effect));
    let (rules, environment) = (Rules::default(), BTreeMap::new());
    let context = Context {
        home: "/home/user",
        directory: "/srv/project",
        roots: &[],
        protected: &[],
        environment: &environment,
        rules: &rules,
    };
    let line = "cd src && git status --short --branch | grep -v '^?' | head -20";
    criterion.bench_function("a command, read and decided, 1,000 rules", |bench| {
        bench.iter(|| {
            let reading = read(black_box(line), Grammar::Bash, &context);
            let facts = Facts { command: Some(&reading), ..Facts::of("terminal_execute", Access::Execute) };
            profile.decide(&facts).effect
        });
    });
    let large = file(10_000);
    criterion.bench_function("reading a file of 10,000 rules", |bench| {
        bench.iter(|| Profiles::read(black_box(&large), &base).is_ok());
    });
}

criterion_group!(benches, permissions);
criterion_main!(benches);
