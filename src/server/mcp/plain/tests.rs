use super::*;
use serde_json::json;

fn shown(answer: Value, aside: &[&str]) -> String {
    text(&trimmed(answer, aside))
}

#[test]
fn a_text_that_is_all_of_an_answer_stands_as_it_is() {
    for text in ["a\t\"b\"\n", "one line"] {
        let answer = json!({"success": true, "path": "a", "content": text, "truncated": false, "timestamp": "now"});
        assert_eq!(shown(answer, &["path"]), text);
    }
}

#[test]
fn what_is_unusual_stands_above_the_texts() {
    let answer =
        json!({"success": false, "stdout": "one\ntwo\n", "stderr": "bad\nworse\n", "exit_code": 2, "id": null});
    assert_eq!(shown(answer, &[]), "success: false\nexit_code: 2\nstdout:\none\ntwo\nstderr:\nbad\nworse");
}

#[test]
fn a_list_of_objects_is_a_table() {
    let items = json!([{"path": "a", "line": 1, "text": "\tx"}, {"path": "b\tc", "line": null, "text": "y"}]);
    let answer = json!({"success": true, "count": 2, "items": items});
    assert_eq!(shown(answer, &[]), "path\tline\ttext\na\t1\t\tx\n\"b\\tc\"\t\ty");
}

#[test]
fn items_with_texts_of_several_lines_are_parted() {
    let answer = json!({"results": [{"path": "a", "content": "1\n2\n"}, {"path": "b", "content": "3\n"}]});
    assert_eq!(shown(answer, &[]), "path: a\ncontent:\n1\n2\n---\npath: b\ncontent:\n3");
}

#[test]
fn a_no_that_says_something_stays() {
    assert_eq!(shown(json!({"success": true, "allowed": false}), &[]), "allowed: false");
}

#[test]
fn fields_of_items_are_left_out_too() {
    let answer = json!({"items": [{"name": "a", "size": 1}], "count": 7});
    assert_eq!(shown(answer, &["items.size"]), "count: 7\nitems:\na");
}

#[test]
fn an_answer_with_nothing_to_say_says_that_it_went_well() {
    assert_eq!(shown(json!({"success": true, "exit_code": 0, "stdout": "", "timestamp": "now"}), &[]), "ok");
}
