//! What commands rename, link and replace: harmless things go as outside, and nothing denied comes within reach.

use super::worlds::worlds;
use serde_json::Value;

#[tokio::test]
async fn files_and_folders_go_from_one_folder_to_another() {
    let script = "set -e; cd project/open; mkdir a b; echo x > a/f; echo y > a/g
python3 -c \"import os; os.rename('a/f', 'b/f'); os.link('a/g', 'b/g'); os.rename('a', 'b/a')\"
ln b/f hard; mv b/g b/a/h; cat b/f b/a/h hard
mkdir -p /dev/shm/a /dev/shm/b; echo z > /dev/shm/a/f; python3 -c \"import os; os.rename('/dev/shm/a/f', '/dev/shm/b/f')\"";
    for world in worlds().await {
        let answer = world.run(script).await;
        assert_eq!(answer["stdout"], "x\ny\nx\n", "{}: {answer}", world.name);
        assert_eq!(answer["success"], true, "{}: {answer}", world.name);
    }
}

#[tokio::test]
async fn git_moves_files_and_pushes_to_a_repository_beside() {
    let script =
        "set -e; cd project/open; export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; git init -q --bare bare.git; git init -q r; cd r; mkdir src
echo x > f; git add f; git commit -qm first; git mv f src/g; git commit -qm moved; git push -q ../bare.git HEAD:main
git gc -q; git -C ../bare.git show --stat --format=%s main";
    for world in worlds().await {
        let answer = world.run(script).await;
        let output = answer["stdout"].as_str().unwrap();
        assert!(answer["success"] == true && output.starts_with("moved"), "{}: {answer}", world.name);
    }
}

#[tokio::test]
async fn cargo_builds_a_library_with_a_program() {
    let script = "set -e; cd project/open; mkdir -p c/src; cd c
printf '[package]\nname = \"c\"\nversion = \"0.1.0\"\nedition = \"2021\"\n' > Cargo.toml
echo 'pub fn six() -> u32 { 6 }' > src/lib.rs; echo 'fn main() { println!(\"{}\", 7 * c::six()) }' > src/main.rs
cargo run -q --offline";
    for world in worlds().await {
        // Another user may not have the tools of this one.
        if has(&world.run("cargo --version").await) {
            let answer = world.run(script).await;
            assert_eq!(answer["stdout"], "42\n", "{}: {answer}", world.name);
        }
    }
}

fn has(answer: &Value) -> bool {
    answer["success"] == true
}
