//! The person sees all of what is asked before a yes.

use super::{asked, command, question, with};
use crate::agents::{history, say};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_masked_or_cut_is_said_and_one_command_shows_it_and_keeps_nothing() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let directory = program.path("");
    // What looks like a secret may act.
    let line = "touch made --password=$(rm${IFS}-r${IFS}important)";
    let masked = json!({"command": format!("{line} && true"), "env": {"API_TOKEN": "hunter2hunter2"}});
    assert_eq!(program.post("/terminal/execute", &key, &masked).await.status, 403);
    let (id, shown) = question(&program).await;
    assert!(!shown.contains("hunter2hunter2"), "{shown}");
    assert!(shown.contains("  unseen       parts that look like secrets are masked: `"), "{shown}");
    assert!(shown.contains(&format!("question {id}` shows all")), "{shown}");
    let whole = say(&directory, &["question", &id]).done();
    assert!(whole.contains(line) && whole.contains("hunter2hunter2") && !whole.contains("unseen"), "{whole}");
    say(&directory, &["deny", &id]).done();

    let middle = "m".repeat(100_000);
    let content = format!("{}{middle}THE-MIDDLE{middle}{}", "a".repeat(100_000), "z".repeat(200_000));
    fs::write(
        program.path("permissions.toml"),
        "[profile.mine]\ninherits = \"trusted\"\nask = [{ access = \"write\" }]\n",
    )
    .unwrap();
    say(&directory, &["agent", "set", "of-careful", "--profile", "mine"]).done();
    let write = json!({"path": program.path("long.txt"), "content": content});
    assert_eq!(program.post("/filesystem/write", &key, &write).await.status, 403);
    let (id, shown) = question(&program).await;
    assert!(shown.len() < 200_000 && !shown.contains("THE-MIDDLE"), "{}", shown.len());
    assert!(shown.contains("bytes left out; `mcp-server question ID` shows all"), "the text says so where it is cut");
    assert!(shown.contains(" bytes are left out: `") && shown.contains(&format!("question {id}` shows all")));
    assert!(say(&directory, &["question", &id]).done().contains(&content), "all of it");
    assert!(say(&directory, &["question", "apr_none"]).refused().contains("there was none"));
    assert_eq!(program.post("/control/question", &key, &json!({"id": id})).await.status, 403, "no agent sees it");

    program.history_line("control_deny");
    let told = history(&program, &[]);
    assert!(!told.contains("control_question") && !told.contains("hunter2hunter2"), "{told}");
    assert!(!program.stderr().contains("hunter2hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_answers_that_are_possible_are_offered() {
    let file =
        "[profile.mine]\ninherits = \"careful\"\ncommands.ask = [\"touch\"]\nask = [{ tool = \"filesystem_mkdir\" }]\n";
    let (program, [key]) = with(file, &[("MCP_APPROVAL_WAIT", "0")], ["mine"]);
    let directory = program.path("");
    let answered = async |offered: &str, footer: &str| {
        let (id, shown) = question(&program).await;
        assert!(shown.contains(&format!("  answers      {offered}")), "{offered} {shown}");
        assert!(shown.contains(&format!("for more than once with {footer};")), "{shown}");
        say(&directory, &["deny", &id]).done();
        id
    };
    asked(&program, &key, "make all").await;
    answered("once, --session, --hour, --always\n", "--session, --hour or --always").await;
    asked(&program, &key, "touch a").await;
    answered("once, --session, --hour; not --always: a line of `ask`", "--session or --hour").await;
    asked(&program, &key, "python3 -c 'print(1)'").await;
    answered(
        "once; --session and --hour hold for this very call alone; not --always: no other call",
        "--session or --hour",
    )
    .await;
    program.post("/filesystem/mkdir", &key, &json!({"path": program.path("new")})).await;
    let id = answered("once, --session, --hour; not --always: that is for commands", "--session or --hour").await;
    assert!(say(&directory, &["approve", &id, "--always"]).refused().contains("denied"));
    let id = asked(&program, &key, "touch b").await;
    let refused = say(&directory, &["approve", &id, "--always"]).refused();
    assert!(refused.contains("a line of `ask` says to ask"), "{refused}");
    assert_eq!(command(&program, &key, "touch b").await.status, 403);
}
