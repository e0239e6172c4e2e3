//! `/sandbox/run`: what a program gets and what its caller gets back.

use super::server_or_skip;
use serde_json::json;
use std::time::Instant;

#[tokio::test]
async fn code_is_run_and_answers_as_the_contract_says() {
    let server = server_or_skip!();
    let answer = server.call("sandbox_run", json!({"code": "print(2 + 2)"})).await;
    assert_eq!((&answer["stdout"], &answer["exit_code"], &answer["success"]), (&json!("4\n"), &json!(0), &json!(true)));
    assert_eq!((&answer["stderr"], &answer["sandbox_image"]), (&json!(""), &json!(super::IMAGE)));
    assert_eq!(answer["command"], "python3 -c 'print(2 + 2)'");
    assert!(answer["timestamp"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn a_pooled_run_gives_the_same_as_a_cold_one() {
    let server = server_or_skip!();
    let program = json!({"code": "import os,sys; print(sys.argv, os.getcwd(), os.getuid(), sorted(os.listdir('.')))"});
    let cold = server.call("sandbox_run", program.clone()).await;
    for _ in 0..4 {
        let next = server.call("sandbox_run", program.clone()).await;
        assert_eq!((&next["stdout"], &next["stderr"]), (&cold["stdout"], &cold["stderr"]));
    }
    assert_eq!(cold["stdout"], "['-c'] /home/sandbox/workspace 1000 []\n");
    server.stop().await;
}

#[tokio::test]
async fn code_arrives_verbatim_in_every_language() {
    let server = server_or_skip!(("SANDBOX_POOL_SIZE", "0"));
    let text = "it's \"quoted\" $HOME `id` \\n \\\\ %s é 🎉\tend";
    let quoted = json!(text).to_string();
    let programs = [
        ("python", format!("import sys\nsys.stdout.write({quoted})")),
        ("node", format!("process.stdout.write({quoted})")),
        ("javascript", format!("process.stdout.write({quoted})")),
        ("bash", format!("cat <<'END' | tr -d '\\n'\n{text}\nEND")),
    ];
    for (language, code) in programs {
        let answer = server.call("sandbox_run", json!({"code": code, "language": language})).await;
        assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!(text), &json!("")), "{language}");
    }
    let command = server.call("sandbox_run", json!({"command": "echo \"$0 $((6 * 7))\" | tr 4 5"})).await;
    assert_eq!(
        (&command["stdout"], &command["command"]),
        (&json!("bash 52\n"), &json!("echo \"$0 $((6 * 7))\" | tr 4 5"))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_program_of_a_megabyte_runs() {
    let server = server_or_skip!(("SANDBOX_POOL_SIZE", "0"));
    let filler = "# filler\n".repeat(120_000);
    for (language, last) in [("python", "print('end')"), ("bash", "echo end")] {
        let code = format!("{filler}{last}\n");
        let answer = server.call("sandbox_run", json!({"code": code, "language": language})).await;
        assert_eq!(answer["stdout"], "end\n", "{language}: {}", answer["stderr"]);
    }
    server.stop().await;
}

#[tokio::test]
async fn exit_codes_and_signals_are_told() {
    let server = server_or_skip!();
    for (command, code) in [("exit 3", 3), ("kill -9 $$", -9), ("kill -SEGV $$", -11), ("no-such-program", 127)] {
        let answer = server.call("sandbox_run", json!({"command": command})).await;
        assert_eq!((&answer["exit_code"], &answer["success"]), (&json!(code), &json!(false)), "{command}");
        let stderr = answer["stderr"].as_str().unwrap();
        assert_eq!(stderr.contains("not found"), code == 127, "{stderr}");
        assert!(code == 127 || stderr.is_empty(), "nobody but the program writes there: {stderr}");
    }
    server.stop().await;
}

#[tokio::test]
async fn standard_input_reaches_the_program_and_is_empty_otherwise() {
    let server = server_or_skip!();
    let code = "import sys; data = sys.stdin.read(); print(len(data), data[-3:])";
    let none = server.call("sandbox_run", json!({"code": code})).await;
    assert_eq!(none["stdout"], "0 \n");
    let long = format!("{}end", "line\n".repeat(400_000));
    let given = server.call("sandbox_run", json!({"code": code, "stdin": long})).await;
    assert_eq!(given["stdout"], "2000003 end\n");
    let unread = server.call("sandbox_run", json!({"code": "print(1)", "stdin": long})).await;
    assert_eq!(unread["stdout"], "1\n");
    server.stop().await;
}

#[tokio::test]
async fn files_go_in_and_come_back() {
    let server = server_or_skip!();
    let request = json!({
        "command": "bash data/run.sh",
        "files": [
            {"path": "data/run.sh", "content": "cd data; tr a-z A-Z <in.txt >../OUT.txt; cp raw.bin ../out.bin; mkdir ../d; echo x >../d/x"},
            {"path": "data/in.txt", "content": "héllo"},
            {"path": "/home/sandbox/workspace/data/raw.bin", "content_base64": "AP+A"},
        ],
        "outputs": ["*.txt", "out.bin", "d", "none/*"],
        "stdin": "not a tar",
    });
    let answer = server.call("sandbox_run", request).await;
    assert_eq!(answer["exit_code"], 0, "{answer}");
    let expected = json!([
        {"path": "OUT.txt", "size": 6, "content": "HéLLO"},
        {"path": "d/x", "size": 2, "content": "x\n"},
        {"path": "out.bin", "size": 3, "content_base64": "AP+A"},
    ]);
    assert_eq!(answer["outputs"], expected);
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_become_replacement_characters() {
    let server = server_or_skip!();
    let answer = server.call("sandbox_run", json!({"command": "printf 'a\\377b'; printf '\\376' >&2"})).await;
    assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!("a\u{fffd}b"), &json!("\u{fffd}")));
    server.stop().await;
}

#[tokio::test]
async fn of_output_beyond_the_limit_the_start_and_the_end_are_kept_and_it_is_said_so() {
    let server = server_or_skip!(("SANDBOX_OUTPUT_BYTES", "1000"));
    let answer = server.call("sandbox_run", json!({"command": "seq 100000; echo THE END; exit 4"})).await;
    let stdout = answer["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("1\n2\n") && stdout.ends_with("\n100000\nTHE END\n"), "{stdout}");
    assert!(stdout.contains("\n[... 587903 bytes left out ...]\n"), "{stdout}");
    assert_eq!((&answer["truncated"], &answer["exit_code"]), (&json!(true), &json!(4)));
    server.stop().await;
}

#[tokio::test]
async fn a_kill_by_the_memory_limit_is_told_apart_even_of_a_child() {
    let server = server_or_skip!();
    let hog = "bytearray(400 * 1024 * 1024)";
    let own = server.call("sandbox_run", json!({"code": hog})).await;
    assert_eq!((&own["exit_code"], &own["oom_killed"]), (&json!(-9), &json!(true)));
    let child = server.call("sandbox_run", json!({"command": format!("python3 -c '{hog}'; echo lives")})).await;
    assert_eq!((&child["stdout"], &child["oom_killed"]), (&json!("lives\n"), &json!(true)));
    let other = server.call("sandbox_run", json!({"command": "kill -9 $$"})).await;
    assert_eq!(other["oom_killed"], false);
    server.stop().await;
}

#[tokio::test]
async fn a_run_out_of_time_is_answered_at_once_and_its_container_is_gone() {
    let server = server_or_skip!(("SANDBOX_POOL_SIZE", "0"), ("SANDBOX_MAX_CONCURRENT", "7"));
    let began = Instant::now();
    let code = "import signal, time\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\nopen('/tmp/x','w')\ntime.sleep(50)";
    let reply = server.post("/sandbox/run", json!({"code": code, "timeout": 1})).await;
    assert_eq!((reply.status, reply.detail()), (408, "Sandbox execution timed out after 1s"));
    assert!(began.elapsed().as_secs_f64() < 2.5, "{:?}", began.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn what_a_run_out_of_time_wrote_and_left_comes_back() {
    let server = server_or_skip!();
    let code = "import time\nprint('CRITICAL', flush=True)\nopen('out.txt', 'w').write('so far')\ntime.sleep(50)";
    let wanted = json!({"code": code, "timeout": 1, "outputs": ["*.txt"]});
    let reply = server.post("/sandbox/run", wanted).await;
    assert_eq!((reply.status, reply.detail()), (408, "Sandbox execution timed out after 1s"));
    assert_eq!((&reply.body["stdout"], &reply.body["stderr"]), (&json!("CRITICAL\n"), &json!("")));
    assert_eq!(reply.body["outputs"], json!([{"path": "out.txt", "size": 6, "content": "so far"}]));
    let plain = server.post("/sandbox/run", json!({"command": "echo CRITICAL >&2; sleep 50", "timeout": 1})).await;
    assert_eq!((&plain.body["stderr"], plain.body.get("outputs")), (&json!("CRITICAL\n"), None));
    server.stop().await;
}

#[tokio::test]
async fn a_background_process_neither_holds_up_the_answer_nor_writes_into_it() {
    let server = server_or_skip!();
    let command = "(sleep 0.2; echo late; sleep 30) & setsid sleep 30 & echo done >o.txt; echo done";
    let answer = server.call("sandbox_run", json!({"command": command, "outputs": ["o.txt"]})).await;
    assert_eq!((&answer["stdout"], &answer["outputs"][0]["content"]), (&json!("done\n"), &json!("done\n")));
    server.stop().await;
}

#[tokio::test]
async fn parallel_runs_get_their_own_answers() {
    let server = server_or_skip!();
    let calls = (0..12).map(|number| {
        let code = format!("print({number}); open('mine','x').write('{number}'); print(open('mine').read())");
        server.call("sandbox_run", json!({"code": code}))
    });
    for (number, answer) in futures::future::join_all(calls).await.iter().enumerate() {
        assert_eq!(answer["stdout"], format!("{number}\n{number}\n"));
    }
    server.stop().await;
}
