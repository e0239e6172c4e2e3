//! Accounts, passwords and scheduled jobs.

use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::Data;

pub(super) const NAMES: &[&str] = &[
    "userdel",
    "deluser",
    "groupdel",
    "delgroup",
    "passwd",
    "chpasswd",
    "usermod",
    "useradd",
    "adduser",
    "gpasswd",
    "groupmod",
    "vipw",
    "vigr",
    "crontab",
    "at",
    "batch",
    "chage",
    "newusers",
    "pwconv",
    "visudo",
    "ssh-copy-id",
    "dscl",
    "chsh",
    "groupadd",
    "pwunconv",
];

/// Groups whose members are as good as root.
const POWERFUL: &[&str] = &["sudo", "wheel", "root", "admin", "shadow", "disk", "adm", "sudoers"];

fn refuse(call: &Invocation, what: &str) -> Judged<()> {
    Err(Refusal::new("account", format!("`{}` would {what}", call.name)))
}

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let options = Options::read(
        &call.arguments,
        &["-u", "-G", "-g", "-a", "-p", "-s", "-d", "-c", "-e", "-f", "--uid", "--groups", "--user"],
    );
    let has = |names: &[&str]| options.has(names);
    match call.name.as_str() {
        "userdel" | "deluser" | "groupdel" | "delgroup" | "newusers" | "pwconv" | "pwunconv" => {
            refuse(call, "remove or replace accounts")
        }
        "passwd" if has(&["-S", "--status", "--help"]) => Ok(()),
        "passwd" | "chpasswd" | "vipw" | "vigr" => refuse(call, "change a password or the account files"),
        "usermod" | "useradd" | "adduser" | "gpasswd" | "groupadd" => members(call),
        "chage" if has(&["-E", "--expiredate", "-d", "--lastday", "-I", "--inactive"]) => {
            refuse(call, "lock an account out")
        }
        "chsh" if options.values(&["-s"]).any(|shell| locks_out(&shell.visible())) => {
            refuse(call, "lock an account out")
        }
        "crontab" => crontab(judge, call, scope),
        "at" | "batch" => {
            let source = scope.stdin.clone();
            if has(&["-l", "-d", "-r"]) || matches!(source, Data::Nothing) {
                return Ok(());
            }
            let text = shells::script_text(&source.field());
            shells::run_text(judge, &source, &text, &mut scope.clone()).map(drop)
        }
        "visudo" if !has(&["-c", "--check"]) => refuse(call, "change who may act as root"),
        "dscl" if call.arguments.iter().any(|argument| argument.is("-delete")) => refuse(call, "remove accounts"),
        _ => Ok(()),
    }
}

/// Programs that stand in the place of a shell where nobody may log in.
fn locks_out(shell: &str) -> bool {
    ["nologin", "false", "true"].iter().any(|name| shell.rsplit('/').next() == Some(name))
}

/// Adding to a powerful group, a second root, or a password given in the open.
fn members(call: &Invocation) -> Judged<()> {
    let mut words: Vec<String> = call.arguments.iter().map(crate::values::Field::visible).collect();
    // The last word is the account here, and the group with the others.
    let account = if matches!(call.name.as_str(), "usermod" | "useradd") { words.pop() } else { None };
    let of_root =
        account.is_some_and(|name| name == "root") && words.iter().any(|word| word == "-s" || word == "--shell");
    let powerful = words.iter().flat_map(|word| word.split([',', '='])).any(|word| POWERFUL.contains(&word));
    // A second name for an account (`-o`) is one for root only where the number is root's.
    let zero = |text: &str| text.parse() == Ok(0);
    let root = words
        .windows(2)
        .any(|pair| matches!(pair[0].as_str(), "-u" | "--uid" | "-ou" | "-g" | "--gid") && zero(&pair[1]))
        || words.iter().any(|word| {
            ["--uid=", "--gid=", "-u", "-ou", "-g"].iter().any(|name| word.strip_prefix(name).is_some_and(zero))
        });
    let password =
        words.iter().any(|word| matches!(word.as_str(), "-p" | "--password" | "-L" | "--lock" | "-U" | "--unlock"));
    if powerful || root || of_root || password && call.name != "adduser" {
        return refuse(call, "give an account the powers of root, or lock one out");
    }
    Ok(())
}

/// Listing and editing by hand are fine; removing the table is not, and a new one is judged line by line.
fn crontab(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-u"]);
    if options.has(&["-l", "-e"]) && !options.has(&["-r"]) {
        return Ok(());
    }
    if options.has(&["-r"]) {
        return refuse(call, "remove all scheduled jobs");
    }
    let source = match options.operands.first() {
        Some(file) if !shells::is_stdin(file) => scope.file(file).unwrap_or_else(Data::local),
        _ => scope.stdin.clone(),
    };
    shells::refuse_origin(source.origin().filter(|origin| *origin > crate::values::Origin::Local), "cron")?;
    if options.operands.first().is_some_and(|file| file.is("/dev/null")) {
        return refuse(call, "remove all scheduled jobs");
    }
    for line in shells::script_text(&source.field()).lines() {
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let job = line.split_whitespace().skip(fields).collect::<Vec<_>>().join(" ");
        shells::judge_both(judge, &job, &mut scope.clone())?;
    }
    Ok(())
}
