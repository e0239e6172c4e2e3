//! The published contract.

use crate::server::{KEY, Server};
use serde_json::Value;

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
