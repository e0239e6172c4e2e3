# needs: cargo
mkdir -p app/src app/tests greeting/src app/.cargo
cat > greeting/Cargo.toml <<'T'
[package]
name = "greeting"
version = "0.1.0"
edition = "2021"
T
cat > greeting/src/lib.rs <<'T'
//! Greets.
/// Greets `name`.
pub fn greet(name: &str) -> String { format!("hello {name}") }
T
cat > app/Cargo.toml <<'T'
[package]
name = "app"
version = "0.1.0"
edition = "2021"
build = "build.rs"
[dependencies]
greeting = { path = "../greeting" }
T
cat > app/build.rs <<'T'
fn main() { std::fs::write(std::env::var("OUT_DIR").unwrap() + "/made.rs", "const MADE: u8 = 7;").unwrap(); }
T
cat > app/src/lib.rs <<'T'
//! An app.
include!(concat!(env!("OUT_DIR"), "/made.rs"));
/// Says it.
pub fn say() -> String { format!("{} {MADE}", greeting::greet("world")) }
#[test] fn it_says_so() { assert_eq!(say(), "hello world 7"); }
T
echo 'fn main() { println!("{}", app::say()); }' > app/src/main.rs
echo '#[test] fn outside() { assert!(app::say().starts_with("hello")); }' > app/tests/outside.rs
cd app
cargo run --quiet --offline
cargo test --quiet --offline 2>&1 | grep -c "test result: ok"
cargo doc --quiet --offline --no-deps && ls target/doc/app/fn.say.html
touch src/lib.rs && cargo build --quiet --offline && cargo clean --quiet && test ! -e target && echo clean
