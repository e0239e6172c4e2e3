//! The user's own file: rules, and records in the language of the guard's own tables.

use crate::{context, rule};
use command_guard::{Context, Grammar, Rules, judge};

/// The record that the documentation shows.
fn documented() -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md")).unwrap();
    let (_, record) = page.split_once("```text\n# The names of the programs").expect("it shows a record");
    format!("#{}", record.split("```").next().unwrap_or_default())
}

fn verdict_by(rules: &str, line: &str) -> Option<&'static str> {
    let rules = Rules::parse(rules).unwrap();
    rule(judge(line, Grammar::Bash, &Context { rules: &rules, ..context() }))
}

#[test]
fn the_record_of_the_documentation_says_what_a_program_does() {
    let judge = |line: &str| verdict_by(&documented(), line);
    assert_eq!(judge("sudo deploy --env x prod --force"), Some("user-rule"));
    assert_eq!(judge("deploy -- rm -rf /"), Some("rm-root"));
    assert_eq!(judge("deploy-eu --hook 'rm -rf ~' x"), Some("rm-home"));
    assert_eq!(judge("deploy clean ~/Documents"), Some("rm-outside"));
    assert_eq!(judge("deploy -o /etc/passwd x"), Some("overwrite"));
    for line in ["deploy prod", "deploy clean build", "deploy -- make", "deploy -o out x", "deployer prod --force"] {
        assert_eq!(judge(line), None, "{line}");
    }
}

#[test]
fn rules_stand_beside_records_and_lift_what_these_refuse() {
    let rules = "deny git push*\ndeny ./x.sh\n\ndeploy:\n  refuse: go live\n\n  ok git pull\n  no deploy\nallow deploy --dry\n  deny wget\n";
    for (line, wanted) in [
        ("deploy", Some("user-rule")),
        ("deploy --dry", None),
        ("git push", Some("user-rule")),
        ("wget x", Some("user-rule")),
        ("./x.sh a", Some("user-rule")),
        ("y/x.sh a", None),
        ("rm -rf /", Some("rm-root")),
    ] {
        assert_eq!(verdict_by(rules, line), wanted, "{line}");
    }
}

#[test]
fn a_record_adds_to_what_the_guard_knows_of_a_program() {
    let rules = "list live prod customers\nkubectl:\n  refuse: touch what customers see\n    if delete @live\n    if apply @live";
    assert_eq!(verdict_by(rules, "kubectl delete ns prod"), Some("user-rule"));
    assert_eq!(verdict_by(rules, "kubectl delete ns kube-system"), Some("cluster"));
    assert_eq!(verdict_by(rules, "kubectl delete ns staging"), None);
}

#[test]
fn a_line_of_a_record_that_says_nothing_or_an_example_that_fails_is_reported_by_its_number() {
    for (text, wanted) in [
        ("deploy:\n  run rest", "line 2 is \"run rest\", but \"run\" is no verb of a record"),
        ("deploy:\n  runs everything", "line 2 is \"runs everything\", but \"everything\" is no part of a call"),
        ("deploy:\n  refuse: x if y\n  if @nowhere", "line 3 is \"if @nowhere\", but there is no list @nowhere"),
        ("deploy:\n\n  runs rest\n  no deploy ls", "line 4 is \"no deploy ls\", but the rules let it run"),
        ("deploy:\n  runs rest\n  ok deploy rm -rf /", "line 3 is \"ok deploy rm -rf /\", but it is refused (rm-root"),
        ("deploy:\nforbid everything", "line 2 is \"forbid everything\", but it must begin with allow or deny"),
        ("  runs rest", "line 1 is \"runs rest\", but it must begin with allow or deny"),
        ("deploy:\n  if x", "line 2 is \"if x\", but nothing stands above it"),
    ] {
        let error = Rules::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}
