//! What the guard takes into account beside the line itself.

use crate::{context, rule, verdict};
use command_guard::{Context, Grammar, Rules, judge, judge_program};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

#[test]
fn emptying_the_temporary_directory_is_allowed_though_a_server_may_lie_in_it() {
    let protected = ["/tmp/server/.env".to_owned()];
    let context = Context { protected: &protected, ..context() };
    let judge = |line: &str| judge(line, Grammar::BashOrPosix, &context).is_ok();
    assert!(judge("rm -rf /tmp/*") && judge("tar xf a.tar -C /tmp") && judge("rm -rf /tmp/other"));
    assert!(!judge("rm -rf /tmp/server") && !judge("rm -rf /tmp/s*") && !judge("echo x > /tmp/server/.env"));
}

#[test]
fn a_line_that_shells_read_in_two_ways_is_judged_in_both() {
    // dash has no $'…': there the quote ends after the backslash and the removal runs.
    assert_eq!(verdict(r"echo $'a\' ; rm -rf / #'"), Some("rm-root"));
    // In bash the second quote is escaped and the line only prints.
    assert_eq!(verdict(r"echo \$'a\' ; rm -rf / #'"), Some("rm-root"));
    assert_eq!(verdict(r"echo $'it\'s' fine"), None);
}

#[test]
fn what_the_environment_of_the_request_holds_counts() {
    let environment = BTreeMap::from([("TARGET".to_owned(), "/".to_owned())]);
    let context = Context { environment: &environment, ..context() };
    assert_eq!(rule(judge("rm -rf $TARGET", Grammar::BashOrPosix, &context)), Some("rm-root"));
    assert_eq!(verdict("rm -rf $TARGET"), None);
}

#[test]
fn a_program_without_a_shell_is_judged_by_its_arguments_as_they_are() {
    let judge = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        rule(judge_program(&words, &context()))
    };
    assert_eq!(judge(&["rm", "-rf", "/"]), Some("rm-root"));
    assert_eq!(judge(&["sh", "-c", "rm -rf ~"]), Some("rm-home"));
    assert_eq!(judge(&["echo", "; rm -rf /"]), None);
    assert_eq!(judge(&["rm", "-rf", "$HOME"]), None, "nothing expands it");
}

#[test]
fn a_working_directory_in_the_core_of_the_system_is_no_workspace() {
    let judge = |directory: &str| judge("rm -rf *", Grammar::BashOrPosix, &Context { directory, ..context() }).is_err();
    assert!(judge("/") && judge("/etc") && judge("/etc/nginx") && judge("/usr") && judge("/home/user"));
    assert!(!judge("/home/user/project") && !judge("/tmp/work"));
}

#[test]
fn deep_nesting_and_long_lines_are_refused_at_once() {
    let nested = [
        ("(", ")"),
        ("$(", ")"),
        ("\"$(", ")\""),
        ("{ ", "; }"),
        ("if ", "; then :; fi"),
        ("$((", "))"),
        ("${a:-", "}"),
    ];
    for (open, close) in nested {
        let line = format!("echo {}x{}", open.repeat(5000), close.repeat(5000));
        let started = Instant::now();
        assert!(verdict(&line).is_some(), "{open}");
        assert!(started.elapsed() < Duration::from_secs(2), "{open} took {:?}", started.elapsed());
    }
    for line in
        ["case x in x) ".repeat(30), "cat <(".repeat(30), "$((".repeat(30), "{a,b}".repeat(30), "a".repeat(200_000)]
    {
        let started = Instant::now();
        let _ = verdict(&line);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?} took {:?}", &line[..20], started.elapsed());
    }
}

#[test]
fn rules_of_the_user_lift_a_refusal_or_add_one() {
    let rules = Rules::parse("# mine\nallow systemctl reboot\n\ndeny git push*\n").unwrap();
    let context = Context { rules: &rules, ..context() };
    let judge = |line: &str| rule(judge(line, Grammar::Bash, &context));
    assert_eq!((judge("sudo systemctl reboot"), judge("systemctl poweroff")), (None, Some("power")));
    assert_eq!((judge("git push"), judge("git pull")), (Some("user-rule"), None));
    let error = Rules::parse("deny wget\n\nforbid everything").unwrap_err().to_string();
    assert!(error.starts_with("line 3 is \"forbid everything\", but it must begin with allow or deny"), "{error}");
}
