//! Says what the guard makes of each line of its input: `cargo run -p command-guard --example judge < lines`.

use command_guard::{Context, Grammar, Rules, judge};

fn main() {
    let context = Context {
        home: "/home/user",
        directory: "/home/user/project",
        roots: &[],
        protected: &[],
        environment: &Default::default(),
        rules: &Rules::default(),
    };
    for line in std::io::stdin().lines() {
        let line = line.expect("the input is text");
        match judge(&line, Grammar::BashOrPosix, &context) {
            Ok(()) => println!("allowed  {line}"),
            Err(refusal) => println!("{:8} {line}\n         {}", refusal.rule, refusal.reason),
        }
    }
}
