//! What a result holds.

use super::{params, text};
use crate::server::{Server, nothing};
use serde_json::{Value, json};

#[tokio::test]
async fn a_result_is_structured_and_its_text_the_same_in_short() {
    let server = Server::with_fixtures(&[]).await;
    let client = server.client().await;
    let result = client.call_tool(params("test_say", json!({"lines": 2}))).await.unwrap();
    let structured = result.structured_content.clone().unwrap();
    assert_eq!(structured["lines"], 2);
    assert_eq!(serde_json::from_str::<Value>(&text(&result)).unwrap(), structured);
    assert!(structured.get("truncated").is_none());
}

#[tokio::test]
async fn a_long_result_is_cut_and_goes_on_until_all_of_it_was_seen() {
    let server = Server::with_fixtures(&[]).await;
    let client = server.client().await;
    let (mut whole, mut items, mut arguments) = (String::new(), Vec::new(), json!({"lines": 9000}));
    for part in 0.. {
        assert!(part < 20, "it ends");
        let result = client.call_tool(params("test_say", arguments.clone())).await.unwrap();
        assert!(text(&result).len() <= 51_000, "{} bytes", text(&result).len());
        let structured = result.structured_content.clone().unwrap();
        whole.push_str(structured["text"].as_str().unwrap());
        items.extend(structured["items"].as_array().unwrap().clone());
        let Some(cursor) = structured.get("next_result_cursor") else { break };
        assert_eq!(structured["truncated"], true);
        assert!(text(&result).contains(cursor.as_str().unwrap()), "a model reads where to go on");
        arguments["result_cursor"] = cursor.clone();
    }
    let expected: String = (0..9000).map(|line| format!("line {line} «é»\n")).collect();
    assert_eq!(whole, expected);
    assert_eq!(items.len(), 9000);
    assert_eq!(items[8999]["milliseconds"], 8999);
    // The parts after the first are no new calls.
    assert_eq!(server.history().await.len(), 1);
}

/// What a model reads of a call, where no schema was published.
async fn read_by_a_model(server: &Server, name: &'static str, arguments: Value) -> String {
    let client = server.client().await;
    let result = client.call_tool(params(name, arguments)).await.unwrap();
    assert_eq!(result.structured_content, None, "{name}");
    text(&result)
}

#[tokio::test]
async fn without_a_published_schema_a_result_is_text_that_says_each_thing_once() {
    let server = Server::with_settings(&[("MCP_OUTPUT_SCHEMAS", "off")]).await;
    let read = async |name, arguments| read_by_a_model(&server, name, arguments).await;
    let content = "a\t\"b\"\n  c\n";
    assert_eq!(read("filesystem_write", json!({"path": "d/f", "content": content})).await, "ok");
    assert_eq!(read("filesystem_read", json!({"path": "d/f"})).await, content);
    let listed = read("filesystem_list", json!({"path": "d"})).await;
    assert_eq!(listed, "path\ttype\tsize\nd/f\tfile\t10");
    let found = read("filesystem_search", json!({"path": "d", "query": "b"})).await;
    assert_eq!(found, "path\tline\ttext\nd/f\t1\ta\t\"b\"");
    let edited = read("filesystem_edit", json!({"path": "d/f", "edits": [{"old": "c", "new": "d"}]})).await;
    assert_eq!(edited, "replacements: 1");
    let tried = json!({"path": "d/f", "edits": [{"old": "d", "new": "e"}], "dry_run": true});
    assert!(read("filesystem_edit", tried).await.contains("\n-  d\n+  e"), "a trial shows what would change");
    assert_eq!(read("terminal_execute", json!({"command": "echo one; echo two"})).await, "one\ntwo\n");
    let failed = read("terminal_execute", json!({"command": "echo bad >&2; exit 3"})).await;
    assert_eq!(failed, "success: false\nexit_code: 3\nstderr:\nbad");
    assert_eq!(read("terminal_check", json!({"command": "rm -rf /"})).await.lines().next(), Some("allowed: false"));
}

#[tokio::test]
async fn a_text_that_is_cut_says_how_to_go_on() {
    let server = Server::with_settings(&[("MCP_OUTPUT_SCHEMAS", "off"), ("MCP_MAX_RESULT_BYTES", "2000")]).await;
    let client = server.client().await;
    let content: String = (0..300).map(|line| format!("line {line}\n")).collect();
    server.call("filesystem_write", json!({"path": "f", "content": content})).await;
    let (mut whole, mut arguments) = (String::new(), json!({"path": "f"}));
    for part in 0.. {
        assert!(part < 20, "it ends");
        let result = client.call_tool(params("filesystem_read", arguments.clone())).await.unwrap();
        whole += &result.content[0].as_text().unwrap().text;
        let Some(note) = result.content.get(1) else { break };
        let cursor = note.as_text().unwrap().text.split('"').nth(3).unwrap().to_owned();
        arguments["result_cursor"] = json!(cursor);
    }
    assert_eq!(whole, content);
}

#[tokio::test]
async fn a_cursor_that_is_not_known_says_what_to_do() {
    let server = Server::with_fixtures(&[]).await;
    let client = server.client().await;
    let result = client.call_tool(params("test_say", json!({"lines": 1, "result_cursor": "gone"}))).await.unwrap();
    assert_eq!(result.is_error, Some(true));
    assert!(text(&result).contains("call again without it"), "{}", text(&result));
}

#[tokio::test]
async fn the_setting_says_how_long_a_result_may_be() {
    let server = Server::with_fixtures(&[("MCP_MAX_RESULT_BYTES", "2000")]).await;
    let client = server.client().await;
    let result = client.call_tool(params("test_say", json!({"lines": 500}))).await.unwrap();
    assert!(text(&result).len() < 2600, "{}", text(&result).len());
}

#[tokio::test]
async fn a_picture_is_shown_as_one_and_not_repeated_in_the_text() {
    let server = Server::with_fixtures(&[]).await;
    let client = server.client().await;
    let result = client.call_tool(params("test_draw", nothing())).await.unwrap();
    let picture = result.content.iter().find_map(|block| block.as_image()).expect("there is a picture");
    assert_eq!((picture.mime_type.as_str(), picture.data.as_str()), ("image/png", "iVBORw0KGgo="));
    assert!(!text(&result).contains("iVBOR"));
}

#[tokio::test]
async fn pictures_among_many_files_are_shown_as_such() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let server = Server::start().await.with_file("p.png", png).with_file("t.txt", "text");
    let client = server.client().await;
    let arguments = json!({"paths": ["p.png", "t.txt", "p.png"], "as": "auto"});
    let result = client.call_tool(params("filesystem_read_many", arguments)).await.unwrap();
    let pictures = result.content.iter().filter_map(|block| block.as_image());
    assert_eq!(pictures.map(|picture| picture.mime_type.as_str()).collect::<Vec<_>>(), ["image/png"; 2]);
    assert!(!text(&result).contains("iVBOR"));
    assert_eq!(result.structured_content.unwrap()["items"][1]["content"], "text");
}

#[tokio::test]
async fn a_fault_of_the_bridge_is_answered_and_does_not_hang() {
    let server = Server::with_fixtures(&[]).await;
    let client = server.client().await;
    let result = client.call_tool(params("test_panic", nothing())).await.unwrap();
    assert_eq!(result.is_error, Some(true));
    assert!(text(&result).starts_with("Internal server error") && !text(&result).contains("purpose"));
}
