//! What a Rust file says, without comments and without what its texts say.

/// The smallest parts of a program that the rules look at.
#[derive(Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a keyword.
    Word(String),
    /// A text between quotes, as it is written.
    Text(String),
    /// `::`
    PathSeparator,
    /// Any other sign.
    Sign(char),
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// The tokens of `text`, which the compiler accepts: what is wrong with a file is not found here.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, comment(rest)),
            '"' => text_of(rest, 0),
            'r' | 'b' | 'c' if raw(rest).is_some() => raw(rest).expect("it was just found"),
            'b' | 'c' if rest[1..].starts_with('"') => text_of(rest, 1),
            '\'' => (None, quote(rest)),
            ':' if rest.starts_with("::") => (Some(Token::PathSeparator), 2),
            _ if is_of_word(first) => {
                let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                (Some(Token::Word(rest[..length].to_owned())), length)
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Sign(first)), first.len_utf8()),
        };
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A text that begins with a quote at `start`, and its length with what stands before.
fn text_of(text: &str, start: usize) -> (Option<Token>, usize) {
    let mut end = start + 1;
    while text.as_bytes()[end] != b'"' {
        end += if text.as_bytes()[end] == b'\\' { 2 } else { 1 };
    }
    (Some(Token::Text(text[start + 1..end].to_owned())), end + 1)
}

/// `r"…"`, `br#"…"#` and the like.
fn raw(text: &str) -> Option<(Option<Token>, usize)> {
    let after_r = text.strip_prefix("r").or_else(|| text.strip_prefix("br")).or_else(|| text.strip_prefix("cr"))?;
    let marks = after_r.bytes().take_while(|byte| *byte == b'#').count();
    let inside = after_r[marks..].strip_prefix('"')?;
    let end = format!("\"{}", &after_r[..marks]);
    let length = inside.find(&end)?;
    Some((Some(Token::Text(inside[..length].to_owned())), text.len() - inside.len() + length + end.len()))
}

/// The length of a character (`'x'`, `'\u{e9}'`) or of a lifetime's mark.
fn quote(text: &str) -> usize {
    let inside = &text[1..];
    let first = inside.chars().next().expect("a quote does not end a file");
    if first == '\\' {
        return 3 + inside[2..].find('\'').expect("a character ends") + 1;
    }
    let after = first.len_utf8();
    if inside[after..].starts_with('\'') { 1 + after + 1 } else { 1 }
}
