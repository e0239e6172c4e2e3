//! REST and MCP are two faces of one thing: the same answer, the same refusal, for every capability.

use crate::server::{Reply, Server, route};
use regex::Regex;
use serde_json::{Map, Value, json};
use skynet_bridge::catalog;
use std::sync::LazyLock;

/// What tells two runs of the same call apart without telling the faces apart.
const VOLATILE: [&str; 13] = [
    "timestamp",
    "execution_time",
    "modified",
    "id",
    "ids",
    "duration_ms",
    "pid",
    "uptime_seconds",
    "caller",
    "started",
    "ended",
    "waited_seconds",
    "ticket",
];

/// Times, and the ids that are made of them, within texts.
static MOMENTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}|\d{8}_\d{6}").expect("it is one"));

struct Example {
    name: &'static str,
    arguments: Value,
    fields: Vec<String>,
    required: bool,
}

fn examples() -> Vec<Example> {
    let example = |entry: &catalog::Entry| {
        let schema = entry.request.schema();
        let fields = schema["properties"].as_object().map(|all| all.keys().cloned().collect());
        Example {
            name: entry.name,
            arguments: serde_json::from_str(entry.example).expect("an example is JSON"),
            fields: fields.unwrap_or_default(),
            required: schema["required"].as_array().is_some_and(|names| !names.is_empty()),
        }
    };
    catalog::everything().iter().map(|entry| example(entry)).collect()
}

/// A call's outcome in one form for both faces: the answer, or the sentence of the refusal.
type Outcome = Result<Value, String>;

async fn over_rest(server: &Server, name: &str, arguments: &Value) -> Outcome {
    let reply = server.post(&route(name), arguments.clone()).await;
    if reply.status == 200 { Ok(reply.body) } else { Err(sentence(&reply)) }
}

/// The detail, or the list of problems as one sentence: `field: message; …`.
fn sentence(reply: &Reply) -> String {
    let detail = &reply.body["detail"];
    let Some(problems) = detail.as_array() else {
        return detail.as_str().unwrap_or_default().to_owned() + &ignored(reply);
    };
    let said = problems.iter().map(|problem| {
        let steps = &problem["loc"].as_array().unwrap()[1..];
        let place: String = steps
            .iter()
            .enumerate()
            .map(|(i, step)| match step {
                Value::String(field) if i == 0 => field.clone(),
                Value::String(field) => format!(".{field}"),
                place => format!("[{place}]"),
            })
            .collect();
        format!("{place}: {}", problem["msg"].as_str().unwrap())
    });
    said.collect::<Vec<_>>().join("; ") + &ignored(reply)
}

/// The fields that did not count, as the end of that sentence.
fn ignored(reply: &Reply) -> String {
    let fields: Vec<String> = reply.body["ignored"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| {
            let name = field["field"].as_str().unwrap();
            field["did_you_mean"].as_str().map_or(name.to_owned(), |meant| format!("{name} (did you mean {meant}?)"))
        })
        .collect();
    if fields.is_empty() { String::new() } else { format!(". Ignored: {}", fields.join("; ")) }
}

async fn over_mcp(server: &Server, session: &str, name: &str, arguments: &Value) -> Outcome {
    let reply = server.tool(session, name, arguments.clone()).await;
    let result = &reply["result"];
    assert!(result.is_object(), "{name}: {reply}");
    if result["isError"] == true {
        return Err(result["content"][0]["text"].as_str().unwrap().to_owned());
    }
    Ok(result["structuredContent"].clone())
}

/// Without what differs from run to run; the scratch directory has one name.
fn settled(server: &Server, outcome: Outcome) -> Outcome {
    let scratch = server.at("");
    match outcome {
        Ok(answer) => Ok(still(&answer, scratch.trim_end_matches('/'))),
        Err(sentence) => match still(&sentence.into(), scratch.trim_end_matches('/')) {
            Value::String(sentence) => Err(sentence),
            other => panic!("{other}"),
        },
    }
}

fn still(value: &Value, scratch: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), still(value, scratch))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| still(item, scratch)).collect(),
        Value::String(text) => MOMENTS.replace_all(&text.replace(scratch, "SCRATCH"), "THEN").into(),
        other => other.clone(),
    }
}

/// Calls with the same arguments over both faces, each over a directory of its own.
async fn agree(arguments: impl Fn(&Example) -> Option<Value>) -> usize {
    let whole = [("MCP_MAX_RESULT_BYTES", "100000000")];
    let (rest, mcp) = (Server::with_settings(&whole).await, Server::with_settings(&whole).await);
    let session = mcp.session("2025-11-25").await;
    let mut compared = 0;
    for example in examples() {
        let Some(arguments) = arguments(&example) else { continue };
        let name = example.name;
        let left = settled(&rest, over_rest(&rest, name, &arguments).await);
        let right = settled(&mcp, over_mcp(&mcp, &session, name, &arguments).await);
        assert_eq!(left, right, "{name} with {arguments}");
        compared += 1;
    }
    compared
}

#[tokio::test]
async fn the_example_of_every_capability_gives_the_same_over_rest_and_mcp() {
    assert_eq!(agree(|example| Some(example.arguments.clone())).await, examples().len());
}

#[tokio::test]
async fn every_capability_refuses_missing_arguments_alike() {
    assert!(agree(|example| example.required.then(|| json!({}))).await > 0);
}

#[tokio::test]
async fn every_capability_refuses_arguments_of_the_wrong_type_alike() {
    let wrong = |example: &Example| {
        let fields = example.fields.iter().map(|name| (name.clone(), json!({"no": ["such", "type"]})));
        (!example.fields.is_empty()).then(|| Value::Object(fields.collect()))
    };
    assert!(agree(wrong).await > 0);
}

#[tokio::test]
async fn every_capability_refuses_numbers_out_of_range_alike() {
    let far = |number: i64| {
        move |example: &Example| {
            let mut arguments = example.arguments.clone();
            for field in &example.fields {
                if arguments[field].is_number()
                    || ["timeout", "limit", "max_results", "context"].contains(&field.as_str())
                {
                    arguments[field] = json!(number);
                }
            }
            (arguments != example.arguments).then_some(arguments)
        }
    };
    assert!(agree(far(-1)).await > 0);
    assert!(agree(far(i64::MAX)).await > 0);
}
