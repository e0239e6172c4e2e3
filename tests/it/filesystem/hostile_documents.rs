//! Documents made to hurt whoever reads them.

use super::bombs;
use crate::{
    program::Program,
    server::{KEY, Reply, Server},
};
use futures::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};

/// What the whole server may take through anything, in MiB.
const MEMORY: u64 = 200;

/// A program's server with these files.
fn serve(files: &[(&'static str, Vec<u8>)]) -> Program {
    let server = Program::start(&[]);
    for (name, bytes) in files {
        std::fs::write(server.path(name), bytes).unwrap();
    }
    server
}

async fn read(server: &Program, name: &str) -> Reply {
    server.post("/filesystem/read", KEY, &json!({"path": name, "as": "document"})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_end_is_400_with_what_it_did_and_the_server_stays_small() {
    let bombs = bombs::endless();
    let server = serve(&bombs);
    for (name, _) in &bombs {
        let reply = read(&server, name).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
        let why = reply.detail();
        assert!(
            ["memory", "takes more than", "nested too deeply"].iter().any(|word| why.contains(word)),
            "{name}: {why}"
        );
        assert!(why.contains("base64") && why.contains("pdftotext"), "{name}: {why}");
    }
    let peak = server.peak_memory();
    assert!(peak < MEMORY, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_hostile_documents_at_once_leave_the_server_answering_and_small() {
    let bombs = bombs::endless();
    let server = serve(&bombs);
    let names = bombs.iter().map(|(name, _)| *name).cycle().take(40);
    let reading = join_all(names.map(|name| read(&server, name)));
    tokio::pin!(reading);
    let mut slowest = Duration::ZERO;
    let replies = loop {
        let started = Instant::now();
        tokio::select! {
            replies = &mut reading => break replies,
            health = server.get("/health") => assert_eq!(health.status, 200),
        }
        slowest = slowest.max(started.elapsed());
    };
    for reply in replies {
        assert!([400, 503].contains(&reply.status), "{}", reply.text);
    }
    let peak = server.peak_memory();
    assert!(peak < MEMORY && slowest < Duration::from_secs(5), "{peak} MiB, {slowest:?}");
}

/// The process that reads a document for the server, as soon as it has given up its rights.
#[cfg(target_os = "linux")]
fn confined_reader(server: &Program) -> std::path::PathBuf {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let has = |line: String| status.lines().any(|found| found.replace('\t', "") == line);
            if has(format!("PPid:{}", server.id())) && has("Name:exe".into()) && has("Seccomp:2".into()) {
                return entry.path();
            }
        }
        assert!(Instant::now() < end, "no reader of documents");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_reads_a_document_can_do_nothing_else_and_dies_with_the_server() {
    let name = "states.pdf";
    let states = bombs::endless().into_iter().find(|(known, _)| *known == name).unwrap();
    let server = serve(&[states]);
    let asked = json!({"path": name, "as": "document"});
    let asking = server.http.post(format!("{}/filesystem/read", server.url)).bearer_auth(KEY).json(&asked).send();
    let asking = tokio::spawn(asking);
    let reader = tokio::task::block_in_place(|| confined_reader(&server));
    let status = std::fs::read_to_string(reader.join("status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = std::fs::read_to_string(reader.join("limits")).unwrap();
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    for (name, most) in
        [("Max cpu time", " 10 "), ("Max open files", " 0 "), ("Max file size", " 0 "), ("Max processes", " 0 ")]
    {
        assert!(limit(name).contains(most), "{}", limit(name));
    }
    assert!(!limit("Max address space").contains("unlimited"));
    if let Ok(open) = std::fs::read_dir(reader.join("fd")) {
        assert_eq!(open.count(), 3);
    }
    if let Ok(environment) = std::fs::read(reader.join("environ")) {
        assert_eq!(environment, b"");
    }
    drop(server.kill());
    let end = Instant::now() + Duration::from_secs(5);
    // Gone, or dead and waited for by nobody.
    let lives = || std::fs::read_to_string(reader.join("status")).is_ok_and(|status| !status.contains("State:\tZ"));
    while lives() {
        assert!(Instant::now() < end, "it lives on");
        std::thread::yield_now();
    }
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crooked_document_is_read_or_refused_and_nothing_else_happens() {
    let crooked = bombs::crooked();
    let server = serve(&crooked);
    for (name, _) in &crooked {
        let reply = read(&server, name).await;
        assert!([200, 400].contains(&reply.status), "{name}: {}", reply.text);
    }
    assert!(server.peak_memory() < MEMORY);
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_parser_says_about_itself_is_in_the_log_and_the_answer_says_what_to_do() {
    let mut all = bombs::surprising();
    let panics = all.iter().filter(|(name, _)| name.ends_with(".pdf")).count();
    all.extend(bombs::crooked());
    let mut server = serve(&all);
    for (name, _) in &all {
        let reply = read(&server, name).await;
        if reply.status == 200 {
            continue;
        }
        let why = reply.detail();
        let is_plain = ["it is damaged", "it is locked", "it is nested", "takes more than", "has more than"];
        assert!(is_plain.iter().any(|words| why.contains(words)), "{name}: {why}");
        for word in
            ["panic", "unwrap", "expect", "unexpected", "Err", "None", "::", "index", "Hunter2", "signal", "Box"]
        {
            assert!(!why.contains(word), "{name}: {why}");
        }
    }
    server.terminate();
    assert!(server.wait().success());
    let log = server.stderr();
    assert!(log.contains("unexpected encoding") && log.contains("MediaBox"), "{log}");
    assert!(log.matches("a document was not read").count() >= panics, "{log}");
}

#[tokio::test]
async fn one_hostile_document_of_many_does_not_fail_the_others() {
    let server = Server::start()
        .await
        .with_file("good.docx", bombs::word("<w:p>good</w:p>"))
        .with_file("bad.pdf", bombs::endless().swap_remove(3).1);
    let asked = json!({"paths": ["bad.pdf", "good.docx"], "as": "document"});
    let results = server.call("filesystem_read_many", asked).await["items"].clone();
    assert_eq!((&results[0]["success"], &results[1]["content"]), (&json!(false), &json!("good\n")), "{results}");
}

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_paragraphs_and_thousands_of_pages_are_only_long() {
    let kids: String = (0..2000).map(|number| format!("{} 0 R ", number + 3)).collect();
    let mut objects = vec![
        ("<</Type /Catalog /Pages 2 0 R>>".to_owned(), None),
        (format!("<</Type /Pages /Kids [{kids}] /Count 65535>>"), None),
    ];
    let page = "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 2003 0 R>>";
    objects.extend((0..2000).map(|_| (page.to_owned(), None)));
    objects.push((String::new(), Some(b"q Q".to_vec())));
    let pages = bombs::pdf(&objects);
    let server = serve(&[("long.docx", bombs::word(&"<w:p/>".repeat(2_000_000))), ("pages.pdf", pages)]);
    let asked = json!({"path": "long.docx", "as": "document", "start_line": -2});
    let reply = server.post("/filesystem/read", KEY, &asked).await.ok();
    assert_eq!((&reply["total_lines"], &reply["content"]), (&json!(2_000_000), &json!("\n\n")), "{reply}");
    let reply = read(&server, "pages.pdf").await.ok();
    assert!(reply["content"].as_str().unwrap().contains("# Page 2000"), "{reply}");
    assert!(server.peak_memory() < MEMORY, "{}", server.peak_memory());
}
