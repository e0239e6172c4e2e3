//! A developer's day: what programs do in it, they do in the same way with and without confinement.
//!
//! Each story is a script in `tests/day`. It runs once as the user would run it (`off`) and then in each kind of
//! confinement, in folders of its own, and how it ends and what it prints must be the same.
#![cfg(target_os = "linux")]

use crate::{
    confinement::Started,
    server::{KEY, Reply, client, scratch},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long a story may take, in seconds.
const LONGEST: u64 = 300;

/// How commands are held, and whether the project's folder is the only root.
const WAYS: [(&str, bool); 3] = [("off", false), ("require", false), ("require", true)];

/// A test for each story, and the list of all of them.
macro_rules! stories {
    ($folder:literal, $list:ident, $attribute:tt, { $($file:literal: $name:ident,)* }) => {
        const $list: &[&str] = &[$(concat!($folder, "/", $file, ".sh"),)*];
        $(
            #[tokio::test]
            #$attribute
            async fn $name() {
                goes_the_same_way(concat!($folder, "/", $file, ".sh")).await;
            }
        )*
    };
}

stories!("quick", QUICK, [cfg(target_os = "linux")], {
    "cargo": cargo_builds_runs_tests_and_documents_a_library_with_a_program_and_a_dependency,
    "git": git_commits_moves_rebases_pushes_and_has_worktrees_and_submodules,
    "inotify": changes_of_files_are_noticed_as_they_come,
    "locales": text_times_and_names_follow_the_locale,
    "make": make_and_gcc_build_archives_libraries_and_programs,
    "multiprocessing": processes_share_memory_locks_and_queues,
    "node": node_has_workers_children_watchers_and_sockets,
    "servers": servers_of_python_and_node_answer_on_loopback,
    "shell": archives_links_patches_pipes_and_jobs_work,
    "sqlite": sqlite_is_written_from_many_threads,
    "venv": a_virtual_environment_is_made_and_files_move_between_folders,
});

stories!("long", LONG, [ignore = "needs programs and packages that .ci/run installs"], {
    "apt": apt_says_what_it_would_do,
    "bun": bun_adds_runs_tests_and_compiles,
    "chromium": chromium_renders_pages_and_takes_pictures_of_them,
    "gdb": gdb_stops_looks_and_attaches,
    "go": go_builds_tests_and_finds_races,
    "java": java_compiles_runs_and_packs,
    "npm": npm_installs_runs_and_packs,
    "pnpm": pnpm_adds_and_runs,
    "postgres": postgresql_starts_answers_and_stops_in_a_folder,
    "pytest": pip_and_pytest_install_and_test,
    "sanitizers": sanitizers_find_what_they_look_for,
    "strace": strace_follows_counts_and_attaches,
    "tmux": tmux_is_started_and_used,
    "uv": uv_makes_an_environment_and_a_project,
    "valgrind": valgrind_finds_what_it_looks_for,
    "yarn": yarn_adds_and_runs,
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/day")
}

async fn goes_the_same_way(story: &str) {
    let text = std::fs::read_to_string(folder().join(story)).unwrap();
    if let Some(program) = missing(&text) {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let is_required = variable("BRIDGE_TEST_PROGRAMS") == "required";
        let is_not_to_be_had = variable("BRIDGE_TEST_WITHOUT").split(' ').any(|name| name == program);
        assert!(!is_required || is_not_to_be_had, "{program} is not installed");
        return eprintln!("{story} not tried: this machine has no {program}");
    }
    let mut first = None;
    for (confinement, has_root) in WAYS {
        let outcome = tell(&text, confinement, has_root).await;
        let seen = (outcome["exit_code"].clone(), outcome["stdout"].clone());
        assert_eq!(seen.0, 0, "{story}, {confinement}, root: {has_root}: {outcome:#}");
        let expected = first.get_or_insert_with(|| seen.clone());
        assert_eq!(&seen, expected, "{story}, {confinement}, root: {has_root}: {outcome:#}");
    }
}

/// The first program that the story needs and that is not there.
fn missing(story: &str) -> Option<&str> {
    let needs = story.lines().find_map(|line| line.strip_prefix("# needs: ")).expect("it says what it needs");
    let is_there = |name: &&str| Command::new("which").arg(name).output().is_ok_and(|found| found.status.success());
    needs.split(' ').find(|name| !is_there(name))
}

/// Runs a story in an empty folder, with a home of its own.
async fn tell(story: &str, confinement: &str, has_root: bool) -> Value {
    let directory = scratch();
    // A server that a story starts as another user gets there, too.
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["bridge", "home", "work"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    let place = |name: &str| directory.path().join(name);
    std::fs::write(place("bridge/.env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    std::fs::write(place("work/.story"), story).unwrap();
    let mut command = Command::new(crate::program::BINARY);
    command.arg("--directory").arg(place("bridge")).env_remove("MCP_API_KEY").env("HOME", place("home"));
    command.env("MCP_CONFINEMENT", confinement).env("MAX_COMMAND_TIMEOUT", LONGEST.to_string());
    if has_root {
        command.env("MCP_ALLOWED_DIRS", place("work"));
    }
    keep_toolchains(&mut command);
    let line = "exec bash -euo pipefail .story";
    let arguments = json!({"command": line, "cwd": place("work"), "timeout": LONGEST});
    let server = Started::run(command, directory).expect("it starts");
    let request = client().post(format!("{}/terminal/execute", server.url())).bearer_auth(KEY).json(&arguments);
    let reply = Reply::send(request.timeout(Duration::from_secs(LONGEST + 10))).await;
    let work = server.directory().join("work");
    serde_json::from_str(&reply.ok().to_string().replace(work.to_str().unwrap(), "WORK")).unwrap()
}

/// Tools that find their files by the home find them by variables where the home is another one.
fn keep_toolchains(command: &mut Command) {
    let home = std::env::home_dir().unwrap_or_default();
    for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")] {
        if std::env::var_os(name).is_none() && home.join(folder).is_dir() {
            command.env(name, home.join(folder));
        }
    }
}

#[test]
fn every_story_is_told() {
    let mut there: Vec<String> = Vec::new();
    for kind in ["quick", "long"] {
        let names = std::fs::read_dir(folder().join(kind)).unwrap().flatten().map(|entry| entry.file_name());
        there.extend(names.map(|name| format!("{kind}/{}", name.to_str().unwrap())));
    }
    there.sort();
    let mut told: Vec<&str> = QUICK.iter().chain(LONG).copied().collect();
    told.sort_unstable();
    assert_eq!(there, told);
}
