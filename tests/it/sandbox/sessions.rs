//! `/sandbox/session/*`: an interpreter that keeps its state.

use super::server_or_skip;
use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::time::Instant;

async fn start(server: &Server, language: &str) -> String {
    let started = server.call("sandbox_session_start", json!({"language": language})).await;
    assert_eq!((&started["language"], &started["idle_seconds"]), (&json!(language), &json!(900)));
    started["id"].as_str().unwrap().to_owned()
}

async fn cell(server: &Server, session: &str, code: &str) -> Value {
    server.call("sandbox_session_run", json!({"id": session, "code": code, "timeout": 10})).await
}

#[tokio::test]
async fn python_keeps_variables_imports_and_files_between_cells() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    cell(&server, &session, "import math, os\nx = 40\ndef f(y):\n    return x + y").await;
    let next =
        cell(&server, &session, "print('é', end='')\nopen('a.txt', 'w').write(str(f(2)))\nf(math.floor(2.9))").await;
    assert_eq!((&next["stdout"], &next["result"], &next["success"]), (&json!("é"), &json!("42"), &json!(true)));
    let third = cell(
        &server,
        &session,
        "import sys, subprocess; subprocess.run('echo out; echo err >&2', shell=True); open('a.txt').read()",
    )
    .await;
    assert_eq!(
        (&third["stdout"], &third["stderr"], &third["result"]),
        (&json!("out\n"), &json!("err\n"), &json!("'42'"))
    );
    let quiet = cell(&server, &session, "x;").await;
    assert_eq!((&quiet["result"], &quiet["error"], &quiet["reset"]), (&json!(null), &json!(null), &json!(false)));
    let awaited = cell(&server, &session, "import asyncio\nawait asyncio.sleep(0, 'awaited')").await;
    assert_eq!(awaited["result"], "'awaited'");
    server.stop().await;
}

#[tokio::test]
async fn an_error_comes_with_its_traceback_and_the_session_goes_on() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    let failed = cell(&server, &session, "kept = 1\ndef g():\n    raise ValueError('no')\ng()").await;
    assert_eq!((&failed["success"], &failed["exit_code"], &failed["reset"]), (&json!(false), &json!(1), &json!(false)));
    let error = &failed["error"];
    assert_eq!((&error["name"], &error["message"]), (&json!("ValueError"), &json!("no")));
    let traceback = error["traceback"].as_str().unwrap();
    assert!(traceback.contains("raise ValueError('no')") && traceback.contains("<cell 1>"), "{traceback}");
    assert!(!traceback.contains("evaluate"), "frames of the driver are not shown: {traceback}");
    for (code, name) in [("1 +", "SyntaxError"), ("exit(3)", "SystemExit"), ("input()", "EOFError")] {
        assert_eq!(cell(&server, &session, code).await["error"]["name"], name, "{code}");
    }
    assert_eq!(cell(&server, &session, "kept").await["result"], "1");
    server.stop().await;
}

#[tokio::test]
async fn node_and_bash_keep_their_state_too() {
    let server = server_or_skip!();
    let node = start(&server, "node").await;
    cell(&server, &node, "const a = 20; let b = 1; function f(x) { return a + x; }").await;
    let next = cell(&server, &node, "b += 1; console.log('é'); const r = await Promise.resolve(f(b)); ({r})").await;
    assert_eq!((&next["stdout"], &next["result"]), (&json!("é\n"), &json!("{ r: 22 }")), "{next}");
    let failed = cell(&server, &node, "throw new TypeError('no')").await;
    assert_eq!((&failed["error"]["name"], &failed["success"]), (&json!("TypeError"), &json!(false)), "{failed}");
    let required = cell(&server, &node, "require('fs').writeFileSync('x', 'é'); b").await;
    assert_eq!(required["result"], "2", "{required}");
    let bash = start(&server, "bash").await;
    cell(&server, &bash, "x='a  b'; mkdir d; cd d; f() { echo \"<$x>\"; }").await;
    let next = cell(&server, &bash, "f; pwd; cat; é=1; false").await;
    assert_eq!(next["stdout"], "<a  b>\n/home/sandbox/workspace/d\n");
    assert_eq!((&next["exit_code"], &next["success"]), (&json!(1), &json!(false)));
    server.stop().await;
}

#[tokio::test]
async fn a_cell_out_of_time_is_interrupted_and_the_state_is_kept() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    cell(&server, &session, "kept = 'yes'").await;
    let began = Instant::now();
    let late = json!({"id": session, "code": "print('CRITICAL')\nwhile True: pass", "timeout": 1});
    let reply = server.post("/sandbox/session/run", late).await;
    assert_eq!((reply.status, &reply.body["stdout"]), (408, &json!("CRITICAL\n")));
    assert!(reply.detail().contains("goes on with its variables"), "{}", reply.detail());
    assert!(began.elapsed().as_secs_f64() < 2.0, "{:?}", began.elapsed());
    assert_eq!(cell(&server, &session, "kept").await["result"], "'yes'");
    server.stop().await;
}

#[tokio::test]
async fn a_cell_that_cannot_be_interrupted_is_killed_and_the_files_are_kept() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    let code = "import signal; x = 1\nopen('kept', 'w').write('yes')\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass";
    let began = Instant::now();
    let reply = server.post("/sandbox/session/run", json!({"id": session, "code": code, "timeout": 1})).await;
    assert_eq!(reply.status, 408);
    assert!(reply.detail().contains("the files are still there"), "{}", reply.detail());
    assert!(began.elapsed().as_secs_f64() < 2.0, "{:?}", began.elapsed());
    assert_eq!(cell(&server, &session, "open('kept').read()").await["result"], "'yes'");
    assert_eq!(cell(&server, &session, "x").await["error"]["name"], "NameError");
    server.stop().await;
}

#[tokio::test]
async fn after_a_crash_or_a_kill_by_the_memory_limit_a_new_interpreter_runs() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    let hog = cell(&server, &session, "open('kept', 'w').write('yes'); b = bytearray(400 * 1024 * 1024)").await;
    assert_eq!(
        (&hog["reset"], &hog["oom_killed"], &hog["success"]),
        (&json!(true), &json!(true), &json!(false)),
        "{hog}"
    );
    assert!(hog["message"].as_str().unwrap().contains("memory limit"), "{hog}");
    assert_eq!(cell(&server, &session, "open('kept').read()").await["result"], "'yes'");
    let crash = cell(&server, &session, "import os; print('last words', flush=True); os.abort()").await;
    assert_eq!(
        (&crash["exit_code"], &crash["oom_killed"], &crash["stdout"]),
        (&json!(-6), &json!(false), &json!("last words\n"))
    );
    assert!(crash["message"].as_str().unwrap().contains("signal 6"), "{crash}");
    let asked = server.call("sandbox_session_run", json!({"id": session, "code": "1", "reset": true})).await;
    assert_eq!((&asked["reset"], &asked["result"]), (&json!(true), &json!("1")));
    server.stop().await;
}

#[tokio::test]
async fn files_move_in_and_out_of_a_session() {
    let server = server_or_skip!();
    let files = json!([{"path": "in.csv", "content": "a\n1\n"}]);
    let session = server.call("sandbox_session_start", json!({"files": files})).await["id"].clone();
    let more = json!({"id": session, "files": [{"path": "d/b.bin", "content_base64": "AP8="}], "outputs": ["*.csv"]});
    let moved = server.call("sandbox_session_files", more).await;
    assert_eq!((&moved["written"], &moved["outputs"][0]["content"]), (&json!(1), &json!("a\n1\n")));
    let code = "open('out.txt', 'w').write(open('in.csv').read() + repr(open('d/b.bin', 'rb').read()))";
    cell(&server, session.as_str().unwrap(), code).await;
    let all = server.call("sandbox_session_files", json!({"id": session})).await;
    let names: Vec<_> = all["outputs"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(names, ["d/b.bin", "in.csv", "out.txt"]);
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_capped_and_stopped() {
    let server = server_or_skip!(("SANDBOX_MAX_SESSIONS", "1"));
    let session = start(&server, "bash").await;
    let list = server.call("sandbox_session_list", json!({})).await;
    assert_eq!((&list["count"], &list["items"][0]["id"]), (&json!(1), &json!(session)));
    let more = server.post("/sandbox/session/start", json!({})).await;
    assert_eq!(more.status, 429);
    assert!(more.detail().contains("SANDBOX_MAX_SESSIONS"), "{}", more.detail());
    server.call("sandbox_session_stop", json!({"id": session})).await;
    for path in ["/sandbox/session/stop", "/sandbox/session/run", "/sandbox/session/files"] {
        let Reply { status, text, .. } = server.post(path, json!({"id": session, "code": "1"})).await;
        assert_eq!(status, 404, "{path}: {text}");
    }
    assert_eq!(server.call("sandbox_session_list", json!({})).await["count"], 0);
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_nobody_calls_ends_by_itself() {
    let server = server_or_skip!(("SANDBOX_SESSION_IDLE_SECONDS", "1"));
    server.call("sandbox_session_start", json!({"language": "bash"})).await;
    let deadline = Instant::now() + std::time::Duration::from_secs(10);
    while server.call("sandbox_session_list", json!({})).await["count"] != 0 {
        assert!(Instant::now() < deadline, "the session does not end");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_is_called_all_the_time_ends_at_its_limit() {
    let server = server_or_skip!(("SANDBOX_SESSION_MAX_SECONDS", "2"));
    let session = start(&server, "bash").await;
    let began = Instant::now();
    let last = loop {
        let reply = server.post("/sandbox/session/run", json!({"id": session, "code": "sleep 0.1"})).await;
        if reply.status != 200 {
            break reply;
        }
        assert!(began.elapsed().as_secs() < 10, "the session does not end");
    };
    assert!(last.status == 404 && last.detail().contains("sandbox_session_start"), "{}", last.text);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_cell_and_the_state_is_kept() {
    let server = server_or_skip!();
    let session = start(&server, "python").await;
    cell(&server, &session, "kept = 1").await;
    let endless = json!({"id": session, "code": "open('began', 'w'); import time; time.sleep(50)", "timeout": 55});
    let request = server.request("/sandbox/session/run").bearer_auth(crate::server::KEY).json(&endless);
    let gone = tokio::time::timeout(std::time::Duration::from_secs(1), request.send()).await;
    assert!(gone.is_err(), "it was to take 50 s");
    let next = cell(&server, &session, "import os; (kept, os.path.exists('began'))").await;
    assert_eq!((&next["result"], &next["reset"]), (&json!("(1, True)"), &json!(false)), "{next}");
    server.stop().await;
}

#[tokio::test]
async fn what_the_image_has_no_interpreter_for_is_said() {
    let server = server_or_skip!(("SANDBOX_IMAGE", "bridge-test/tiny"));
    let reply = server.post("/sandbox/session/start", json!({"language": "python"})).await;
    assert_eq!(reply.status, 500, "{}", reply.text);
    assert!(reply.detail().starts_with("python3 does not start in the image bridge-test/tiny"), "{}", reply.detail());
    let unknown = server.post("/sandbox/session/start", json!({"language": "cobol"})).await;
    assert_eq!(unknown.status, 422);
    server.stop().await;
}
