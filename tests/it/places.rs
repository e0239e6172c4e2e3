//! Secret places of homes are refused by the file routes and hidden from commands.
#![cfg(target_os = "linux")]

use crate::{
    program::{Program, command},
    server::{KEY, scratch},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const CANARY: &str = "CANARY-OF-A-SECRET-PLACE";

/// The places of the list; where any name fits, one that does.
fn places() -> Vec<String> {
    let lines = include_str!("../../src/policy/paths/secret_places.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").expect("a place and what it is").0.replace('*', "x")).collect()
}

/// A home with a canary in every place, and a harmless file beside them.
fn home() -> TempDir {
    let home = scratch();
    std::fs::write(home.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    for place in places() {
        std::fs::create_dir_all(home.path().join(&place)).unwrap();
        std::fs::write(home.path().join(&place).join("canary.txt"), CANARY).unwrap();
    }
    std::fs::write(home.path().join("harmless.txt"), "fine").unwrap();
    home
}

async fn ask(server: &Program, path: &str, arguments: Value) -> (u16, String) {
    let reply = server.post(path, KEY, &arguments).await;
    (reply.status, reply.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_of_the_list_is_refused_in_a_home_by_every_file_route() {
    let server = Program::start_in(home(), &[]);
    for place in places() {
        let at = server.path(&place).to_str().unwrap().to_owned();
        let canary = format!("{at}/canary.txt");
        for (route, arguments) in [
            ("read", json!({"path": canary})),
            ("read", json!({"path": canary, "as": "base64"})),
            ("stat", json!({"path": canary})),
            ("list", json!({"path": at})),
            ("search", json!({"path": at, "query": "CANARY", "include_hidden": true})),
            ("copy", json!({"path": canary, "to": server.path("copied.txt")})),
            ("archive", json!({"path": at, "to": server.path("packed.zip")})),
            ("download", json!({"path": canary})),
            ("write", json!({"path": canary, "content": "x"})),
            ("delete", json!({"path": at, "recursive": true})),
        ] {
            let (status, text) = ask(&server, &format!("/filesystem/{route}"), arguments).await;
            assert!(matches!(status, 403 | 422) && !text.contains(CANARY), "{route} {place}: {status} {text}");
        }
        assert_eq!(std::fs::read_to_string(&canary).unwrap(), CANARY);
    }
    let all = json!({"path": server.path(""), "query": CANARY, "include_hidden": true});
    let (status, found) = ask(&server, "/filesystem/search", all).await;
    assert!(status == 200 && !found.contains("canary.txt"), "{found}");
}

/// What a command finds of the canaries: their number, and whether it reads the harmless file.
async fn found_by_a_command(server: &Program) -> Value {
    // The history holds the line itself.
    let command = "grep -rs 'CANARY[-]OF' . | wc -l; cat harmless.txt";
    let reply = server.post("/terminal/execute", KEY, &json!({"command": command, "timeout": 30})).await;
    reply.ok()["stdout"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_place_of_the_list_can_be_read_by_a_command() {
    let server = Program::start_in(home(), &[]);
    assert_eq!(found_by_a_command(&server).await, "0\nfine");
    let open = Program::start_in(home(), &[("MCP_CONFINEMENT", "off")]);
    assert_eq!(found_by_a_command(&open).await, format!("{}\nfine", places().len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_place_of_the_list_can_be_read_by_a_command_where_namespaces_are_refused() {
    let home = home();
    let plain = command(home.path(), &[]);
    let mut refused = Command::new("unshare");
    refused.args(["-U", "-r", "sh", "-c", "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"", "sh"]);
    refused.arg(plain.get_program()).args(plain.get_args()).env_clear();
    refused.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(std::process::Stdio::null());
    let server = Program::start_as(refused, home);
    let info = server.post("/terminal/info", KEY, &json!({})).await.ok();
    assert_eq!(info["confinement"], "kernel", "{info}");
    assert_eq!(found_by_a_command(&server).await, "0\nfine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attack_found_in_homes_is_refused_and_hidden_also_when_it_comes_later() {
    let server = Program::start(&[]);
    std::fs::write(server.path("harmless.txt"), "fine").unwrap();
    assert_eq!(found_by_a_command(&server).await, "0\nfine");
    for place in include_str!("../corpora/secret-files.txt").lines() {
        let place = server.path(place);
        // Some name a folder and others what is in one of the same name.
        if std::fs::create_dir_all(place.parent().unwrap()).is_ok() && !place.is_dir() {
            std::fs::write(&place, CANARY).unwrap();
            let (status, text) = ask(&server, "/filesystem/read", json!({"path": place})).await;
            assert_eq!(status, 403, "{}: {text}", place.display());
        }
    }
    assert_eq!(found_by_a_command(&server).await, "0\nfine");
}

#[tokio::test]
async fn ordinary_files_of_a_home_and_of_projects_stay_readable() {
    let server = Program::start(&[]);
    let files: Vec<&str> = include_str!("../corpora/ordinary-files.txt").lines().collect();
    assert!(files.len() >= 60);
    std::fs::write(server.path("list"), files.join("\n") + "\n").unwrap();
    for file in files {
        let file = server.path(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "fine").unwrap();
        let (status, text) = ask(&server, "/filesystem/read", json!({"path": file})).await;
        assert_eq!(status, 200, "{}: {text}", file.display());
    }
    let command = "while read -r file; do cat \"$file\" > /dev/null || echo $file; done < list";
    let reply = server.post("/terminal/execute", KEY, &json!({"command": command})).await.ok();
    assert_eq!((&reply["stdout"], &reply["stderr"]), (&json!(""), &json!("")), "{reply}");
}

#[tokio::test]
async fn programs_whose_settings_are_hidden_still_run() {
    let server = Program::start(&[]);
    std::fs::create_dir_all(server.path(".config/uv")).unwrap();
    for settings in [".curlrc", ".wgetrc", ".gemrc", ".config/uv/uv.toml"] {
        std::fs::write(server.path(settings), CANARY).unwrap();
    }
    std::fs::write(server.path("page"), "fine\n").unwrap();
    let mut ran = 0;
    for (program, command, expected) in [
        ("curl", "curl -sS file://$PWD/page", "fine\n"),
        ("wget", "wget --version > /dev/null && echo fine", "fine\n"),
        ("gem", "gem env home > /dev/null && echo fine", "fine\n"),
        ("uv", "uv cache dir > /dev/null && echo fine", "fine\n"),
    ] {
        if std::process::Command::new(program).arg("--version").output().is_ok() {
            let reply = server.post("/terminal/execute", KEY, &json!({"command": command, "timeout": 30})).await.ok();
            assert_eq!((&reply["stdout"], &reply["stderr"]), (&json!(expected), &json!("")), "{command}: {reply}");
            ran += 1;
        }
    }
    assert!(ran > 0, "this machine has none of the programs");
}

#[tokio::test]
async fn programs_whose_histories_are_hidden_still_run() {
    let server = Program::start(&[]);
    for history in [".python_history", ".viminfo", ".lesshst", ".node_repl_history", ".bash_history"] {
        std::fs::write(server.path(history), CANARY).unwrap();
    }
    let readline = "import readline, os; print(len(os.environ['HOME']) > 0)";
    let command = format!("python3 -c \"{readline}\" && echo text | less && bash -ic 'echo shell' 2>/dev/null");
    let reply = server.post("/terminal/execute", KEY, &json!({"command": command, "timeout": 30})).await.ok();
    assert_eq!((&reply["stdout"], &reply["exit_code"]), (&json!("True\ntext\nshell\n"), &json!(0)), "{reply}");
}

#[tokio::test]
async fn a_place_that_comes_later_is_refused_too_and_a_folder_that_holds_one_is_not_moved() {
    let server = Program::start(&[]);
    let at = |name: &str| server.path(name).to_str().unwrap().to_owned();
    for place in [".codex/auth.json", ".config/google-chrome-beta/Cookies", "snap/opera-developer/x"] {
        std::fs::create_dir_all(server.path(place).parent().unwrap()).unwrap();
        std::fs::write(server.path(place), CANARY).unwrap();
        assert_eq!(ask(&server, "/filesystem/read", json!({"path": at(place)})).await.0, 403, "{place}");
    }
    let moved = ask(&server, "/filesystem/move", json!({"path": at(".codex"), "to": at("other")})).await;
    assert_eq!(moved.0, 403, "{}", moved.1);
    std::fs::create_dir_all(server.path(".config/harmless")).unwrap();
    let moved = ask(&server, "/filesystem/move", json!({"path": at(".config/harmless"), "to": at("other")})).await;
    assert_eq!(moved.0, 200, "{}", moved.1);
}

#[tokio::test]
async fn places_of_homes_that_are_not_there_yet_are_refused() {
    let server = Program::start(&[]);
    for home in
        ["/home/nobody-yet", "/var/home/nobody-yet", "/export/home/nobody-yet", "/Users/Nobody", "/mnt/c/Users/Nobody"]
    {
        assert!(!Path::new(home).exists());
        for place in
            [".ssh/id_ed25519", ".claude/.credentials.json", "AppData/Roaming/Mozilla/x", "Library/Keychains/x"]
        {
            let reply = ask(&server, "/filesystem/read", json!({"path": format!("{home}/{place}")})).await;
            assert_eq!(reply.0, 403, "{home}/{place}: {}", reply.1);
        }
        let reply = ask(&server, "/filesystem/read", json!({"path": format!("{home}/notes.txt")})).await;
        assert_eq!(reply.0, 404, "{home}: {}", reply.1);
    }
}

/// How much longer a command may take with a home of many files.
const MOST_TIMES: u32 = 2;

/// As many commands are started at least: one alone may have been held up.
const LEAST_ROUNDS: u32 = 20;

/// When the folders that are looked through must be known.
const KNOWN_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_command_starts_as_quickly_in_a_home_of_many_files_as_in_an_empty_one() {
    let (empty, full) = (Program::start(&[]), scratch());
    std::fs::write(full.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    for (folder, files) in [("", 20_000), ("Downloads", 20_000), ("snap/tool", 20_000), ("keys", 9_000)] {
        let folder = full.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        (0..files).for_each(|number| drop(std::fs::File::create(folder.join(format!("file {number}.txt"))).unwrap()));
    }
    let pattern = full.path().join("keys/*.pem");
    let full = Program::start_in(full, &[("MCP_DENIED_PATHS", pattern.to_str().unwrap())]);
    let (mut fastest, mut rounds, end) = ([Duration::MAX; 2], 0, Instant::now() + KNOWN_WITHIN);
    while rounds < LEAST_ROUNDS || fastest[1] > fastest[0] * MOST_TIMES {
        assert!(Instant::now() < end, "empty and full: {fastest:?}");
        for (server, fastest) in [&empty, &full].into_iter().zip(&mut fastest) {
            let started = Instant::now();
            server.post("/terminal/execute", KEY, &json!({"command": "true"})).await.ok();
            *fastest = started.elapsed().min(*fastest);
        }
        rounds += 1;
    }
    // What comes is found in what was known.
    for copy in [".netrc~", "Downloads/passwords.kdbx", "snap/tool/7/.netrc", "keys/own.pem"] {
        let copy = full.path(copy);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::write(&copy, CANARY).unwrap();
        let command = format!("cat '{}'", copy.display());
        let shown = full.post("/terminal/execute", KEY, &json!({"command": command})).await.text;
        assert!(!shown.contains(CANARY), "{command}: {shown}");
    }
}
