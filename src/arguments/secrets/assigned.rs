//! Values beside names that say they are secret, in the notations of shells, programs, headers, forms and documents.

use super::{
    names::{header_sounds_secret, sounds_secret},
    value::{self, Value},
};
use regex::{Captures, Match, Regex};
use std::{ops::Range, sync::LazyLock};

/// How a value is written behind its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// `name = value`, `"name": "value"`.
    Pair,
    /// `--name value`.
    Option,
    /// A value in quotes, or none: `set_name("value")`.
    Call,
    /// `-H 'name: value'`.
    Header,
    /// `<name>value</name>`.
    Element,
    /// A line of its own, after an empty one: the part of a form.
    Part,
    /// Quotes and separators are encoded: `%22name%22%3A%22value%22`.
    Encoded,
    /// `the password is value`.
    Words,
}

/// The notations, each with what stands before the value. `{N}` is a name, `{Q}` a quote at any depth of escaping.
const FORMS: [(Notation, &str); 12] = [
    (
        Notation::Pair,
        r"(?P<name>{N})(?:{Q})?\]?[ \t]*(?P<sep>:[ \t]*&?(?:'static )?[A-Za-z]+(?:<[^<>\n]*>)?[ \t]*=|=>|->[ \t]|:=|\?=|!=|={1,3}|:)[ \t]*",
    ),
    (Notation::Option, r"(?-u:\B)--?(?P<name>{N})(?:{Q},\s*|(?:[ \t]|\\+\r?\n|\\+n[ \t])+)"),
    (
        Notation::Option,
        r"\b(?:setx|setenv|set|config|configure|ENV)(?:[ \t]+(?:--?[A-Za-z-]+|/[A-Za-z]))*[ \t]+(?:set[ \t]+)?(?:\S*[/:])?(?P<name>[A-Za-z_]*[A-Z_.-][A-Za-z0-9_.-]*)[ \t]+",
    ),
    (
        Notation::Pair,
        r"(?i)\b(?:name|key|field|param|variable|var)(?:{Q})?\s*[:=]\s*(?:{Q})?(?P<name>{N})(?:{Q})?\s*[,;]?\s*(?:{Q})?(?:value|val|default)(?:{Q})?\s*[:=]\s*",
    ),
    (Notation::Header, r"(?-u:\B)(?:-H|--header)(?:=|[ \t]*|{Q},\s*)(?:{Q})?(?P<name>[A-Za-z][A-Za-z0-9_-]*):[ \t]*"),
    (Notation::Element, r"<(?:[A-Za-z]+:)?(?P<name>{N})(?:\s[^<>]*)?>(?:<!\[CDATA\[)?"),
    (Notation::Element, r"(?:name|key)=(?:{Q})(?P<name>{N})(?:{Q})[^<>]*>(?:\s*<value>)?"),
    (Notation::Part, r"name=(?:{Q})?(?P<name>{N})(?:{Q})?[^\r\n]*\r?\n(?:[A-Za-z-]+:[^\r\n]*\r?\n)*\r?\n"),
    (Notation::Call, r"(?:\b(?:set|with|update|change|use)_?|\.)(?P<name>{N})\(\s*"),
    (Notation::Call, r"\(\s*(?:{Q})(?P<name>{N})(?:{Q})\s*,\s*"),
    (
        Notation::Encoded,
        r"(?P<name>{N})(?:(?:%22|&quot;|&#34;|\\+u0022)(?:\s|%20|\+)*(?:%3[aAdD]|[:=])|%3[aAdD])(?:\s|%20|\+)*(?:%22|&quot;|&#34;|\\+u0022)?",
    ),
    (
        Notation::Words,
        r"(?i)\b(?P<name>(?:api|access|secret|private|auth|client|security|encryption|signing|recovery|account|master|session|refresh|license|admin|root|user|login|database) (?:key|token|secret|passcode)|password|(?:seed |recovery )?(?:pass)?phrase|passcode|kennwort|mot de passe)(?: (?:for|of|to|de|du|pour)(?: \S+){1,4}?)?(?:[ \t]*[:=]|[ \t]+(?:is|was|est|ist):?)[ \t]+",
    ),
];

static PATTERNS: LazyLock<Vec<(Notation, Regex)>> = LazyLock::new(|| {
    let compiled = |form: &str| {
        let whole = form.replace("{N}", "[A-Za-z_][A-Za-z0-9_.-]*").replace("{Q}", r#"\\*["'`]"#);
        Regex::new(&whole.replace(r"\b", r"(?-u:\b)")).expect("the pattern is written here")
    };
    FORMS.iter().map(|(notation, form)| (*notation, compiled(form))).collect()
});

/// Where values stand whose names say that they are secret.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let found = |(notation, pattern): &'static (Notation, Regex)| {
        pattern.captures_iter(text).filter_map(|found| secret(text, *notation, &found)).collect::<Vec<_>>()
    };
    PATTERNS.iter().flat_map(found).collect()
}

fn secret(text: &str, notation: Notation, found: &Captures<'_>) -> Option<Range<usize>> {
    let name = found.name("name")?;
    let start = found.get(0)?.end();
    let sounds_so = match notation {
        Notation::Words => true,
        Notation::Header => header_sounds_secret(name.as_str()),
        _ => sounds_secret(name.as_str()),
    };
    if !sounds_so {
        return None;
    }
    let range = match notation {
        Notation::Pair => pair(text, name, found.name("sep"), start),
        Notation::Option => option(text, name, start),
        Notation::Header if text[..name.start()].ends_with(['"', '\'', '`']) => header(text, name.start(), start),
        Notation::Header => option(text, name, start),
        Notation::Call => call(text, name, start),
        Notation::Element => element(text, start),
        Notation::Part => Some(value::line(text, start)),
        Notation::Encoded => Some(encoded(text, start)),
        Notation::Words => words(text, name, start),
    };
    let is_secret = |range: &Range<usize>| {
        !range.is_empty() && !value::is_reference(&text[range.clone()]) && !value::is_from_a_program(text, range)
    };
    range.filter(is_secret)
}

fn pair(text: &str, name: Match<'_>, separator: Option<Match<'_>>, start: usize) -> Option<Range<usize>> {
    let separator = separator.map_or("", |separator| separator.as_str());
    let rest = &text[start..];
    if separator == ":" && rest.starts_with(':') {
        return None;
    }
    let own_line = begins_line(text, name.start());
    if rest.starts_with(['\n', '\r']) {
        let value = rest.trim_start();
        return value.starts_with(['"', '\'']).then(|| value::at(text, text.len() - value.len()).range);
    }
    let has_block = rest.starts_with(['|', '>']) && value::line(text, start).len() <= 3;
    if own_line && separator == ":" && has_block {
        return Some(block(text, name.start(), start));
    }
    if closes_a_text(text, name.start(), start) {
        return None;
    }
    if separator.starts_with(':') && is_header(name.as_str()) {
        let behind = start - text[..start].rsplit(':').next().map_or(0, str::len);
        return header(text, name.start(), behind);
    }
    let Value { range, quoted } = value::at(text, start);
    let spaced = start > name.end() + separator.len();
    let in_sentence = separator == ":" && spaced && !own_line && !quoted && value::begins_a_sentence(&text[start..]);
    if in_sentence || is_identifier(text, name.start()) {
        return None;
    }
    if value::may_be_seen(name.as_str(), &text[range.clone()], quoted, spaced) {
        return None;
    }
    let goes_on = !quoted && own_line && spaced && !range.is_empty();
    Some(if goes_on { value::line(text, start) } else { range })
}

/// Whether a name is a part of what names something at Amazon: `arn:aws:secretsmanager:…:secret:name`.
fn is_identifier(text: &str, name: usize) -> bool {
    let word = text[..name].rsplit(|letter: char| letter.is_whitespace() || "\"'=`(,".contains(letter)).next();
    word.is_some_and(|word| word.starts_with("arn:"))
}

/// Whether the quote behind a name ends a text that the name stands in: `"Password: "`.
fn closes_a_text(text: &str, name: usize, start: usize) -> bool {
    let mut rest = text[start..].chars();
    let Some(quote) = rest.next().filter(|quote| ['"', '\''].contains(quote)) else { return false };
    let line = text[..name].rsplit('\n').next().unwrap_or_default();
    let is_open = !line.matches(quote).count().is_multiple_of(2);
    is_open && rest.next().is_none_or(|next| next.is_whitespace() || ",;)]}".contains(next))
}

/// A header's value: to the end of its line, or of the text in quotes that the header is.
fn header(text: &str, name: usize, start: usize) -> Option<Range<usize>> {
    let start = text.len() - text[start..].trim_start_matches([' ', '\t']).len();
    let Value { range, quoted } = value::at(text, start);
    if quoted {
        return (!value::may_be_seen("", &text[range.clone()], true, false)).then_some(range);
    }
    let opening = text[..name].trim_end_matches(['"', '\'', '`']);
    let opening = opening.trim_end_matches('\\').len();
    let around = Some(value::at(text, opening)).filter(|around| around.quoted && around.range.start == name);
    let end = around.map_or(value::line(text, start).end, |around| around.range.end.max(start));
    let is_prose = text[start..end].chars().all(|letter| letter.is_ascii_lowercase() || letter == ' ');
    let is_cookie = text[name..start].to_ascii_lowercase().contains("cookie");
    let may_be_seen = (is_prose && is_cookie) || value::may_be_seen("", &text[start..end], false, false);
    (!may_be_seen).then_some(start..end)
}

/// Headers whose values have blanks in them.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie")
}

/// Whether a name is the first of its line.
fn begins_line(text: &str, start: usize) -> bool {
    let before = text[..start].rsplit('\n').next().unwrap_or_default();
    before.trim_start().trim_start_matches(['-', '"', '\'', ' ']).is_empty()
}

/// The lines of a block in YAML: those that stand farther in than their name.
fn block(text: &str, name: usize, start: usize) -> Range<usize> {
    let first = text[start..].find('\n').map_or(text.len(), |end| start + end + 1);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = text[..name].rsplit('\n').next().map_or(0, depth);
    let inside = text[first..].split_inclusive('\n').take_while(|line| line.trim().is_empty() || depth(line) > own);
    let length: usize = inside.map(str::len).sum();
    let indented = first + depth(&text[first..]);
    indented.min(first + length)..first + text[first..first + length].trim_end().len()
}

fn option(text: &str, name: Match<'_>, start: usize) -> Option<Range<usize>> {
    let Value { range, quoted } = value::at(text, start);
    let value = &text[range.clone()];
    let is_option = !quoted && value.starts_with('-');
    (!is_option && !value::may_be_seen(name.as_str(), value, quoted, false)).then_some(range)
}

fn call(text: &str, name: Match<'_>, start: usize) -> Option<Range<usize>> {
    let Value { range, quoted } = value::at(text, start);
    let value = &text[range.clone()];
    // A list of names is no secret, nor is what a person is asked with.
    let is_word = value.bytes().all(|byte| byte.is_ascii_lowercase() || b" :_?".contains(&byte)) && value.len() < 12;
    let is_question = value.trim_end().ends_with([':', '?']);
    let is_seen = is_word || is_question || sounds_secret(value);
    (quoted && !is_seen && !value::may_be_seen(name.as_str(), value, true, false)).then_some(range)
}

fn element(text: &str, start: usize) -> Option<Range<usize>> {
    let length = text[start..].find('<').filter(|end| text[start + end..].starts_with("</"));
    let length = length.or_else(|| text[start..].find("]]>"))?;
    let inside = &text[start..start + length];
    let before = inside.len() - inside.trim_start().len();
    let range = start + before..start + inside.trim_end().len();
    let range = range.start..range.start + text[range.clone()].trim_end_matches("]]>").len();
    (!value::may_be_seen("", &text[range.clone()], true, false)).then_some(range)
}

fn encoded(text: &str, start: usize) -> Range<usize> {
    let rest = &text[start..];
    let ends = ["%22", "%26", "%2C", "&", "\\u0022", "\\\\u0022", "\"", "'", " ", "\n"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    start..start + end
}

/// A value in a sentence, without the sentence's full stop. A phrase has several words.
fn words(text: &str, name: Match<'_>, start: usize) -> Option<Range<usize>> {
    if closes_a_text(text, name.start(), start) {
        return None;
    }
    let is_labelled = text[..start].trim_end().ends_with(':') && !begins_line(text, name.start());
    let is_phrase = name.as_str().to_lowercase().ends_with("phrase");
    if is_labelled && !is_phrase && value::begins_a_sentence(&text[start..]) {
        return None;
    }
    let Value { range, quoted } = value::at(text, start);
    let is_phrase = is_phrase && !quoted;
    let range = if is_phrase { value::line(text, start) } else { range };
    let range = range.start..range.start + text[range.clone()].trim_end_matches(['.', ',', '!', '?']).len();
    (!value::may_be_seen(name.as_str(), &text[range.clone()], quoted, false)).then_some(range)
}
