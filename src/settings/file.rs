//! The lines of `.env`, by one rule for all who read it: `NAME=value`, a value may stand in one pair of quotes, and
//! outside quotes a `#` after a blank begins a comment. Nothing is expanded, neither `$` nor a backslash: a key is what
//! stands there.

use super::names;

/// A name and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Which line of the file it is; the first is 1.
    pub number: usize,
    /// The name, as written.
    pub name: String,
    /// The value, without the pair of quotes around it.
    pub value: String,
    /// Whether one pair of quotes stood around the value.
    pub is_quoted: bool,
    /// Whether the value begins with something in quotes and goes on after it: only lists are written so.
    pub has_quoted_parts: bool,
}

/// Reads the lines of a text.
///
/// # Errors
/// When a line is neither empty, a comment nor `NAME=value`, a quote is not closed, or one of our settings is there
/// twice; the message says which line.
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, String> {
    let mut found: Vec<Line> = Vec::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    while let Some((text, number)) = lines.next() {
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        let (name, rest) = assignment(text)
            .ok_or_else(|| format!("line {number} is not NAME=value: fix it, or put a # in front of it"))?;
        let value = match value(rest) {
            Some(value) => value,
            None => value_over_lines(name, rest, number, &mut lines)?,
        };
        if names::concerns_us(name)
            && let Some(first) = found.iter().find(|line| line.name == name)
        {
            let first = first.number;
            return Err(format!("lines {first} and {number} both set {name}: remove one of them"));
        }
        found.push(Line {
            number,
            name: name.to_owned(),
            value: value.text,
            is_quoted: value.is_quoted,
            has_quoted_parts: value.has_quoted_parts,
        });
    }
    Ok(found)
}

/// The name that a line sets, and what stands after its `=`.
pub fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once('=')?;
    let name = name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let exported = name.strip_prefix("export").filter(|name| name.starts_with(char::is_whitespace));
    let name = exported.unwrap_or(name).trim_start();
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (begins && goes_on).then_some((name, rest))
}

#[derive(Default)]
struct Value {
    text: String,
    is_quoted: bool,
    has_quoted_parts: bool,
}

/// What stands after the `=`; `None` when a quote is opened and not closed.
fn value(rest: &str) -> Option<Value> {
    let text = rest.trim();
    if text.starts_with('#') && rest.starts_with(char::is_whitespace) {
        return Some(Value::default());
    }
    let Some(quote) = text.chars().next().filter(|c| is_quote(*c)) else {
        return Some(Value { text: without_comment(text).to_owned(), ..Value::default() });
    };
    let (inside, after) = text[1..].split_once(quote)?;
    if is_blank_or_comment(after) {
        return Some(Value { text: inside.to_owned(), is_quoted: true, has_quoted_parts: false });
    }
    Some(Value { text: without_comment(text).to_owned(), is_quoted: false, has_quoted_parts: true })
}

/// A value of another program's that goes on over several lines, such as a certificate. It ends before what could be a
/// setting of ours: a quote that was forgotten must not swallow one.
fn value_over_lines<'a>(
    name: &str,
    rest: &str,
    number: usize,
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
) -> Result<Value, String> {
    let unclosed = || format!("line {number} opens a quote for {name} that is not closed");
    let mut text = rest.trim_start().to_owned();
    let quote = text.remove(0);
    if names::concerns_us(name) {
        return Err(unclosed());
    }
    for (line, _) in lines {
        if assignment(line).is_some_and(|(name, _)| names::concerns_us(name)) {
            break;
        }
        text.push('\n');
        if let Some((inside, after)) = line.split_once(quote) {
            text.push_str(inside);
            let closed = is_blank_or_comment(after).then_some(Value { text, is_quoted: true, has_quoted_parts: false });
            return closed.ok_or_else(unclosed);
        }
        text.push_str(line);
    }
    Err(unclosed())
}

/// Up to a `#` that follows a blank outside quotes. Quotes open where a part of a list begins.
fn without_comment(text: &str) -> &str {
    let (mut quote, mut begins, mut after_blank) = (None, true, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if begins && is_quote(c) => quote = Some(c),
            None if c == '#' && after_blank => return text[..at].trim_end(),
            None => {}
        }
        after_blank = c.is_whitespace();
        begins = c == ',' || begins && after_blank;
    }
    text
}

fn is_blank_or_comment(after: &str) -> bool {
    let text = after.trim_start();
    text.is_empty() || text.starts_with('#') && text.len() < after.len()
}

/// Whether a character opens and closes a quoted text.
pub(crate) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn value(line: &str) -> String {
        parse(line).unwrap().remove(0).value
    }

    #[test]
    fn a_value_is_what_stands_there_less_one_pair_of_quotes_and_a_comment() {
        for (line, expected) in [
            ("X=a$b#c\\n", "a$b#c\\n"),
            ("X=${HOME}", "${HOME}"),
            ("X=a b # c", "a b"),
            ("X=\"a # b\" # c", "a # b"),
            ("X='\"a\"'", "\"a\""),
            ("X=#a", "#a"),
            ("X= # a", ""),
            ("X=it's # a", "it's"),
            ("export\tX = 'a'\r\n", "a"),
            ("\u{feff}X=a", "a"),
            ("X=\"/a #\", '/b'  # c", "\"/a #\", '/b'"),
            ("X=\"a\nb\"", "a\nb"),
        ] {
            assert_eq!(value(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_not_understood_names_its_line() {
        for text in ["X: a", "X", "a b=c", "X='a", "X=\"a\nMCP_PORT=1\nY=\"", "MCP_PORT='1\nX='", "X+=1", "[x]"] {
            let error = parse(&format!("# first\n{text}\n")).unwrap_err();
            assert!(error.contains("line 2"), "{text:?}: {error}");
        }
        let twice = parse("MCP_PORT=1\nX=1\nX=2\nMCP_PORT=1").unwrap_err();
        assert!(twice.contains("lines 1 and 4") && twice.contains("MCP_PORT"), "{twice}");
    }
}
