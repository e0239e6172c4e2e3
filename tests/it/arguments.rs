//! Whatever is sent as arguments: an answer that names what is wrong, never a crash.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skynet_bridge::{Error, arguments::Arguments, error::Problem};

/// One field of each kind that capabilities use.
#[derive(Debug, Deserialize, JsonSchema)]
struct Request {
    text: String,
    #[serde(default)]
    #[schemars(range(min = 1, max = 60))]
    count: u64,
    #[serde(default)]
    flag: bool,
    #[serde(default)]
    #[schemars(length(max = 3))]
    tags: Vec<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
    when: Option<String>,
    #[serde(default)]
    edits: Vec<Edit>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only whether they decode matters for some fields")]
struct Edit {
    old: String,
    new: String,
    #[serde(default)]
    #[schemars(range(min = 1))]
    line: u32,
}

fn decode(text: &str) -> Result<Request, Error> {
    Arguments::from_json(text.to_owned().into())?.decode().0
}

fn problems(value: &Value) -> Vec<Value> {
    problems_of(&value.to_string())
}

fn problems_of(text: &str) -> Vec<Value> {
    match decode(text) {
        Err(Error::Invalid(problems)) => problems.iter().map(|problem: &Problem| json!(problem)).collect(),
        other => panic!("{other:?}"),
    }
}

fn kinds_and_places(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.to_string().replace('"', "");
    problems(value).iter().map(|problem| (text(&problem["type"]), text(&problem["loc"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, place)| ((*kind).to_owned(), (*place).to_owned())).collect()
}

#[test]
fn lenient_values_are_taken_as_pydantic_takes_them() {
    let request = json!({"text": "", "count": " 7 ", "flag": "Yes", "tags": [], "when": null, "unknown": [1]});
    let request = decode(&request.to_string()).unwrap();
    assert_eq!((request.count, request.flag, request.when), (7, true, None));
    assert!(decode(r#"{"text": "a", "flag": 1, "count": 3.0}"#).unwrap().flag);
}

#[test]
fn of_a_repeated_field_the_last_counts() {
    assert_eq!(decode(r#"{"text": "first", "text": "last"}"#).unwrap().text, "last");
    assert_eq!(decode(r#"{"text": 5, "text": "last"}"#).unwrap().text, "last");
}

#[test]
fn null_is_absence_but_in_a_required_field() {
    let mut nulls = json!({"text": null, "count": null, "flag": null, "tags": null, "metadata": null, "when": null});
    assert_eq!(kinds_and_places(&nulls), pairs(&[("string_type", "[body,text]")]));
    nulls["text"] = "".into();
    let request = decode(&nulls.to_string()).unwrap();
    assert_eq!((request.count, request.flag, request.tags.len()), (0, false, 0));
}

#[test]
fn problems_inside_lists_and_objects_are_named_with_their_place() {
    let request =
        json!({"tags": ["a", 1, null], "edits": [{"old": "a", "new": "b"}, {"old": 5, "line": 0}], "text": "t"});
    let expected = [
        ("string_type", "[body,tags,1]"),
        ("string_type", "[body,tags,2]"),
        ("string_type", "[body,edits,1,old]"),
        ("missing", "[body,edits,1,new]"),
        ("greater_than_equal", "[body,edits,1,line]"),
    ];
    assert_eq!(kinds_and_places(&request), pairs(&expected));
}

#[test]
fn bounds_that_the_schema_states_are_enforced() {
    for (request, kind) in [
        (json!({"text": "", "count": 0}), "greater_than_equal"),
        (json!({"text": "", "count": "61"}), "less_than_equal"),
        (json!({"text": "", "count": -1}), "greater_than_equal"),
        (json!({"text": "", "count": false}), "greater_than_equal"),
        (json!({"text": "", "count": 1e300}), "int_parsing_size"),
        (json!({"text": "", "tags": ["a", "b", "c", "d"]}), "too_long"),
    ] {
        assert_eq!(problems(&request)[0]["type"], kind, "{request}");
    }
}

/// A JSON text whose names are all written with an escape for their first letter, as some clients write what is not
/// ASCII.
fn escaped(text: &str) -> String {
    let names = regex::Regex::new(r#""([a-z])([a-z]*)":"#).unwrap();
    let escaped = |found: &regex::Captures<'_>| format!(r#""\u{:04x}{}":"#, found[1].as_bytes()[0], &found[2]);
    names.replace_all(text, escaped).into_owned()
}

#[test]
fn a_name_with_an_escape_is_the_same_name_at_every_depth() {
    let good = r#"{"text": "t", "count": "7", "metadata": {"depth": {"more": 1}},
        "edits": [{"old": "a", "new": "b", "line": " 3 "}, {"old": "a", "new": "b", "line": null}]}"#;
    let request = decode(&escaped(good)).unwrap();
    assert_eq!((request.count, request.edits[0].line, request.metadata["depth"]["more"].as_u64()), (7, 3, Some(1)));
    for wrong in [
        r#"{"text": "t", "edits": [{"old": 5, "line": 0}]}"#,
        r#"{"text": "t", "edits": [{"new": "b", "line": "x"}, {"old": "a", "new": ["b"], "line": -1}]}"#,
        r#"{"text": "t", "edits": [{"old": "a", "new": null, "line": 4294967296}], "metadata": []}"#,
        r#"{"text": "t", "edits": [{"old": "a", "new": "b", "line": 1.5}], "count": {"a": 1}}"#,
    ] {
        let places = |text: &str| -> Vec<(Value, Value, Value)> {
            let problems = problems_of(text).into_iter();
            problems.map(|mut problem| (problem["type"].take(), problem["loc"].take(), problem["msg"].take())).collect()
        };
        assert_eq!(places(&escaped(wrong)), places(wrong), "{wrong}");
    }
    // So is a value.
    let large =
        problems_of(r#"{"text": "t", "count": "\u0036\u0031", "edits": [{"old": "a", "new": "b", "line": "\u0030"}]}"#);
    assert_eq!((&large[0]["type"], &large[1]["type"]), (&json!("less_than_equal"), &json!("greater_than_equal")));
    // The last of two spellings counts, as of two equal ones.
    let twice = decode(r#"{"text": "t", "edits": [{"old": "a", "new": "b", "\u006fld": "last"}]}"#).unwrap();
    assert_eq!(twice.edits[0].old, "last");
    let half = problems_of(r#"{"text": "t", "edits": [{"old": "a", "new": "b", "\ud83d": 1}]}"#);
    assert!(half[0]["msg"].as_str().unwrap().contains("half of a character"), "{half:?}");
}

#[test]
fn where_a_body_stops_being_json_is_counted_in_characters() {
    for (text, place, said) in [
        (r#"{"text": "é字😀" x}"#, 15, "line 1 column 16"),
        ("{\"text\": \"字\",\n \"é\": \"字字\" 5}", 25, "line 2 column 12"),
        (r#"{"text": "ascii" x}"#, 17, "line 1 column 18"),
    ] {
        let problem = &problems_of(text)[0];
        assert_eq!((&problem["type"], &problem["loc"]), (&json!("json_invalid"), &json!(["body", place])), "{text}");
        assert!(problem["msg"].as_str().unwrap().ends_with(said), "{problem}");
    }
}

#[test]
fn a_missing_field_shows_the_object_it_is_missing_from() {
    let found = problems(&json!({"count": 5}));
    let expected = json!({"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": {"count": 5}});
    assert_eq!(found, [expected]);
}

#[test]
fn metadata_nested_deeper_than_a_parser_follows_is_refused() {
    let deep = format!(r#"{{"text": "", "metadata": {{"a": {}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(decode(&deep), Err(Error::Invalid(_))));
}

/// Any JSON value, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4)
                .prop_map(|all| all.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_of_any_field_crashes_the_decoder(fields in prop::collection::vec(any_json(), 7)) {
        let names = ["text", "count", "flag", "tags", "metadata", "when", "edits"];
        let object: Map<String, Value> = names.into_iter().map(str::to_owned).zip(fields).collect();
        let text = Value::Object(object).to_string();
        if let Err(Error::Invalid(problems)) = decode(&text) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn no_text_crashes_the_decoder(text in "[\\[\\]{}\":,a-z0-9\\\\ntf.eE+-]{0,60}") {
        let _ = decode(&text);
        let _ = decode(&format!("{{\"text\": {text}}}"));
    }
}
