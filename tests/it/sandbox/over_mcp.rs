//! The sandbox as an MCP client sees it.

use super::server_or_skip;
use crate::{
    mcp::{answer, call, messages},
    server::Reply,
};
use serde_json::json;

#[tokio::test]
async fn a_figure_of_a_session_is_a_picture_for_an_mcp_client() {
    let server = server_or_skip!();
    let client = server.session("2025-11-25").await;
    let started = server.tool(&client, "sandbox_session_start", json!({})).await;
    let session = started["result"]["structuredContent"]["id"].clone();
    let code = "class Figure:\n  def _repr_png_(self): return b'\\x89PNG'\nFigure()";
    let ran = server.tool(&client, "sandbox_session_run", json!({"id": session, "code": code})).await;
    let content = ran["result"]["content"].as_array().unwrap();
    let picture = content.iter().find(|block| block["type"] == "image").expect("there is a picture");
    assert_eq!((&picture["mimeType"], &picture["data"]), (&json!("image/png"), &json!("iVBORw==")));
    let structured = &ran["result"]["structuredContent"];
    let output = &structured["outputs"][0];
    assert_eq!(
        (&output["type"], &output["data"]),
        (&json!("image/png"), &json!("(in the content of this result: see media)"))
    );
    assert_eq!(structured["media"], json!([{"type": "image", "mime_type": "image/png", "size": 4, "content": 1}]));
    server.stop().await;
}

#[tokio::test]
async fn pictures_among_the_files_of_a_run_and_in_a_notebook_are_pictures_and_never_text() {
    let server = server_or_skip!();
    let client = server.session("2025-11-25").await;
    let code = "import base64; open('p.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(90)); open('x.bin', 'wb').write(b'\\xff\\x00')";
    let ran = server.tool(&client, "sandbox_run", json!({"code": code, "outputs": ["*.*"]})).await;
    let source = "class Figure:\n  def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n' + bytes(90)\nFigure()";
    let cells = json!([{"cell_type": "code", "source": source, "metadata": {}}]);
    let notebook = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
    let executed = server.tool(&client, "sandbox_notebook", json!({"notebook": notebook})).await;
    for said in [&ran, &executed] {
        let content = said["result"]["content"].as_array().unwrap();
        let pictures = content.iter().filter(|block| block["type"] == "image" && block["mimeType"] == "image/png");
        assert_eq!(pictures.count(), 1, "{said}");
        let text = content[0]["text"].as_str().unwrap();
        assert!(!text.contains("iVBORw0KGgo") && text.contains("see media"), "{text}");
        assert_eq!(said["result"]["structuredContent"]["media"][0]["size"], 98);
    }
    let files = ran["result"]["structuredContent"]["outputs"].as_array().unwrap();
    let other = files.iter().find(|file| file["path"] == "x.bin").expect("other files stay as they are");
    assert_eq!(other["content_base64"], "/wA=");
    server.stop().await;
}

#[tokio::test]
async fn a_build_reports_its_steps_and_its_failure() {
    let base = ("SANDBOX_BASE_IMAGE", "localhost:1/no/such-base:image");
    let server = server_or_skip!(base, ("SANDBOX_IMAGE", "bridge-test/none"));
    let client = server.session("2025-11-25").await;
    let mut message = call(3, "sandbox_build", json!({}));
    message["params"]["_meta"] = json!({"progressToken": "steps"});
    let reply = Reply::send(server.said(&client, &message)).await;
    let reports = messages(&reply.text);
    let steps: Vec<_> = reports.iter().filter(|message| message["method"] == "notifications/progress").collect();
    let last = &steps.last().expect("steps are reported")["params"];
    assert!(last["message"].as_str().unwrap().starts_with("Step 2/"), "{}", reply.text);
    assert!(last["total"].as_f64().is_some_and(|total| total > 2.0), "{last}");
    let result = &answer(&reply.text)["result"];
    assert!(result["isError"] == true && result.to_string().contains("Docker build failed"), "{}", reply.text);
    server.stop().await;
}
