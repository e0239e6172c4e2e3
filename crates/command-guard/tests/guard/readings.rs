//! What a line would run, as a policy is told of it.

use crate::{context, corpora, rule};
use command_guard::{CallPattern, Context, Grammar, Reading, Rules, judge, read, read_program};

fn reading(line: &str) -> Reading {
    read(line, Grammar::BashOrPosix, &context())
}

/// Its executions as they show.
fn runs(line: &str) -> Vec<String> {
    reading(line).executions.iter().map(ToString::to_string).collect()
}

#[test]
fn every_program_of_a_line_is_found_behind_whatever_runs_it() {
    for (line, expected) in [
        ("git status", &["git status"][..]),
        ("cd x && git push origin main; ls | wc -l", &["cd x", "git push origin main", "ls", "wc -l"]),
        (
            "sudo -u root env A=1 bash -c 'curl x | sh -c \"make y\"'",
            &["curl x", "make y", "sudo -u root env", "env", "bash -c"],
        ),
        ("find . -name '*.o' -exec rm {} +", &["rm"]),
        ("echo $(git log) `id`", &["git log", "id"]),
        ("f() { nmap $1; }; f host", &["nmap host"]),
        ("for x in a b; do touch $x; done", &["touch a… b…"]),
        ("$TOOL push", &["… push"]),
        ("git $(cat args)", &["git …"]),
        ("/bin/l? x", &["… x"]),
        ("eval 'git push'; xargs -n1 wget < list; timeout 5 nohup nice npm publish", &["git push", "npm publish"]),
        ("ls > out.txt 2> /dev/null; cat < in", &["> out.txt"]),
        (
            "PATH=/tmp/x:$PATH GIT_SSH_COMMAND=y A=1 git pull; export LD_PRELOAD=z; sudo env CC=q make",
            &["PATH=/tmp/x:", "GIT_SSH_COMMAND=y", "LD_PRELOAD=z", "git pull", "CC=q", "make"],
        ),
        ("exec 3<> /dev/tcp/a.example/80", &["/dev/tcp/a.example/80"]),
        ("if true; then ssh host 'docker ps'; else systemctl status; fi &", &["docker ps", "systemctl status"]),
    ] {
        let found = runs(line);
        for wanted in expected {
            assert!(found.iter().any(|it| it.starts_with(wanted)), "{line}: {found:?} has no {wanted}");
        }
    }
    let quiet = runs("A=1; x=$(date) > /dev/null; echo $A 2>&1");
    assert!(!quiet.iter().any(|it| it.starts_with('>') || it.starts_with("A=")), "{quiet:?}");
    let argv = ["sudo", "git", "push"].map(str::to_owned);
    assert_eq!(read_program(&argv, &context()).executions.len(), 2);
}

#[test]
fn behind_a_danger_the_next_one_is_found() {
    let found = reading("rm -rf / ; find / -delete -exec wget x \\; ; mkfs.ext4 /dev/sda && curl y > /etc/passwd");
    let rules: Vec<&str> = found.refusals.iter().map(|refusal| refusal.rule).collect();
    assert_eq!(rules, ["rm-root", "rm-root", "disk", "overwrite"]);
    let names: Vec<&str> = found.executions.iter().map(|execution| execution.name.as_str()).collect();
    assert_eq!(names, ["rm", "find", "wget", "mkfs.ext4", "curl", ">"]);
    assert!(found.is_complete);
}

#[test]
fn what_cannot_be_followed_is_said_to_be_unknown() {
    for line in ["git push; rm 'x", "while true; do x & done", "r\u{200b}m x", "a\0b"] {
        let found = reading(line);
        assert!(!found.is_complete && !found.refusals.is_empty(), "{line:?}: {found:?}");
    }
    assert!(reading("git push; rm 'x").executions.iter().any(|it| it.to_string() == "git push"));
}

#[test]
fn what_the_users_rules_allow_is_read_as_well() {
    let rules = Rules::parse("allow deploy *\nallow sudo *\ndeny git push").unwrap();
    let context = Context { rules: &rules, ..context() };
    let found = read("sudo rm -rf /; git push; wget x", Grammar::Bash, &context);
    let names: Vec<&str> = found.executions.iter().map(|execution| execution.name.as_str()).collect();
    assert_eq!(names, ["sudo", "rm", "git", "wget"]);
    assert_eq!(found.refusals.iter().map(|it| it.rule).collect::<Vec<_>>(), ["user-rule"]);
}

#[test]
fn the_first_danger_of_a_reading_is_the_one_that_a_judgement_says() {
    for line in corpora::lines() {
        for grammar in [Grammar::BashOrPosix, Grammar::Zsh] {
            let verdict = judge(&line, grammar, &context());
            let found = read(&line, grammar, &context());
            assert_eq!(found.refusals.first().map(|it| it.rule), rule(verdict), "{line:?}");
        }
    }
}

#[test]
fn a_denial_mentions_and_a_permission_describes() {
    // Pattern, line, whether it mentions a call of the line, whether it describes one.
    for (pattern, line, mentions, describes) in [
        ("git push", "git push", true, true),
        ("git push", "git push origin", true, false),
        ("git push *", "git push origin main", true, true),
        ("git push", "git -C x push --force", true, false),
        ("git status *", "git push status", true, false),
        ("git *", "git $X", true, true),
        ("git status", "git stat$X", false, false),
        ("git status *", "git status $X", true, true),
        ("git * x", "git $X x", true, false),
        ("git push", "gitk push", false, false),
        ("git push", "./git push", true, false),
        ("git push", "/usr/bin/git push", true, true),
        ("git push", "$DIR/git push", true, false),
        ("./build.sh *", "./build.sh a", true, true),
        ("./build.sh *", "/tmp/build.sh a", false, false),
        ("* --version", "node --version", true, true),
        ("rm -[rf]* *", "rm -rf build", true, true),
        ("> *.txt", "ls > a.txt", true, true),
        ("PATH=*", "PATH=x ls", true, true),
    ] {
        let calls = reading(line).executions;
        let read = CallPattern::parse(pattern).unwrap();
        assert_eq!(calls.iter().any(|it| read.mentions(it)), mentions, "{pattern} mentions {line}");
        assert_eq!(calls.iter().any(|it| read.describes(it)), describes, "{pattern} describes {line}");
    }
    assert!(CallPattern::parse("git 'x").is_err() && CallPattern::parse("  ").is_err());
    assert_eq!(CallPattern::parse("git push* --force").unwrap().literals().collect::<Vec<_>>(), ["git", "--force"]);
}

#[test]
fn what_holds_on_one_way_through_a_line_permits_nothing() {
    let permits = |line: &str| {
        let patterns = ["git status *", "ls *", "cd *", "echo *"].map(|text| CallPattern::parse(text).unwrap());
        let found = reading(line);
        found.is_complete && found.executions.iter().all(|call| patterns.iter().any(|pattern| pattern.describes(call)))
    };
    for line in ["git status; ls -l $HOME \"$(git status -s)\"", "d=x; cd $d && git status $d", "ls $(ls)"] {
        assert!(permits(line), "{line}: {:?}", reading(line).executions);
    }
    for line in [
        "for c in status push; do git $c; done",
        "false && c=status; git $c push",
        "for c in status push; do echo \"git $c\" | ls; eval \"git $c\"; done",
        "false && G=git; $G status",
        "false || ls() { git status; }; ls",
        "false && curl() { ls; }; curl x",
        "false && alias curl=ls; curl x",
        "false && cp /bin/ls ./x; ./x",
        "c=status; git `echo $c`",
        "c=git; echo $c status | sh",
        "ls > x",
        "git -c alias.status='!curl x' status",
        "PATH=. git status",
    ] {
        assert!(!permits(line), "{line}: {:?}", reading(line).executions);
    }
}
