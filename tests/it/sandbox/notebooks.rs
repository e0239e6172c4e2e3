//! `/sandbox/notebook`: notebooks are executed and given back.

use super::server_or_skip;
use crate::server::Server;
use serde_json::{Value, json};

fn code(source: &str) -> Value {
    json!({"cell_type": "code", "metadata": {}, "execution_count": 7, "outputs": [{"old": true}], "source": source})
}

fn notebook(cells: &[Value]) -> Value {
    json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {"mine": 1}, "cells": cells})
}

#[tokio::test]
async fn a_notebook_comes_back_with_its_outputs() {
    let server = server_or_skip!();
    let text = json!({"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "text"]});
    let lines = json!({"cell_type": "code", "source": ["x = 6\n", "print('hi')\n", "x * 7"]});
    let request = json!({
        "notebook": notebook(&[text.clone(), lines, code(""), code("open('out.txt', 'w').write(open('in.txt').read());")]),
        "files": [{"path": "in.txt", "content": "data"}],
        "outputs": ["out.txt"],
    });
    let answer = server.call("sandbox_notebook", request).await;
    assert_eq!(
        (&answer["success"], &answer["failed_cell"], &answer["executed"]),
        (&json!(true), &json!(null), &json!(2))
    );
    let cells = &answer["notebook"]["cells"];
    assert_eq!((&cells[0], &answer["notebook"]["metadata"]["mine"]), (&text, &json!(1)));
    let expected = json!([
        {"output_type": "stream", "name": "stdout", "text": "hi\n"},
        {"output_type": "execute_result", "data": {"text/plain": "42"}, "metadata": {}, "execution_count": 1},
    ]);
    assert_eq!((&cells[1]["outputs"], &cells[1]["execution_count"]), (&expected, &json!(1)));
    assert_eq!((&cells[2]["outputs"], &cells[2]["execution_count"]), (&json!([]), &json!(null)));
    assert_eq!(answer["outputs"][0]["content"], "data");
    server.stop().await;
}

#[tokio::test]
async fn the_cell_that_failed_is_named_and_those_after_it_do_not_run() {
    let server = server_or_skip!();
    let mut expected_to_fail = code("raise KeyError('expected')");
    expected_to_fail["metadata"]["tags"] = json!(["raises-exception"]);
    let cells = [expected_to_fail, code("raise ValueError('no')"), code("print('never')")];
    let answer = server.call("sandbox_notebook", json!({"notebook": notebook(&cells).to_string()})).await;
    assert_eq!(
        (&answer["success"], &answer["failed_cell"], &answer["executed"]),
        (&json!(false), &json!(1), &json!(2))
    );
    assert_eq!(answer["error"]["name"], "ValueError");
    let cells = &answer["notebook"]["cells"];
    assert_eq!(
        (&cells[0]["outputs"][0]["ename"], &cells[1]["outputs"][0]["evalue"]),
        (&json!("KeyError"), &json!("no"))
    );
    assert_eq!(cells[2]["outputs"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn parameters_replace_the_defaults_of_the_notebook() {
    let server = server_or_skip!();
    let mut defaults = code("n = 1; name = 'default'");
    defaults["metadata"]["tags"] = json!(["parameters"]);
    let request = json!({
        "notebook": notebook(&[defaults, code("(n, name, flags)")]),
        "parameters": {"n": 2, "name": "it's \"é\"", "flags": [true, null]},
    });
    let answer = server.call("sandbox_notebook", request).await;
    let cells = &answer["notebook"]["cells"];
    assert_eq!(cells[1]["metadata"]["tags"], json!(["injected-parameters"]));
    assert_eq!(cells[2]["outputs"][0]["data"]["text/plain"], "(2, 'it\\'s \"é\"', [True, None])");
    server.stop().await;
}

#[tokio::test]
async fn a_notebook_of_this_machine_is_read_and_not_changed() {
    let server = server_or_skip!();
    let text = notebook(&[code("1 + 1")]).to_string();
    let server = server.with_file("book.ipynb", &text);
    let answer = server.call("sandbox_notebook", json!({"path": server.at("book.ipynb")})).await;
    assert_eq!(answer["notebook"]["cells"][0]["outputs"][0]["data"]["text/plain"], "2");
    assert_eq!(std::fs::read_to_string(server.path("book.ipynb")).unwrap(), text);
    server.stop().await;
}

#[tokio::test]
async fn a_notebook_out_of_time_names_the_cell_and_keeps_what_was_shown() {
    let server = server_or_skip!();
    let slow = "print('so far')\nopen('half.txt', 'w').write('x')\nwhile True: pass";
    let request = json!({"notebook": notebook(&[code("6 * 7"), code(slow), code("1")]), "timeout": 3,
        "outputs": ["half.txt"]});
    let reply = server.post("/sandbox/notebook", request).await;
    assert_eq!((reply.status, reply.detail()), (408, "Notebook timed out after 3s in cell 1 (counted from 0)"));
    let body = &reply.body;
    assert_eq!(
        (body["stdout"].as_str(), body["hint"].as_str().map(|hint| hint.contains("session"))),
        (Some("so far\n"), Some(true))
    );
    let cells = &body["notebook"]["cells"];
    assert_eq!(cells[0]["outputs"][0]["data"]["text/plain"], "42");
    assert_eq!(cells[1]["outputs"][0]["text"], "so far\n");
    assert_eq!((&cells[1]["outputs"][1]["ename"], &cells[2]["outputs"]), (&json!("TimeoutError"), &json!([])));
    assert_eq!(body["outputs"][0]["path"], "half.txt");
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_notebook_is_refused_before_an_engine_is_looked_for() {
    let server = Server::start().await.with_file("text.ipynb", "not json");
    for (arguments, status, words) in [
        (json!({}), 422, "notebook"),
        (json!({"notebook": "{"}), 422, "not JSON"),
        (json!({"notebook": 7}), 422, "cells"),
        (json!({"notebook": {"nbformat": 3, "worksheets": []}}), 422, "version 4"),
        (json!({"notebook": {"cells": [{"cell_type": "code"}]}}), 422, "Cell 0"),
        (json!({"path": server.at("text.ipynb")}), 422, "not JSON"),
        (json!({"path": server.at("none.ipynb")}), 404, "not found"),
        (json!({"path": "/etc/passwd"}), 403, "Unsafe"),
        (json!({"notebook": notebook(&[]), "timeout": 301}), 400, "Max: 300s"),
        (json!({"notebook": notebook(&[]), "timeout": 0}), 422, "timeout"),
        (json!({"notebook": notebook(&[]), "parameters": {"a b": 1}}), 422, "variable"),
    ] {
        let reply = server.post("/sandbox/notebook", arguments.clone()).await;
        assert_eq!(reply.status, status, "{arguments}: {}", reply.text);
        assert!(reply.text.contains(words), "{arguments}: {}", reply.text);
    }
}
