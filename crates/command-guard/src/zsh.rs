//! What zsh reads in another way than bash, where that can hide a danger. What is not followed here is refused.

use super::Refusal;
use super::invocation::Invocation;
use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::values::{Data, Field};
use super::words::words;

/// Refuses what stands in the text itself.
pub(super) fn check(text: &str) -> Judged<()> {
    let characters: Vec<char> = text.chars().collect();
    let mut quote = None;
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        match (quote, characters[at]) {
            (None | Some('"'), '\\') => at += 1,
            (None, '\'' | '"') => quote = Some(characters[at]),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '$') => expansion(rest)?,
            (None, '>') => clobber(rest)?,
            (None, '=' | '~') if begins_a_word(&characters[..at]) => word_start(rest, text)?,
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn begins_a_word(before: &[char]) -> bool {
    before.last().is_none_or(|last| last.is_whitespace() || ";&|({<>=:".contains(*last))
}

/// `$x:h` is the folder above, `$x[2]` one of several, `${(e)x}` runs what is in it, `$=x` is cut at blanks.
fn expansion(rest: &[char]) -> Judged<()> {
    let braced = rest.get(1) == Some(&'{');
    let name_at = if braced { 2 } else { 1 };
    let first = rest.get(name_at).copied().unwrap_or_default();
    if matches!(first, '=' | '~' | '^') || braced && matches!(first, '(' | '$' | '`') {
        return Err(not_followed("flags of an expansion"));
    }
    let length = rest[name_at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
    let length = if length == 0 && matches!(first, '@' | '*' | '?' | '!' | '-' | '$' | '#') { 1 } else { length };
    let after = rest.get(name_at + length..).unwrap_or_default();
    match after {
        ['[', '@' | '*', ']', ..] if braced => Ok(()),
        ['[', ..] if length > 0 => Err(not_followed("an element of a list, which zsh counts from 1")),
        [':', letter, ..] if length > 0 && (letter.is_alphabetic() || *letter == '&') => {
            Err(not_followed("a modifier of an expansion, such as `:h`"))
        }
        _ => Ok(()),
    }
}

/// `>! file` writes to the file; bash writes to one called `!`.
fn clobber(rest: &[char]) -> Judged<()> {
    match rest.iter().skip(1).find(|c| !matches!(c, '>' | '&' | '|')) {
        Some('!') => Err(not_followed("`>!`: write `>|`")),
        _ => Ok(()),
    }
}

/// `=rm` is the path of rm, and `~x` the folder that the variable x names.
fn word_start(rest: &[char], text: &str) -> Judged<()> {
    let name: String = rest[1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
    match rest[0] {
        '=' if rest.get(1).is_some_and(|c| c.is_alphabetic() || *c == '(') => {
            Err(not_followed("a word that begins with `=`: quote it"))
        }
        '~' if !name.is_empty() && text.contains(&format!("{name}=")) => {
            Err(not_followed("`~` with the name of a variable"))
        }
        _ => Ok(()),
    }
}

/// What zsh itself does beyond bash; `None`: nothing of that.
pub(super) fn run(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let arguments = &call.arguments;
    match call.name.as_str() {
        "noglob" | "nocorrect" | "-" => return judge.run(arguments, scope).map(Some),
        "repeat" => return judge.run(arguments.get(1..).unwrap_or_default(), scope).map(Some),
        "setopt" | "unsetopt" if !arguments.iter().all(is_harmless_option) => {
            return Err(not_followed("an option that changes how lines are read"));
        }
        "emulate" | "zmodload" | "autoload" | "sched" | "zpty" | "zle" | "enable" | "disable" | "functions"
        | "zcompile" => {
            return Err(not_followed(&format!("the builtin `{}`", call.name)));
        }
        "alias" | "hash" if arguments.iter().any(|argument| argument.visible().starts_with(['-', '+'])) => {
            return Err(not_followed(&format!("`{}` with options", call.name)));
        }
        _ => {}
    }
    if let Some(name) = call.name.strip_prefix("zf_") {
        let mut words = vec![Field::text(name)];
        words.extend_from_slice(arguments);
        return judge.run(&words, scope).map(Some);
    }
    Ok(None)
}

/// Refuses to follow a change of zsh's own tables.
pub(super) fn check_assignment(name: &str) -> Judged<()> {
    match words("zsh-tables").contains(&name) {
        true => Err(not_followed(&format!("a change of zsh's `{name}`"))),
        false => Ok(()),
    }
}

fn is_harmless_option(option: &Field) -> bool {
    let name = option.visible().to_lowercase().replace('_', "");
    words("zsh-harmless-options").contains(&name.as_str())
        || words("zsh-harmless-options").contains(&name.trim_start_matches("no"))
}

fn not_followed(what: &str) -> Refusal {
    Refusal::new(
        "unparsable",
        format!(
            "the guard does not follow zsh in this: {what}. Write it in another way, or use shell_program \"bash\""
        ),
    )
}
