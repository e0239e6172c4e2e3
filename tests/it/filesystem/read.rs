//! Reading.

use crate::server::Server;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{process::Command, time::Duration};

#[tokio::test]
async fn a_file_is_read_whole_with_what_it_holds_unchanged() {
    let text = "\u{feff}première\r\nsecond\0line\rend 😀";
    let server = Server::start().await.with_file("a.txt", text);
    let reply = server.call("filesystem_read", json!({"path": "a.txt"})).await;
    assert_eq!(reply["success"], true);
    assert_eq!(reply["path"], "a.txt");
    assert_eq!(reply["content"], text);
    assert_eq!(reply["size"], text.chars().count());
    assert_eq!(reply["encoding"], "utf-8");
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(reply["sha256"], digest);
    assert_eq!(reply["timestamp"].as_str().unwrap().len(), "2026-01-01T00:00:00.000000".len());
    let absolute = server.call("filesystem_read", json!({"path": server.at("a.txt")})).await;
    assert_eq!(absolute["content"], text);
}

#[tokio::test]
async fn encodings_are_pythons() {
    let server = Server::start().await.with_file("b.txt", b"caf\xe9 \x80").with_file("u.txt", b"\xef\xbb\xbfhi");
    for (encoding, content) in [("latin-1", "café \u{80}"), ("cp1252", "café €"), ("ISO8859_1", "café \u{80}")] {
        let reply = server.call("filesystem_read", json!({"path": "b.txt", "encoding": encoding})).await;
        assert_eq!((&reply["content"], &reply["encoding"]), (&json!(content), &json!(encoding)));
    }
    for encoding in ["utf-8", "ascii"] {
        let reply = server.post("/filesystem/read", json!({"path": "b.txt", "encoding": encoding})).await;
        assert_eq!((reply.status, reply.detail()), (400, &*format!("Cannot decode file with {encoding} encoding")));
    }
    assert_eq!(
        server.call("filesystem_read", json!({"path": "u.txt", "encoding": "utf-8-sig"})).await["content"],
        "hi"
    );
    let unknown = server.post("/filesystem/read", json!({"path": "u.txt", "encoding": "klingon"})).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.detail().starts_with("Unknown encoding: klingon"));
}

#[tokio::test]
async fn what_is_no_file_is_told_apart_and_nothing_hangs() {
    let server = Server::start().await.with_file("dir/x", "").with_file("file", "");
    assert!(Command::new("mkfifo").arg(server.path("fifo")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(server.path("socket")).unwrap();
    std::os::unix::fs::symlink("nowhere", server.path("dangling")).unwrap();
    std::os::unix::fs::symlink("circle", server.path("circle")).unwrap();
    let long = "x".repeat(300);
    let cases = [
        ("missing.txt", 404, "File not found"),
        ("", 404, "File not found"),
        ("dangling", 404, "File not found"),
        ("file/x", 404, "File not found"),
        ("file/", 404, "File not found"),
        ("dir", 400, "Path is not a file"),
        ("fifo", 400, "Path is not a file"),
        ("socket", 400, "Path is not a file"),
        ("/dev/zero", 400, "Path is not a file"),
        ("circle", 400, "The path's links lead in a circle, or there are too many of them"),
        (&long, 400, "The file name is too long for this file system"),
    ];
    for (path, status, detail) in cases {
        let asked = server.post("/filesystem/read", json!({"path": path}));
        let reply = tokio::time::timeout(Duration::from_secs(5), asked).await.expect(path);
        assert_eq!((reply.status, reply.detail()), (status, detail), "{path}");
    }
}

#[tokio::test]
async fn unsafe_paths_are_refused_in_the_words_of_the_contract() {
    let server = Server::start().await;
    let unsafe_paths = [
        "../x",
        "a/../b",
        "~",
        "~/x",
        "a\0b",
        "/etc/passwd",
        "//etc/passwd",
        "/./etc",
        "/ETC/passwd",
        "/root",
        "/proc/1",
        "/sys",
        "/dev/stdin",
        "/dev/fd/0",
    ];
    for path in unsafe_paths {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe file path"), "{path}");
        let reply = server.post("/filesystem/write", json!({"path": path, "content": "", "mode": "x"})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe file path"), "{path}");
        let reply = server.post("/filesystem/list", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe directory path"), "{path}");
    }
    let server =
        server.with_file("etcetera", "1").with_file("sub/etc", "1").with_file("a..b", "1").with_file("d~", "1");
    for path in ["etcetera", "sub/etc", "a..b", "d~", "./sub//etc"] {
        assert_eq!(server.call("filesystem_read", json!({"path": path})).await["content"], "1");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_decoded_comes_with_the_encoding_that_it_probably_has() {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let server = Server::start().await.with_file("marked", [b"\xff\xfe".to_vec(), wide("été")].concat());
    let server = server.with_file("wide", wide("plain text é")).with_file("binary", b"\x7fELF\x00\x01\xff\xfe\x00\x02");
    let chinese = encoding_rs::GBK.encode("中文的文件在这里，我们要改变它的内容。").0.repeat(4);
    let server = server.with_file("chinese", chinese);
    for (path, hint) in [("marked", "\"utf-16\""), ("wide", "\"utf-16-le\""), ("chinese", "\"gbk\"")] {
        let read = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((read.status, read.detail()), (400, "Cannot decode file with utf-8 encoding"));
        assert!(read.body["hint"].as_str().is_some_and(|text| text.contains(hint)), "{}", read.text);
        let edits = json!([{"old": "a", "new": "b"}]);
        let edit = server.post("/filesystem/edit", json!({"path": path, "edits": edits})).await;
        assert!(edit.body["hint"].as_str().is_some_and(|text| text.contains(hint)), "{}", edit.text);
    }
    let binary = server.post("/filesystem/read", json!({"path": "binary"})).await;
    assert!(binary.body["hint"].as_str().is_some_and(|hint| hint.contains("base64")), "{}", binary.text);
}

#[tokio::test]
async fn lines_are_read_by_number_from_either_end() {
    let text: String = (1..=100).map(|line| format!("line {line}\n")).collect();
    let server = Server::start().await.with_file("long.txt", &text);
    let read = async |more: serde_json::Value| {
        let mut arguments = json!({"path": "long.txt"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.call("filesystem_read", arguments).await
    };
    let part = read(json!({"start_line": 10, "end_line": 11})).await;
    assert_eq!(part["content"], "line 10\nline 11\n");
    assert_eq!((&part["start_line"], &part["end_line"], &part["total_lines"]), (&json!(10), &json!(11), &json!(100)));
    assert_eq!(read(json!({"start_line": -2})).await["content"], "line 99\nline 100\n");
    assert_eq!(read(json!({"end_line": -99})).await["content"], "line 1\nline 2\n");
    assert_eq!(read(json!({"start_line": 200})).await["content"], "");
    let cut = read(json!({"max_bytes": 10})).await;
    assert_eq!((&cut["content"], &cut["truncated"]), (&json!("line 1\nlin"), &json!(true)));
    let whole = read(json!({})).await;
    assert_eq!(whole["sha256"], part["sha256"]);
    assert_eq!((&whole["total_lines"], whole.get("start_line")), (&json!(100), None));
}

#[tokio::test]
async fn a_file_too_large_for_memory_is_read_in_parts() {
    let server = Server::with_settings(&[("MCP_MAX_REQUEST_MIB", "1")]).await;
    let text: String = (1..=200_000).map(|line| format!("line {line}\n")).collect();
    let server = server.with_file("large.txt", &text);
    let whole = server.post("/filesystem/read", json!({"path": "large.txt"})).await;
    assert_eq!(whole.status, 413);
    assert!(whole.detail().contains("start_line"));
    let tail = server.call("filesystem_read", json!({"path": "large.txt", "start_line": -2})).await;
    assert_eq!(tail["content"], "line 199999\nline 200000\n");
    assert_eq!(tail["total_lines"], 200_000);
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(tail["sha256"], digest);
    let head = server.call("filesystem_read", json!({"path": "large.txt", "max_bytes": 9})).await;
    assert_eq!((&head["content"], &head["truncated"]), (&json!("line 1\nli"), &json!(true)));
}

#[tokio::test]
async fn a_read_that_was_cut_goes_on_by_its_offset_to_the_end() {
    let server = Server::with_settings(&[("MCP_MAX_REQUEST_MIB", "1")]).await;
    let text: String = (1..=30_000).map(|line| format!("línea {line} €\n")).collect();
    let server = server.with_file("small.txt", &text[..50_000]).with_file("large.txt", text.repeat(3));
    let latin: Vec<u8> = (0..=255).collect();
    let server = server.with_file("latin", latin.repeat(20)).with_file("large.bin", [0, 1, 2, 255].repeat(400_000));
    for (name, more, step) in [
        ("small.txt", json!({}), 10_001),
        ("large.txt", json!({}), 400_001),
        ("large.txt", json!({"as": "auto"}), 700_001),
        ("latin", json!({"encoding": "latin-1"}), 1_001),
        ("large.bin", json!({"as": "base64"}), 500_000),
        ("large.bin", json!({"as": "auto"}), 900_001),
    ] {
        let (mut whole, mut arguments) = (Vec::new(), json!({"path": name, "max_bytes": step}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for _ in 0..100 {
            let part = server.call("filesystem_read", arguments.clone()).await;
            let content = part["content"].as_str().unwrap();
            match part["as"].as_str().unwrap() {
                "base64" => whole.extend(BASE64_STANDARD.decode(content).unwrap()),
                _ if name == "latin" => whole.extend(content.chars().map(|c| u8::try_from(u32::from(c)).unwrap())),
                _ => whole.extend(content.bytes()),
            }
            assert_eq!(part["truncated"] == json!(true), part.get("next_offset").is_some());
            let Some(next) = part.get("next_offset") else { break };
            arguments["offset"] = next.clone();
        }
        assert!(whole == std::fs::read(server.path(name)).unwrap(), "{name} {more}: {} bytes", whole.len());
    }
    let line = server.call("filesystem_read", json!({"path": "large.txt", "start_line": 3, "max_bytes": 20})).await;
    let rest = json!({"path": "large.txt", "offset": line["next_offset"], "max_bytes": 9});
    let rest = server.call("filesystem_read", rest).await;
    let both = format!("{}{}", line["content"].as_str().unwrap(), rest["content"].as_str().unwrap());
    assert!(text[text.find("línea 3 ").unwrap()..].starts_with(&both) && both.len() > 25, "{both}");
}

#[tokio::test]
async fn what_is_asked_for_and_makes_no_sense_is_told() {
    let wide: Vec<u8> = "\u{feff}héllo\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let server =
        Server::start().await.with_file("b", b"\0\xff").with_file("u.txt", wide).with_file("d.docx", "PK\x03\0");
    let auto = server.call("filesystem_read", json!({"path": "u.txt", "as": "auto"})).await;
    assert_eq!(
        (&auto["content"], &auto["as"], &auto["encoding"]),
        (&json!("héllo\n"), &json!("text"), &json!("utf-16"))
    );
    let document = server.call("filesystem_read", json!({"path": "d.docx", "as": "auto"})).await;
    assert!(document["hint"].as_str().unwrap().contains("\"document\""), "{document}");
    for bytes in [0, -1] {
        let reply = server.post("/filesystem/read", json!({"path": "b", "max_bytes": bytes})).await;
        assert_eq!(reply.body["detail"][0]["msg"], "Input should be greater than or equal to 1", "{bytes}");
    }
    for (arguments, status) in [
        (json!({"path": "b", "as": "base64", "start_line": 2}), 422),
        (json!({"path": "b", "as": "auto", "start_line": 2}), 400),
        (json!({"path": "u.txt", "offset": 2, "end_line": 3}), 422),
        (json!({"path": "u.txt", "offset": 2, "encoding": "utf-16"}), 422),
    ] {
        let reply = server.post("/filesystem/read", arguments.clone()).await;
        assert_eq!(reply.status, status, "{arguments}: {}", reply.text);
    }
}

#[tokio::test]
async fn binaries_come_as_base64_with_their_type() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let server = Server::start().await.with_file("p.png", png).with_file("t.md", "text");
    let image = server.call("filesystem_read", json!({"path": "p.png", "as": "auto"})).await;
    assert_eq!((&image["as"], &image["mime_type"]), (&json!("base64"), &json!("image/png")));
    assert_eq!((&image["content"], &image["size"]), (&json!("iVBORw0KGgoAAAANSUhEUg=="), &json!(png.len())));
    let text = server.call("filesystem_read", json!({"path": "t.md", "as": "auto"})).await;
    assert_eq!((&text["as"], &text["content"]), (&json!("text"), &json!("text")));
    let forced = server.call("filesystem_read", json!({"path": "t.md", "as": "base64"})).await;
    assert_eq!((&forced["content"], &forced["mime_type"]), (&json!("dGV4dA=="), &json!("text/markdown")));
    assert_eq!(server.post("/filesystem/read", json!({"path": "t.md", "as": "x"})).await.status, 422);
}

#[tokio::test]
async fn twenty_megabytes_go_both_ways_whole() {
    let server = Server::start().await;
    let content = "é".repeat(10_000_000);
    let written = server.call("filesystem_write", json!({"path": "big.txt", "content": content})).await;
    assert_eq!(written["bytes_written"], 10_000_000);
    let read = server.call("filesystem_read", json!({"path": "big.txt"})).await;
    assert!(read["content"] == content, "the content came back");
    assert_eq!(read["size"], 10_000_000);
}
