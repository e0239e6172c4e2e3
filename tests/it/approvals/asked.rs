//! The person says yes and no.

use super::{begun, question, questions, with};
use crate::{
    agents::{history, say},
    mcp::client::{Quiet, connect, params, text},
    server::until,
};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_work_at_once_and_the_person_has_the_say() {
    let (program, [careful, trusted]) = with("", &[], ["careful", "trusted"]);
    let directory = program.path("");
    let line = json!({"command": "touch made.txt && echo done"});
    let asks = begun(&program, &careful, "/terminal/execute", &line);
    let (id, shown) = question(&program).await;
    for said in ["of-careful", "terminal_execute", "touch made.txt && echo done", "commands.default"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    // Nothing has run, and nobody else waits for it.
    assert!(!program.path("made.txt").exists());
    program.post("/terminal/execute", &trusted, &json!({"command": "touch other.txt"})).await.ok();
    let looks = program.post("/terminal/execute", &careful, &json!({"command": "ls -la | head -5"})).await.ok();
    assert_eq!(looks["success"], true, "what only reads is not asked about");

    say(&directory, &["approve", &id]).done();
    let done = asks.await.unwrap().ok();
    assert!(done["stdout"] == "done\n" && program.path("made.txt").exists(), "{done}");
    let late = say(&directory, &["approve", &id]).refused();
    assert!(late.contains(&id) && late.contains("approved"), "the second answer comes too late: {late}");

    let asks = begun(&program, &careful, "/terminal/execute", &json!({"command": "rm made.txt"}));
    let (id, _) = question(&program).await;
    say(&directory, &["deny", &id, "--reason", "Keep that file"]).done();
    let refused = asks.await.unwrap();
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Keep that file") && program.path("made.txt").exists(), "{}", refused.text);

    say(&directory, &["pause", "of-careful"]).done();
    assert_eq!(program.post("/terminal/execute", &careful, &line).await.status, 423);
    for outcome in ["ok", "refused", "paused"] {
        until("the history tells it", || {
            history(&program, &["--agent", "of-careful", "--outcome", outcome]).contains(outcome)
        })
        .await;
    }
    let told = history(&program, &["--agent", "person"]);
    assert!(told.contains("control_approve") && told.contains("control_deny"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_wait_is_told_and_passes_once_after_a_yes() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let directory = program.path("");
    let line = json!({"command": "touch once.txt"});
    let asked = program.post("/terminal/execute", &key, &line).await;
    assert_eq!(asked.status, 403);
    let approval = &asked.body["approval"];
    assert_eq!((approval["status"].as_str(), approval["agent"].as_str()), (Some("pending"), Some("of-careful")));
    let id = approval["id"].as_str().unwrap();
    assert!(
        id.starts_with("apr_") && asked.body["hint"].as_str().unwrap().contains("within 10 minutes"),
        "{}",
        asked.body
    );
    // The same call asks the same question, another one another.
    let again = program.post("/terminal/execute", &key, &line).await;
    assert_eq!(again.body["approval"]["id"], id);
    say(&directory, &["approve", id]).done();
    let other = program.post("/terminal/execute", &key, &json!({"command": "touch other.txt"})).await;
    assert_eq!(other.status, 403);
    assert_ne!(other.body["approval"]["id"], id);
    program.post("/terminal/execute", &key, &line).await.ok();
    assert_eq!(program.post("/terminal/execute", &key, &line).await.status, 403, "a yes is for once");
    let listed = say(&directory, &["deny", "--all", "of-careful"]).done();
    assert!(!listed.is_empty() && say(&directory, &["approve"]).done().contains("Nothing waits"));
    assert!(say(&directory, &["approve", "apr_none"]).refused().contains("apr_none"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_yes_to_is_done_only_as_it_was() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let directory = program.path("");
    fs::write(program.path("deploy.sh"), "echo harmless\n").unwrap();
    let line = json!({"command": "sh ./deploy.sh"});
    let approve = async || {
        let asked = program.post("/terminal/execute", &key, &line).await;
        say(&directory, &["approve", asked.body["approval"]["id"].as_str().unwrap()]).done();
    };
    approve().await;
    fs::write(program.path("deploy.sh"), "echo harmful\n").unwrap();
    let asked = program.post("/terminal/execute", &key, &line).await;
    assert_eq!(asked.status, 403, "another script is another call");
    approve().await;
    let done = program.post("/terminal/execute", &key, &line).await.ok();
    assert_eq!(done["stdout"], "harmful\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_hold_for_an_hour_for_its_kind_and_never_where_anything_could_hide() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let directory = program.path("");
    let id = async |line: &str| {
        let reply = program.post("/terminal/execute", &key, &json!({"command": line})).await;
        reply.body["approval"]["id"].as_str().map(str::to_owned)
    };
    let first = id("touch a.txt").await.unwrap();
    say(&directory, &["approve", &first, "--hour"]).done();
    for line in ["touch a.txt", "touch a.txt && ls", "touch  'a.txt'"] {
        assert_eq!(id(line).await, None, "{line}");
    }
    fs::create_dir(program.path("sub")).unwrap();
    for more in [json!({"cwd": program.path("sub")}), json!({"env": {"PATH": program.path("sub")}})] {
        let mut elsewhere = json!({"command": "touch a.txt"});
        elsewhere.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = program.post("/terminal/execute", &key, &elsewhere).await;
        assert_eq!(reply.status, 403, "{elsewhere} {}", reply.body);
    }
    for line in ["touch b.txt", "touch a.txt; touch b.txt", "touch a.txt > c.txt", "sudo touch a.txt"] {
        assert!(id(line).await.is_some(), "{line}");
    }
    let hides = id("python3 -c 'print(1)'").await.unwrap();
    say(&directory, &["approve", &hides, "--hour"]).done();
    assert_eq!(id("python3 -c 'print(1)'").await, None, "this very call");
    let hides = id("python3 -c 'print(2)'").await.unwrap();
    let refused = say(&directory, &["approve", &hides, "--always"]).refused();
    assert!(!refused.is_empty() && id("python3 -c 'print(2)'").await.as_ref() == Some(&hides));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_hosts_and_dangers_are_asked_about_too() {
    let file = r#"
[profile.mine]
inherits = "trusted"
ask = [{ path = "kept/**", access = "write" }, { deletes_more_than = 2 }, { host = "127.0.0.1" }]
[profile.mine.commands]
guard = "ask"
"#;
    let settings = [("MCP_APPROVAL_WAIT", "0"), ("MCP_FETCH_ALLOW_PRIVATE", "127.0.0.1")];
    let (program, [key]) = with(file, &settings, ["mine"]);
    fs::create_dir_all(program.path("kept")).unwrap();
    fs::create_dir_all(program.path("many")).unwrap();
    for name in ["kept/a.txt", "many/1", "many/2", "many/3", "few"] {
        fs::write(program.path(name), "before\n").unwrap();
    }
    let write = |name: &str| json!({"path": program.path(name), "content": "after\n"});
    let asked = program.post("/filesystem/write", &key, &write("kept/a.txt")).await;
    assert_eq!(asked.status, 403, "{}", asked.body);
    let (_, shown) = question(&program).await;
    assert!(shown.contains("-before") && shown.contains("+after"), "the change is shown: {shown}");
    program.post("/filesystem/write", &key, &write("free.txt")).await.ok();
    program.post("/filesystem/delete", &key, &json!({"path": program.path("few")})).await.ok();
    let many = json!({"path": program.path("many"), "recursive": true});
    assert_eq!(program.post("/filesystem/delete", &key, &many).await.status, 403);
    assert_eq!(
        program.post("/internet/fetch", &key, &json!({"url": format!("{}/health", program.url)})).await.status,
        403
    );
    let danger = json!({"command": "rm -rf /"});
    assert_eq!(program.post("/terminal/execute", &key, &danger).await.status, 403);
    let (ids, shown) = questions(&program, 4).await;
    assert!(shown.contains("rm -rf /"), "{shown}");
    // A yes is bound to the file as it was.
    say(&program.path(""), &["approve", &ids[0]]).done();
    fs::write(program.path("kept/a.txt"), "meanwhile\n").unwrap();
    assert_eq!(program.post("/filesystem/write", &key, &write("kept/a.txt")).await.status, 403);
    assert_eq!(fs::read_to_string(program.path("kept/a.txt")).unwrap(), "meanwhile\n");
    assert!(program.path("many/3").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_mcp_a_call_waits_for_the_answer_without_a_place_among_those_that_run() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0"), ("MCP_MAX_CALLS_PER_CALLER", "2")], ["careful"]);
    let client = connect(&program.url, &key, Quiet).await;
    let mut calls = Vec::new();
    for number in 0..5 {
        let (client, line) = (client.peer().clone(), format!("touch {number}.txt"));
        let call = async move { client.call_tool(params("terminal_execute", json!({"command": line}))).await };
        calls.push(tokio::spawn(call));
        questions(&program, number + 1).await;
    }
    let (ids, _) = questions(&program, 5).await;
    program.post("/terminal/execute", &key, &json!({"command": "ls"})).await.ok();
    for (number, id) in ids.iter().enumerate() {
        let words: [&str; 2] = if number == 0 { ["deny", id] } else { ["approve", id] };
        say(&program.path(""), &words).done();
    }
    let mut done = 0;
    for call in calls {
        let result = call.await.unwrap().unwrap();
        done += usize::from(result.is_error != Some(true));
        assert!(result.is_error != Some(true) || text(&result).contains("person"), "{}", text(&result));
    }
    assert_eq!(done, 4);
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_into_a_program_that_was_asked_about_is_judged() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let start = json!({"command": "bash"});
    let asked = program.post("/terminal/start", &key, &start).await;
    say(&program.path(""), &["approve", asked.body["approval"]["id"].as_str().unwrap()]).done();
    let id = program.post("/terminal/start", &key, &start).await.ok()["id"].clone();
    let input = |text: &str| json!({"id": id, "text": text});
    program.post("/terminal/input", &key, &input("ls -a\n")).await.ok();
    let asked = program.post("/terminal/input", &key, &input("touch typed.txt\n")).await;
    assert_eq!(asked.status, 403, "{}", asked.body);
    say(&program.path(""), &["approve", asked.body["approval"]["id"].as_str().unwrap()]).done();
    program.post("/terminal/input", &key, &input("touch typed.txt\n")).await.ok();
    // Keys spell words, and bring back lines of before.
    for keys in [json!(["l", "s", "enter"]), json!(["up", "enter"]), json!("enter")] {
        let reply = program.post("/terminal/input", &key, &json!({"id": id, "keys": keys})).await;
        assert_eq!(reply.status, 403, "{keys} {}", reply.body);
    }
    // A Ctrl-C before would take away what the shell has not read yet.
    until("it is done", || program.path("typed.txt").exists()).await;
    program.post("/terminal/input", &key, &json!({"id": id, "keys": ["ctrl-c"]})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_agent_and_one_that_asks_too_much_get_nothing() {
    let (program, [key]) = with("", &[], ["careful"]);
    let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": "touch revoked.txt"}));
    let (id, _) = question(&program).await;
    say(&program.path(""), &["agent", "revoke", "of-careful"]).done();
    let refused = waiting.await.unwrap();
    assert!(refused.status == 403 && refused.detail().contains("revoked"), "{}", refused.text);
    say(&program.path(""), &["approve", &id]).refused();
    assert!(!program.path("revoked.txt").exists());

    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let mut statuses = Vec::new();
    for number in 0..30 {
        let line = json!({"command": format!("touch {number}.txt")});
        statuses.push(program.post("/terminal/execute", &key, &line).await.status);
    }
    assert!(statuses.contains(&429) && !statuses.contains(&200), "{statuses:?}");
    say(&program.path(""), &["deny", "--all", "of-careful"]).done();
    assert_eq!(program.post("/terminal/execute", &key, &json!({"command": "touch x"})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_took_away_while_the_question_waited_is_not_done() {
    let (program, [key]) = with("", &[], ["careful"]);
    let directory = program.path("");
    for (number, profile) in ["read-only", "gone"].into_iter().enumerate() {
        fs::write(program.path("permissions.toml"), "[profile.gone]\ninherits = \"careful\"\n").unwrap();
        say(&directory, &["agent", "set", "of-careful", "--profile", "careful"]).done();
        let line = json!({"command": format!("touch {number}.txt")});
        let waiting = begun(&program, &key, "/terminal/execute", &line);
        let (id, _) = question(&program).await;
        say(&directory, &["agent", "set", "of-careful", "--profile", profile]).done();
        if profile == "gone" {
            fs::write(program.path("permissions.toml"), "").unwrap();
        }
        say(&directory, &["approve", &id]).done();
        assert_eq!(waiting.await.unwrap().status, 403, "{profile}");
        assert!(!program.path(&format!("{number}.txt")).exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_shows_what_counts_and_nothing_else() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let call = json!({
        "command": "rm -r important", "env": {"COMPILER_PATH": "work/evil"}, "runs": "ls", "kind": "the command ls", "rule": "none of it",
    });
    program.post("/terminal/execute", &key, &call).await;
    let (id, shown) = question(&program).await;
    assert!(shown.contains("rm -r important") && shown.contains("work/evil"), "{shown}");
    assert!(!shown.contains("the command ls") && !shown.contains("none of it"), "{shown}");
    // Variables make it a call of no kind: the answer is for this one.
    say(&program.path(""), &["approve", &id, "--hour"]).done();
    program.post("/terminal/execute", &key, &call).await;
    let other = json!({"command": "rm -r important", "env": {"COMPILER_PATH": "work/other"}});
    assert_eq!(program.post("/terminal/execute", &key, &other).await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_asked_about_by_whatever_holds_it() {
    let file = "[profile.mine]\ninherits = \"trusted\"\nask = [{ path = \"kept/**\" }]\n";
    let (program, [key]) = with(file, &[("MCP_APPROVAL_WAIT", "0")], ["mine"]);
    fs::create_dir_all(program.path("kept")).unwrap();
    fs::write(program.path("kept/a.txt"), "kept").unwrap();
    fs::write(program.path("free.txt"), "free").unwrap();
    let at = program.path("");
    for (route, arguments) in [
        ("read", json!({"path": at.join("kept/a.txt")})),
        ("copy", json!({"path": at.join("kept"), "to": at.join("copied")})),
        ("archive", json!({"path": at.join("kept"), "to": at.join("kept.zip")})),
        ("search", json!({"path": at, "query": "kept"})),
        ("tree", json!({"path": at})),
        ("list", json!({"path": at, "recursive": true})),
        ("move", json!({"path": at.join("kept"), "to": at.join("moved")})),
        ("changes", json!({"diff": true})),
    ] {
        let reply = program.post(&format!("/filesystem/{route}"), &key, &arguments).await;
        assert_eq!(reply.status, 403, "{route} {}", reply.body);
    }
    program.post("/filesystem/read", &key, &json!({"path": at.join("free.txt")})).await.ok();
    program.post("/filesystem/list", &key, &json!({"path": at})).await.ok();
    let form = reqwest::multipart::Form::new()
        .text("path", at.join("kept/up").to_string_lossy().into_owned())
        .text("file", "x");
    let request = program.http.post(format!("{}/filesystem/upload", program.url)).bearer_auth(&key).multipart(form);
    let refused = crate::server::Reply::send(request).await;
    assert!(refused.status == 403 && refused.text.contains("not known before it comes"), "{}", refused.text);
}
