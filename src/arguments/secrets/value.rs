//! How far a value goes, and whether it is one that may be seen.

use super::names::{is_harmless_value, sounds_secret};
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

/// A value and how it is written.
pub(crate) struct Value {
    /// Where it stands, without its quotes.
    pub range: Range<usize>,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

/// The value that begins at `start`: in quotes at any depth of escaping, or a word.
pub(crate) fn at(text: &str, start: usize) -> Value {
    let rest = &text[start..];
    // Python, Rust and C# put letters before a text; a shell a dollar.
    let letters = rest.len() - rest.trim_start_matches(['b', 'B', 'r', 'R', 'f', 'F', 'u', 'U', '@', '$']).len();
    let hashes = rest[letters.min(2)..].bytes().take_while(|byte| *byte == b'#').count();
    let from = if letters <= 2 { start + letters + hashes } else { start };
    quoted(text, from)
        .or_else(|| quoted(text, start))
        .unwrap_or_else(|| Value { range: word(text, start), quoted: false })
}

/// A text at depth d of escaping begins with a quote behind 2^d - 1 backslashes. It ends at the next such quote; one
/// behind more of them belongs to the text, unless they are whole pairs of that depth.
fn quoted(text: &str, start: usize) -> Option<Value> {
    let bytes = text.as_bytes();
    let depth = bytes[start..].iter().take_while(|byte| **byte == b'\\').count();
    let quote = *bytes.get(start + depth).filter(|byte| b"\"'`".contains(byte))?;
    let mut from = start + depth + 1;
    let triple = [quote; 3];
    if depth == 0 && bytes[start..].starts_with(&triple) {
        from = start + 3;
        let end = text[from..].find(std::str::from_utf8(&triple).expect("quotes are ASCII"));
        return Some(Value { range: from..end.map_or(text.len(), |end| from + end), quoted: true });
    }
    let mut before = 0;
    for (place, byte) in bytes.iter().enumerate().skip(from) {
        if *byte == quote && before % (2 * (depth + 1)) == depth {
            let end = continued(text, place + 1).unwrap_or(place - depth);
            return Some(Value { range: from..end, quoted: true });
        }
        before = if *byte == b'\\' { before + 1 } else { 0 };
    }
    Some(Value { range: from..text.len(), quoted: true })
}

/// Where a shell's word ends that goes on behind a quote: `"ab"cd`, `'it'\''s'`.
fn continued(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    if let Some(again) = rest.strip_prefix(r"\''") {
        let end = again.find('\'')?;
        return Some(from + 3 + end);
    }
    rest.starts_with(|next: char| next.is_alphanumeric()).then(|| word(text, from).end)
}

/// A word without quotes: to a blank, a quote, what ends a command or a parameter, and a bracket that closes.
fn word(text: &str, start: usize) -> Range<usize> {
    let mut letters = text[start..].char_indices().peekable();
    let mut open = 0_usize;
    while let Some((place, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        if open > 0 && [')', ']', '}'].contains(&letter) {
            open -= 1;
            continue;
        }
        open += usize::from(['(', '[', '{'].contains(&letter));
        let ends = match letter {
            '"' | '\'' | '`' | ';' | '&' | '|' | '<' | '>' => true,
            ')' | ']' | '}' => next.is_none_or(|next| next.is_whitespace() || ",;:)]}\"'".contains(next)),
            ',' => {
                next.is_none_or(|next| next.is_whitespace() || "\"'".contains(next))
                    || begins_pair(text, start + place + 1)
            }
            '\\' => next.is_none_or(|next| "\"'\n\r\\".contains(next)) || letters.next().is_none(),
            other => other.is_whitespace(),
        };
        if ends {
            return start..start + place;
        }
    }
    start..text.len()
}

/// Whether `name=` or `name:` stands there.
fn begins_pair(text: &str, start: usize) -> bool {
    let name = text[start..].trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    name.len() < text.len() - start && name.starts_with(['=', ':'])
}

/// To the end of the line, without a comment behind it, or to the quote that closes what the line stands in.
pub(crate) fn line(text: &str, start: usize) -> Range<usize> {
    let rest = &text[start..];
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let end = rest[..end].find(" #").unwrap_or(end);
    start..start + rest[..end].trim_end().len()
}

/// Whether a text only says where the secret is to be found: a variable, a placeholder, stars.
pub(crate) fn is_reference(text: &str) -> bool {
    static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
        let forms = [
            r"\$\{\{[^}]*\}\}|\$\{[^}:=-]*\}",
            r"\$\((?:[a-df-oq-z]|ec[^h]|e[^c]|p[^r]|pr[^i])[^)]*\)|`[^`]*`",
            r"\$env:[A-Za-z_]+|\$[A-Z_][A-Z0-9_]*\b|\$[a-z][a-z_]*\b|%[A-Z_]+%|\$[0-9@*]",
            r"\{\{[^}]*\}\}|\{[a-z_.]*\}|<[A-Za-z][A-Za-z _-]*>|\[removed\]|%s",
            r"(?i)\b(?:bearer|basic|token)\b|\byour[-_][a-z_-]+",
        ];
        Regex::new(&forms.join("|")).expect("the pattern is written here")
    });
    let quotes = ['"', '\'', '\\', ' '];
    let bare = text.trim_matches(quotes);
    if bare.is_empty() || bare.chars().all(|letter| "*•.…xX-".contains(letter)) {
        return true;
    }
    let rest = REFERENCE.replace_all(bare, "");
    rest.len() < bare.len() && !rest.contains(|letter: char| letter.is_alphanumeric())
}

/// Whether a shell asks a program for the value: `cat token.txt` in backticks. Those of JavaScript hold texts.
pub(crate) fn is_from_a_program(text: &str, range: &Range<usize>) -> bool {
    static PROGRAM: LazyLock<Regex> = LazyLock::new(|| {
        let names = "cat|head|tail|pass|op|vault|aws|gcloud|az|kubectl|jq|curl|grep|security|bw|gh|sops|gpg|openssl";
        Regex::new(&format!(r"^(?:{names}|cut|awk|sed|tr|base64|pwgen|uuidgen)\s"))
            .expect("the pattern is written here")
    });
    text[..range.start].ends_with('`') && PROGRAM.is_match(&text[range.clone()])
}

/// Whether words follow that no program would take for one value: `password: allow 64 characters`.
pub(crate) fn begins_a_sentence(text: &str) -> bool {
    let line = text.split(['\n', '"', '\'']).next().unwrap_or_default();
    let mut words = line.split(' ');
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.next().is_some_and(is_word) && words.next().is_some_and(|word| !word.is_empty())
}

/// Whether a value beside the name of a secret may be seen.
pub(crate) fn may_be_seen(name: &str, value: &str, quoted: bool, spaced: bool) -> bool {
    let value = value.trim_end_matches([';', ',']);
    let starts = |prefix: &[&str]| prefix.iter().any(|prefix| value.starts_with(prefix));
    is_reference(value)
        || is_harmless_value(value.trim_end_matches(['.', '?', '!', '(', ')']))
        || (value.len() <= 3 && !value.contains(char::is_alphabetic))
        || is_version(value)
        || is_harmless_value(
            value.split_once(':').filter(|(_, rest)| rest.chars().all(char::is_alphabetic)).map_or("", |it| it.0),
        )
        || names_a_secret(name, value)
        || (name.eq_ignore_ascii_case("pwd") && starts(&["/", "C:", "$"]))
        || (!quoted && name.eq_ignore_ascii_case("auth") && value.bytes().all(|byte| byte.is_ascii_alphabetic()))
        || value.eq_ignore_ascii_case(name)
        || starts(&[
            ".*",
            "[^",
            "env:",
            "file:",
            "fd:",
            "id=",
            "/run/",
            "/etc/",
            "/var/",
            "/dev/",
            "/home/",
            "/tmp/",
            "~/",
            "./",
            "../",
            "!vault",
            "!reference",
            "!Ref",
            "!Sub",
            "!GetAtt",
            "!ImportValue",
            "!secret",
        ])
        || (!quoted && (starts(&["{", "[", "("]) || is_expression(value, spaced)))
}

/// Whether a secret is called so where it is kept: `--secret=db-password`.
fn names_a_secret(name: &str, value: &str) -> bool {
    let is_name = value.contains('-') && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_name && name.to_ascii_lowercase().ends_with("secret") && sounds_secret(value)
}

/// `^1.4.6`, beside the name of a package.
fn is_version(value: &str) -> bool {
    let numbers = value.trim_start_matches(['^', '~', '>', '<', '=', 'v', ' ']);
    numbers.contains('.') && numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether a program computes or fetches the value: a call, a subscript, a member that is called like a secret.
fn is_expression(value: &str, spaced: bool) -> bool {
    static CALL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[&*!]*[A-Za-z_$][A-Za-z_]*(?:(?:\.|::|->|\?\.|!)[A-Za-z_]*)*(?:[(\[<]|::)").expect("written here")
    });
    static MEMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[&*!]*(?P<first>[A-Za-z_$][A-Za-z_]*)(?:\.|::|->|\?\.)(?:[A-Za-z_?]+(?:\.|::|->|\?\.)?)+$")
            .expect("written here")
    });
    let value = value.trim_end_matches(')');
    if CALL.is_match(value) {
        return true;
    }
    if spaced
        && value
            .split_once('(')
            .is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    {
        return true;
    }
    let last = value.rsplit(['.', ':', '>']).next().unwrap_or(value);
    if let Some(member) = MEMBER.captures(value) {
        return sounds_secret(last) || HOLDERS.contains(&&member["first"]);
    }
    let is_name = value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') && value.contains('_');
    spaced && is_name && sounds_secret(value)
}

/// What holds settings in most programs.
const HOLDERS: [&str; 22] = [
    "self", "this", "config", "settings", "args", "options", "opts", "env", "process", "params", "req", "request",
    "body", "cfg", "ctx", "secrets", "vars", "var", "local", "props", "os", "import",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_quotes_ends_at_its_own_depth_of_escaping() {
        for (text, value) in [
            (r#""a \"b\" c", "d""#, r#"a \"b\" c"#),
            (r#"\"a b\", \"d\""#, "a b"),
            (r#"\"a \\\"b\\\" c\", \"d\""#, r#"a \\\"b\\\" c"#),
            (r#"\\\"a b\\\", \\\"c\\\""#, "a b"),
            (r#""ends with a backslash\\", "d""#, r"ends with a backslash\\"),
            (r"'it'\''s' x", r"it'\''s"),
            (r#"b"bytes" x"#, "bytes"),
            ("\"\"\"long\n\"text\"\"\" x", "long\n\"text"),
            ("open, \"x", "open"),
            ("a,b;c", "a,b"),
            ("a\\ b c", "a\\ b"),
        ] {
            assert_eq!(&text[at(text, 0).range], value, "{text}");
        }
    }

    #[test]
    fn what_only_names_a_secret_may_be_seen() {
        for text in
            ["$TOKEN", "\"${DB_PASSWORD}\"", "${{ secrets.TOKEN }}", "$(cat key)", "<token>", "***", "Bearer $TOKEN"]
        {
            assert!(is_reference(text), "{text}");
        }
        for text in ["$(echo hunter2)", "${X:-hunter2}", "hunter2", "$USER:hunter2", "pa$$word"] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
