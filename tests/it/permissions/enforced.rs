//! Each agent does what its profile lets it, over every face and in commands.

use crate::{
    agents::{add, say},
    approvals::with,
    mcp::client::{Quiet, connect},
    program::Program,
    server::KEY,
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::fs;

fn command(line: &str) -> Value {
    json!({"command": line})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_agent_reads_only_while_another_does_all() {
    let (program, [reader, other]) = with("", &[], ["read-only", "trusted"]);
    fs::write(program.path("a.txt"), "as it was").unwrap();
    let file = json!({"path": program.path("a.txt"), "content": "changed"});
    let read = program.post("/filesystem/read", &reader, &file).await.ok();
    assert_eq!(read["content"], "as it was");
    program.post("/terminal/info", &reader, &json!({})).await.ok();
    for (route, arguments) in [
        ("/filesystem/write", file.clone()),
        ("/filesystem/delete", file.clone()),
        ("/terminal/execute", command("echo hello")),
        ("/terminal/start", command("echo hello")),
        ("/memory/add", json!({"content": "a note"})),
        ("/internet/fetch", json!({"url": "http://example.com/"})),
        ("/sandbox/run", json!({"code": "1"})),
        ("/memory/clear", json!({"confirm": true})),
    ] {
        let refused = program.post(route, &reader, &arguments).await;
        assert_eq!(refused.status, 403, "{route} {}", refused.body);
        assert!(refused.body["hint"].as_str().unwrap().contains("read-only"), "{route} {}", refused.body);
    }
    assert_eq!(fs::read_to_string(program.path("a.txt")).unwrap(), "as it was");
    program.post("/filesystem/write", &other, &file).await.ok();
    program.post("/terminal/execute", &other, &command("true")).await.ok();
    program.post("/terminal/execute", KEY, &command("true")).await.ok();
    let told = say(&program.path(""), &["history", "--agent", "of-read-only", "--outcome", "refused"]).done();
    assert_eq!(told.lines().count(), 8, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_sees_the_tools_that_it_has_and_is_told_what_it_may() {
    let (program, [reader]) = with("", &[], ["read-only"]);
    let seen = async |key: &str| {
        let client = connect(&program.url, key, Quiet).await;
        let tools = client.list_all_tools().await.unwrap();
        let instructions = client.peer_info().unwrap().instructions.clone().unwrap();
        (tools.iter().map(|tool| tool.name.to_string()).collect::<Vec<_>>(), instructions)
    };
    let ((of_reader, told), (all, plain)) = (seen(&reader).await, seen(KEY).await);
    assert!(told.contains("agent of-read-only") && told.contains("changes files only in: nothing"), "{told}");
    assert!(!plain.contains("permissions_request"), "{plain}");
    assert!(of_reader.contains(&"filesystem_read".to_owned()) && all.contains(&"filesystem_write".to_owned()));
    assert!(
        !of_reader.contains(&"filesystem_write".to_owned()) && !of_reader.iter().any(|it| it.starts_with("sandbox_"))
    );
    let info = program.post("/terminal/info", &reader, &json!({})).await.ok();
    assert_eq!((info["agent"].as_str(), info["profile"].as_str()), (Some("of-read-only"), Some("read-only")));
    let said = info["permissions"].to_string();
    assert!(said.contains("only these tools: @read") && said.contains("changes files only in: nothing"), "{said}");
    let info = program.post("/terminal/info", KEY, &json!({})).await.ok();
    assert_eq!((info["profile"].as_str(), info.get("permissions")), (Some("trusted"), None));
}

const PLACES: &str = r#"
[profile.narrow]
inherits = "trusted"
[profile.narrow.files]
write = ["work"]
deny = ["secret", "work/**/*.key"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_hold_for_routes_and_commands_alike_and_for_one_agent_only() {
    let (program, [narrow, other]) = with(PLACES, &[], ["narrow", "trusted"]);
    for (file, text) in [("work/a.txt", "a"), ("secret/b.txt", "b"), ("work/c.key", "c"), ("d.txt", "d")] {
        fs::create_dir_all(program.path(file).parent().unwrap()).unwrap();
        fs::write(program.path(file), text).unwrap();
    }
    let at = |name: &str| json!({"path": program.path(name), "content": "new"});
    for (route, name, is_allowed) in [
        ("read", "work/a.txt", true),
        ("read", "d.txt", true),
        ("read", "secret/b.txt", false),
        ("read", "work/c.key", false),
        ("write", "work/a.txt", true),
        ("write", "d.txt", false),
        ("write", "new.txt", false),
        ("write", "work/new.key", false),
    ] {
        let reply = program.post(&format!("/filesystem/{route}"), &narrow, &at(name)).await;
        assert_eq!(reply.status == 200, is_allowed, "{route} {name} {}", reply.body);
        if !is_allowed {
            let hint = reply.body["hint"].as_str().unwrap();
            assert!(hint.contains("permissions.toml, line"), "{hint}");
        }
    }
    for (line, is_allowed) in [
        ("cat work/a.txt", true),
        ("cat d.txt", true),
        ("cat secret/b.txt", false),
        ("cat work/c.key", false),
        ("echo x > work/made.txt", true),
        ("echo x > made.txt", false),
        ("echo x >> d.txt", false),
        ("mv work work2", false),
        ("ln work/c.key work/link", false),
    ] {
        let done = program.post("/terminal/execute", &narrow, &command(line)).await.body;
        assert_eq!(done["success"] == true, is_allowed, "{line} {done}");
    }
    // What it changed it sees and takes back.
    let changes = program.post("/filesystem/changes", &narrow, &json!({})).await.ok();
    let id = &changes["items"][0]["id"];
    program.post("/filesystem/undo", &narrow, &json!({"id": id})).await.ok();
    assert_eq!(fs::read_to_string(program.path("work/a.txt")).unwrap(), "a");
    // A file that comes to match later is covered from the next command on.
    fs::write(program.path("work/later.key"), "later").unwrap();
    let done = program.post("/terminal/execute", &narrow, &command("cat work/later.key")).await.body;
    assert_eq!(done["success"], false, "{done}");
    for line in ["cat secret/b.txt work/c.key work/later.key", "echo x > made.txt"] {
        let done = program.post("/terminal/execute", &other, &command(line)).await.body;
        assert_eq!(done["success"], true, "{line} {done}");
    }
}

const COMMANDS: &str = r#"
[profile.git-only]
inherits = "trusted"
[profile.git-only.commands]
default = "deny"
allow = ["git status *", "ls *"]
deny = ["ls /var *"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_what_they_would_run() {
    let (program, [key]) = with(COMMANDS, &[], ["git-only"]);
    for (line, is_allowed) in [
        ("ls", true),
        ("cd . && ls -la | ls", true),
        ("git status --short || true", true),
        ("git push", false),
        ("ls; git push", false),
        ("ls $(git push)", false),
        ("bash -c 'git push'", false),
        ("ls /var", false),
        ("env ls /var", false),
        ("$x", false),
    ] {
        let reply = program.post("/terminal/execute", &key, &command(line)).await;
        assert_eq!(reply.status != 403, is_allowed, "{line} {}", reply.body);
    }
    let started = program.post("/terminal/start", &key, &command("cat")).await;
    assert_eq!(started.status, 403, "{}", started.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_one_agent_have_no_network() {
    let file = "[profile.offline]\ninherits = \"trusted\"\n[profile.offline.network]\ncommands = \"off\"\n";
    let (program, [offline, other]) = with(file, &[], ["offline", "trusted"]);
    let port = program.url.rsplit(':').next().unwrap();
    let line = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)'");
    let done = program.post("/terminal/execute", &offline, &command(&line)).await.body;
    assert_eq!(done["success"], false, "{done}");
    let done = program.post("/terminal/execute", &other, &command(&line)).await.body;
    assert_eq!(done["success"], true, "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_changes_counts_for_the_next_call() {
    let (program, [key]) = with("", &[], ["trusted"]);
    let (directory, file) = (program.path(""), json!({"path": program.path("a.txt"), "content": "x"}));
    let status = async || program.post("/filesystem/write", &key, &file).await.status;
    assert_eq!(status().await, 200);
    say(&directory, &["agent", "set", "of-trusted", "--profile", "read-only"]).done();
    assert_eq!(status().await, 403);
    let refused = say(&directory, &["agent", "set", "of-trusted", "--profile", "mine"]).refused();
    assert!(refused.contains("There is no profile mine: there are careful"), "{refused}");
    fs::write(program.path("permissions.toml"), "[profile.mine]\ninherits = \"read-only\"\n").unwrap();
    say(&directory, &["agent", "set", "of-trusted", "--profile", "mine"]).done();
    assert_eq!(status().await, 403);
    fs::write(program.path("permissions.toml"), "[profile.mine]\ninherits = \"trusted\"\n").unwrap();
    assert_eq!(status().await, 200);
    // A mistake keeps what was before; a profile that is gone is a no.
    fs::write(program.path("permissions.toml"), "[profile.mine]\ninherits = \"trustd\"\n").unwrap();
    assert_eq!(status().await, 200);
    fs::write(program.path("permissions.toml"), "").unwrap();
    let refused = program.post("/filesystem/write", &key, &file).await;
    assert!(refused.status == 403 && refused.detail().contains("mine"), "{}", refused.body);
    assert!(say(&directory, &["agent", "show", "of-trusted"]).done().contains("profile         mine"));
    // After a restart, and where no bridge runs.
    let stopped = program.kill();
    say(stopped.path(), &["agent", "set", "of-trusted", "--profile", "careful"]).done();
    assert!(say(stopped.path(), &["agent", "set", "of-trusted", "--profile", "mine"]).refused().contains("no profile"));
    let program = Program::start_in(stopped, &[]);
    assert_eq!(program.post("/filesystem/write", &key, &file).await.status, 200);
    let _ = add(&program, "another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_hold_for_where_a_redirect_leads_too() {
    let file = "[profile.one-host]\ninherits = \"trusted\"\nnetwork = { fetch = { allow = [\"127.0.0.1\"] } }\n";
    let settings = [("MCP_FETCH_ALLOW_PRIVATE", "127.0.0.1,localhost")];
    let (program, [key]) = with(file, &settings, ["one-host"]);
    let last = Upstream::with_body("", "reached").await;
    let elsewhere = last.url.replace("127.0.0.1", "localhost");
    let to =
        |url: &str| Upstream::answering(format!("HTTP/1.1 302 Found\r\nlocation: {url}/\r\ncontent-length: 0\r\n\r\n"));
    let (inside, outside) = (to(&last.url).await, to(&elsewhere).await);
    let fetch = async |key: &str, url: &str| {
        program.post("/internet/fetch", key, &json!({"url": url, "follow_redirects": true})).await
    };
    assert_eq!(fetch(&key, &inside.url).await.ok()["content"], "reached");
    for url in [&elsewhere, &outside.url] {
        let refused = fetch(&key, url).await;
        assert!(refused.status == 403 && refused.text.contains("localhost"), "{url} {}", refused.text);
        assert_eq!(fetch(KEY, url).await.ok()["content"], "reached", "another agent may");
    }
    assert_eq!(last.requests().len(), 3, "nothing was sent to where it may not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memories_are_reached_by_their_tags() {
    let file = "[profile.work]\ninherits = \"trusted\"\nmemory = { read = [\"work\"], write = [\"work\"] }\n";
    let (program, [key]) = with(file, &[], ["work"]);
    let add = |tags: &[&str]| json!({"content": format!("about {tags:?}"), "tags": tags});
    let private = program.post("/memory/add", KEY, &add(&["private"])).await.ok()["id"].clone();
    let own = program.post("/memory/add", &key, &add(&["work"])).await.ok()["id"].clone();
    assert!(private.is_string() && own.is_string());
    for (route, arguments, is_allowed) in [
        ("add", add(&["work", "private"]), false),
        ("add", add(&[]), false),
        ("get", json!({"id": own}), true),
        ("update", json!({"id": own, "tags": ["private"]}), false),
        ("clear", json!({"confirm": true}), false),
    ] {
        let reply = program.post(&format!("/memory/{route}"), &key, &arguments).await;
        assert_eq!(reply.status != 403, is_allowed, "{route} {arguments} {}", reply.body);
    }
    // What it does not recall is not there for it, however it looks.
    for (route, arguments) in [
        ("list", json!({})),
        ("list", json!({"tags": ["work", "private"]})),
        ("recall", json!({"query": "private work"})),
        ("recall", json!({"query": "work", "tags": ["work"]})),
        ("query", json!({"query": "about"})),
        ("export", json!({})),
        ("tags", json!({})),
    ] {
        let seen = program.post(&format!("/memory/{route}"), &key, &arguments).await.ok();
        let words = seen["results"].to_string() + &seen["content"].to_string() + &seen["items"].to_string();
        assert!(words.contains("work") && !words.contains("private"), "{route} {arguments} {seen}");
        assert!(seen["total"].as_u64().is_none_or(|total| total == 1), "{seen}");
    }
    let missing = program.post("/memory/get", &key, &json!({"id": private})).await;
    let never = program.post("/memory/get", &key, &json!({"id": "mem_none"})).await;
    assert_eq!((missing.status, never.status), (404, 404), "{}", missing.body);
    program.post("/memory/get", KEY, &json!({"id": private})).await.ok();
    for route in ["update", "delete"] {
        let reply = program.post(&format!("/memory/{route}"), &key, &json!({"id": private})).await;
        assert_eq!(reply.status, 404, "{route} {}", reply.body);
    }
    let cursor =
        program.post("/memory/list", &key, &json!({"cursor": format!("0.{}", private.as_str().unwrap())})).await;
    assert_eq!(cursor.status, 422, "{}", cursor.body);
    program.post("/memory/delete", &key, &json!({"id": own})).await.ok();
    // Nor by the files that hold them.
    for file in ["index_memory.json", "memory_index.md"] {
        let reply = program.post("/filesystem/read", &key, &json!({"path": program.path("memory").join(file)})).await;
        assert_eq!(reply.status, 403, "{file} {}", reply.body);
    }
    let done = program.post("/terminal/execute", &key, &command("cat memory/index_memory.*")).await.body;
    assert!(!done.to_string().contains("private"), "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_change_every_memory_still_reaches_none_that_it_does_not_recall() {
    let file = "[profile.work]\ninherits = \"trusted\"\nmemory = { read = [\"work\"] }\n";
    let (program, [key]) = with(file, &[], ["work"]);
    let add = |tags: &[&str]| json!({"content": "the launch is on Monday", "tags": tags, "dedupe": true});
    let private = program.post("/memory/add", KEY, &add(&["private"])).await.ok()["id"].clone();
    let line = json!({"id": private, "content": "mine", "tags": ["work"]}).to_string();
    for (route, arguments, status) in [
        ("update", json!({"id": private}), 404),
        ("update", json!({"id": private, "tags": ["work"]}), 404),
        ("delete", json!({"id": private}), 404),
        ("import", json!({"content": line, "on_conflict": "replace"}), 403),
        ("delete", json!({"since": "2020-01-01", "confirm": true}), 403),
        ("clear", json!({"confirm": true}), 403),
        ("restore", json!({}), 403),
        ("add", add(&[]), 403),
    ] {
        let reply = program.post(&format!("/memory/{route}"), &key, &arguments).await;
        assert_eq!(reply.status, status, "{route} {arguments} {}", reply.body);
        assert!(!reply.text.contains("Monday"), "{}", reply.text);
    }
    let same = program.post("/memory/add", &key, &add(&["private"])).await.ok();
    assert_ne!(same["id"], private, "what it guesses is not confirmed");
    let many = json!({"entries": [{"content": "the launch is on Monday", "tags": ["private"]}], "dedupe": true});
    assert_ne!(program.post("/memory/add_many", &key, &many).await.ok()["ids"][0], private);
    let kept = program.post("/memory/get", KEY, &json!({"id": private})).await.ok();
    assert_eq!(kept["entry"]["content"], "the launch is on Monday", "{kept}");
}
