//! Resources and prompts: what a client may attach to a conversation.

use super::params;
use crate::server::Server;
use rmcp::{
    model::{
        ArgumentInfo, CompleteRequestParams, ErrorCode, GetPromptRequestParams, ReadResourceRequestParams, Reference,
        ResourceContents,
    },
    service::ServiceError,
};
use serde_json::{Value, json};

/// A server that remembers two things.
async fn remembering() -> (Server, String) {
    let server = Server::start().await;
    let first = json!({"content": "The garden gate sticks in winter.\nOil it.", "tags": ["garden", "house"]});
    let id = server.call("memory_add", first).await["id"].as_str().unwrap().to_owned();
    server.call("memory_add", json!({"content": "Marie likes short answers", "tags": ["marie"]})).await;
    (server, id)
}

fn contents(result: rmcp::model::ReadResourceResult) -> (String, String) {
    match result.contents.into_iter().next().expect("it holds something") {
        ResourceContents::TextResourceContents { text, mime_type, .. } => (text, mime_type.unwrap_or_default()),
        ResourceContents::BlobResourceContents { blob, mime_type, .. } => (blob, mime_type.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn memory_entries_and_todays_history_are_resources() {
    let (server, id) = remembering().await;
    let client = server.client().await;
    let resources = client.list_all_resources().await.unwrap();
    let uris: Vec<&str> = resources.iter().map(|resource| resource.uri.as_str()).collect();
    assert_eq!(uris.len(), 3, "{uris:?}");
    assert_eq!((uris[0], uris[2]), ("history://today", format!("memory://{id}").as_str()));
    assert_eq!(resources[2].title.as_deref(), Some("The garden gate sticks in winter."));
    assert!(resources[2].description.as_ref().unwrap().contains("garden, house"));
    assert_eq!(client.list_all_resources().await.unwrap(), resources, "the order is stable");
    let entry = client.read_resource(ReadResourceRequestParams::new(format!("memory://{id}"))).await.unwrap();
    assert_eq!(contents(entry).0, "The garden gate sticks in winter.\nOil it.");
    let history = client.read_resource(ReadResourceRequestParams::new("history://today")).await.unwrap();
    let (text, mime_type) = contents(history);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["action"].as_str(), mime_type.as_str()), (Some("memory_add"), "application/x-ndjson"));
}

#[tokio::test]
async fn a_long_memory_is_listed_page_by_page() {
    let server = Server::start().await;
    let entries: Vec<Value> = (0..250).map(|number| json!({"content": format!("entry {number}")})).collect();
    server.call("memory_add_many", json!({"entries": entries})).await;
    let client = server.client().await;
    let first = client.list_resources(None).await.unwrap();
    assert!(first.resources.len() < 150 && first.next_cursor.is_some());
    let mut uris: Vec<String> = client.list_all_resources().await.unwrap().into_iter().map(|found| found.uri).collect();
    uris.sort();
    uris.dedup();
    assert_eq!(uris.len(), 251);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_rests_words() {
    let (server, _) = remembering().await;
    let client = server.client().await;
    for uri in ["memory://mem_none", "nowhere://x", "history://yesterday"] {
        let error = client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap_err();
        let ServiceError::McpError(error) = error else { panic!("{error:?}") };
        assert!([ErrorCode::RESOURCE_NOT_FOUND, ErrorCode::INVALID_PARAMS].contains(&error.code), "{uri}: {error:?}");
    }
}

#[tokio::test]
async fn the_prompts_bring_the_memory_into_the_conversation() {
    let (server, _) = remembering().await;
    let client = server.client().await;
    let names: Vec<String> = client.list_all_prompts().await.unwrap().into_iter().map(|prompt| prompt.name).collect();
    assert_eq!(names, ["remember", "recall", "review_today"]);
    let get = |name: &str, arguments: Value| {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        client.get_prompt(GetPromptRequestParams::new(name.to_owned()).with_arguments(arguments))
    };
    let said =
        |result: rmcp::model::GetPromptResult| json!(result.messages[0].content)["text"].as_str().unwrap().to_owned();
    let remember = said(get("remember", json!({"content": "Tea at four", "tags": "habits"})).await.unwrap());
    assert!(remember.contains("Tea at four") && remember.contains("habits") && remember.contains("memory_add"));
    let recall = said(get("recall", json!({"topic": "garden gate"})).await.unwrap());
    assert!(recall.contains("sticks in winter"), "{recall}");
    let review = said(get("review_today", json!({})).await.unwrap());
    assert!(review.contains("memory_add"), "{review}");
    let missing = get("recall", json!({})).await.unwrap_err();
    assert!(missing.to_string().contains("topic"), "{missing}");
    assert!(get("no_such_prompt", json!({})).await.is_err());
}

#[tokio::test]
async fn arguments_are_completed_from_the_memory() {
    let (server, id) = remembering().await;
    let client = server.client().await;
    let complete = |of: Reference, name: &str, begun: &str| {
        let argument = ArgumentInfo::new(name, begun);
        client.complete(CompleteRequestParams::new(of, argument))
    };
    let tags = complete(Reference::for_prompt("recall"), "topic", "Gar").await.unwrap();
    assert_eq!(tags.completion.values, ["garden"]);
    let ids = complete(Reference::for_resource("memory://{id}"), "id", &id[..10]).await.unwrap();
    assert!(ids.completion.values.contains(&id));
}

#[tokio::test]
async fn a_resource_is_cut_like_a_result() {
    let server = Server::with_settings(&[("MCP_MAX_RESULT_BYTES", "2000")]).await;
    let added = server.call("memory_add", json!({"content": "word ".repeat(1000)})).await;
    let client = server.client().await;
    let uri = format!("memory://{}", added["id"].as_str().unwrap());
    let (text, _) = contents(client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap());
    assert!(text.len() < 2200 && text.contains("memory_get"), "{} bytes", text.len());
}

#[tokio::test]
async fn files_are_read_under_the_policy_of_filesystem_read() {
    let server = Server::start().await.with_file("note with space.txt", "a note");
    let client = server.client().await;
    let templates = client.list_all_resource_templates().await.unwrap();
    let known: Vec<&str> = templates.iter().map(|template| template.uri_template.as_str()).collect();
    assert_eq!(known, ["history://{date}", "memory://{id}", "file:///{+path}"]);
    let uri = format!("file://{}", server.at("note with space.txt").replace(' ', "%20"));
    let (text, _) = contents(client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap());
    assert_eq!(text, "a note");
    for refused in
        ["file:///etc/passwd", "file:///tmp/%2e%2e/etc/passwd", "file://elsewhere/etc/passwd", "file:///no-such-file"]
    {
        assert!(client.read_resource(ReadResourceRequestParams::new(refused)).await.is_err(), "{refused}");
    }
    let rest = server.post("/filesystem/read", json!({"path": "/etc/passwd"})).await;
    let error = client.read_resource(ReadResourceRequestParams::new("file:///etc/passwd")).await.unwrap_err();
    assert!(error.to_string().contains(rest.detail()), "{error}");
    let found = client.call_tool(params("filesystem_read", json!({"path": "/etc/passwd"}))).await.unwrap();
    let (said, hint) = (super::text(&found), rest.body["hint"].as_str().unwrap());
    assert_eq!(said, format!("{}\n{hint}", rest.detail()), "what is wrong in REST's words, then how to fix it");
}
