//! The published contract.

use crate::server::{KEY, Server};
use serde_json::{Value, json};

#[tokio::test]
async fn the_openapi_document_is_the_one_that_was_reviewed() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn every_argument_and_every_field_of_an_answer_is_described() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, about) in schema["properties"].as_object().into_iter().flatten() {
            assert!(about["description"].is_string(), "{name}.{field} is not described");
        }
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            check_operation(path, operation);
        }
    }
}

/// Importers of OpenAPI into chat assistants refuse longer texts.
fn check_operation(path: &str, operation: &Value) {
    assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path} has no summary");
    let length = operation["description"].as_str().unwrap_or_default().chars().count();
    assert!(length <= 300, "the description of {path} has {length} characters");
    if path.matches('/').count() == 2 {
        let bodies = operation["requestBody"]["content"].as_object();
        let mut examples = bodies.into_iter().flatten().map(|(_, body)| &body["example"]);
        assert!(examples.all(Value::is_object), "{path} has no example");
    }
}

#[tokio::test]
async fn each_path_allows_the_methods_that_the_document_names() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    for (path, item) in document["paths"].as_object().unwrap() {
        let url = format!("{}{}", server.url, path.replace("{id}", "proc_1"));
        let response = server.http.request(reqwest::Method::OPTIONS, url).bearer_auth(KEY).send().await.unwrap();
        let allowed = response.headers()["allow"].to_str().unwrap().to_lowercase();
        let allowed: Vec<&str> = allowed.split(',').filter(|method| *method != "head").collect();
        let named: Vec<&String> = item.as_object().unwrap().keys().collect();
        assert_eq!(allowed, named, "{path}");
    }
}

/// What a reader sees who shows either the summary or the description.
#[tokio::test]
async fn a_description_says_what_its_operation_does() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values().filter(|operation| operation["tags"] != json!(["status"])) {
            let [summary, about] = ["summary", "description"].map(|name| operation[name].as_str().unwrap());
            assert!(about.starts_with(summary), "{path}: {about}");
        }
    }
}

#[tokio::test]
async fn what_a_get_needs_is_required_and_what_no_tool_can_call_is_marked() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    for path in ["/filesystem/download", "/filesystem/watch"] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let required: Vec<&Value> =
            parameters.iter().filter(|one| one["required"] == true).map(|one| &one["name"]).collect();
        assert_eq!(required, ["path"], "{path}");
        assert_eq!(document["paths"][path]["get"]["x-mcp"], false, "{path}");
    }
    let by_query = &document["paths"]["/internet/search"]["post"]["parameters"];
    assert!(by_query.as_array().unwrap().iter().all(|one| one["required"] == false), "the body may have them");
    for (path, method) in [("/filesystem/upload", "post"), ("/terminal/{id}/ws", "get")] {
        let operation = &document["paths"][path][method];
        assert_eq!((&operation["x-mcp"], &operation["operationId"]), (&json!(false), &Value::Null), "{path}");
    }
    let marked = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    assert_eq!(marked.filter(|operation| operation["x-mcp"] == false).count(), 6, "and nothing else is");
}
