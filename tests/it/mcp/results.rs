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
