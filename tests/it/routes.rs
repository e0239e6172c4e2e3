//! The pages of routes and tools, and the tables of the READMEs, say what there is, in both languages.

use crate::server::Server;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

async fn document() -> Value {
    Server::start().await.get("/openapi.json").await.ok()
}

/// How the row of each operation begins, up to what it does, and what it does.
fn rows(document: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_post = method == "post";
            let is_tool = is_post && operation["x-mcp"] != false;
            let route = if is_post { path.clone() } else { format!("{} {path}", method.to_uppercase()) };
            let tool =
                if is_tool { format!(" `{}`", operation["operationId"].as_str().unwrap()) } else { String::new() };
            let about = operation["summary"].as_str().unwrap();
            rows.push((format!("| `{route}` |{tool} | "), format!("{about} |")));
        }
    }
    rows
}

fn table(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("| `")).collect()
}

#[tokio::test]
async fn the_page_of_routes_and_tools_is_what_the_server_has() {
    let expected: Vec<String> = rows(&document().await).into_iter().map(|(start, about)| start + &about).collect();
    let name = "docs/routes.md";
    assert_eq!(table(&text_of(name)), expected, "{name} must have these rows:\n{}\n", expected.join("\n"));
}

#[tokio::test]
async fn the_french_page_explains_the_same_routes_and_tools_in_the_same_order() {
    let (text, expected) = (text_of("docs/routes.fr.md"), rows(&document().await));
    let table = table(&text);
    assert_eq!(table.len(), expected.len(), "docs/routes.fr.md has a row for each route");
    for (row, (start, english)) in table.iter().zip(&expected) {
        let about = row.strip_prefix(start.as_str()).unwrap_or_else(|| panic!("{row}\nshould begin {start}"));
        assert!(about.len() > 10 && about != english, "it is not in French: {row}");
    }
}

/// The routes that a table names; a name alone stands beside the first one of its row.
fn routes_in(text: &str) -> BTreeSet<String> {
    let cells = table(text).into_iter().map(|row| row[2..].split(" | ").next().unwrap());
    let names = cells.map(|cell| cell.split('`').skip(1).step_by(2).map(|name| name.trim_start_matches("GET ")));
    let mut routes = BTreeSet::new();
    for mut row in names {
        let Some(first) = row.next().filter(|name| name.starts_with('/')) else { continue };
        let module = &first[..first.rfind('/').unwrap()];
        let whole = |name: &str| if name[1..].contains('/') { name.to_owned() } else { format!("{module}{name}") };
        routes.extend(row.map(whole));
        routes.insert(first.to_owned());
    }
    routes
}

#[tokio::test]
async fn the_tables_of_the_readmes_name_every_route_and_no_other() {
    let document = document().await;
    let routes: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    for name in ["README.md", "README.fr.md"] {
        assert_eq!(routes_in(&text_of(name)), routes, "{name}");
    }
}
