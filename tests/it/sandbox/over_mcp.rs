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
    let session = started["result"]["structuredContent"]["session"].clone();
    let code = "class Figure:\n  def _repr_png_(self): return b'\\x89PNG'\nFigure()";
    let ran = server.tool(&client, "sandbox_session_run", json!({"session": session, "code": code})).await;
    let content = ran["result"]["content"].as_array().unwrap();
    let picture = content.iter().find(|block| block["type"] == "image").expect("there is a picture");
    assert_eq!((&picture["mimeType"], &picture["data"]), (&json!("image/png"), &json!("iVBORw==")));
    assert_eq!(ran["result"]["structuredContent"]["outputs"], json!([]));
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
