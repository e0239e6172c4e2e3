//! What `echo` and `printf` print: the texts that shell lines are made of.

use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::scripts;
use super::values::{Data, Field, Part};

/// Echo with escapes decoded, as dash does always and bash with `-e`.
pub(super) fn echo(arguments: &[Field]) -> Data {
    let is_option = |argument: &Field| {
        argument
            .known()
            .is_some_and(|text| text.len() > 1 && text.starts_with('-') && text[1..].chars().all(|c| "neE".contains(c)))
    };
    let options = arguments.iter().take_while(|argument| is_option(argument)).count();
    let text = Field::joined(&arguments[options..], " ");
    Data::Text(Field(text.0.into_iter().map(unescaped_part).collect()))
}

fn unescaped_part(part: Part) -> Part {
    match part {
        Part::Text(text) => Part::Text(unescaped(&text)),
        Part::Glob(text) => Part::Glob(unescaped(&text)),
        other => other,
    }
}

/// `\n`, `\t`, `\\`, `\0NNN`, `\xHH` and the like, as echo and printf know them.
fn unescaped(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('x') => result.push(code(&mut rest, 16, 2, 0)),
            Some('u') => result.push(code(&mut rest, 16, 4, 0)),
            Some(digit @ '0'..='7') => {
                let value = digit.to_digit(8).unwrap_or(0);
                result.push(code(&mut rest, 8, if value == 0 { 3 } else { 2 }, value));
            }
            Some('c') => break,
            Some(other) if "\\\"'ab".contains(other) => result.push(other),
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
    }
    result
}

fn code(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, radix: u32, digits: usize, start: u32) -> char {
    let mut value = start;
    for _ in 0..digits {
        let Some(digit) = rest.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        rest.next();
    }
    char::from_u32(value).unwrap_or('\u{fffd}')
}

/// printf with its arguments put in the place of `%s` and its kin, the format repeated as needed.
pub(super) fn printf(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let mut arguments = arguments;
    let mut variable = None;
    let joined = arguments.first().and_then(|first| first.after("-v")).filter(|name| !name.0.is_empty());
    if arguments.first().is_some_and(|first| first.is("-v")) {
        variable = arguments.get(1).cloned();
        arguments = arguments.get(2..).unwrap_or_default();
    } else if joined.is_some() {
        variable = joined;
        arguments = &arguments[1..];
    } else if arguments.first().is_some_and(|first| first.is("--")) {
        arguments = &arguments[1..];
    }
    let Some((format, values)) = arguments.split_first() else {
        return Ok(Data::Nothing);
    };
    if let ([name, ..], None, None) = (values, format.known(), &variable)
        && name.known().is_some()
    {
        // The format may be `-v`.
        judge.names_variable(name, &mut scope.clone())?;
        judge.note_variable(&name.visible(), None);
    }
    let format = unescaped(&scripts::script_text(format));
    let mut text = Field::default();
    let mut values = values.iter();
    for round in 0..16 {
        let before = values.len();
        fill(&format, &mut values, &mut text);
        if values.len() == 0 || values.len() == before || round == 15 {
            break;
        }
    }
    if let Some(name) = variable {
        judge.bind_named(&name, vec![vec![text]], scope)?;
        return Ok(Data::Nothing);
    }
    Ok(Data::Text(text))
}

fn fill<'f>(format: &str, values: &mut impl ExactSizeIterator<Item = &'f Field>, text: &mut Field) {
    let mut parts = format.split('%');
    text.push(Part::Text(parts.next().unwrap_or_default().to_owned()));
    let mut literal = false;
    for part in parts {
        if literal {
            literal = false;
            text.push(Part::Text(part.to_owned()));
            continue;
        }
        if part.is_empty() {
            text.push(Part::Text("%".into()));
            literal = true;
            continue;
        }
        let flags = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
        if let Some(value) = values.next() {
            let escapes = part[flags..].starts_with('b');
            let value =
                if escapes { Field(value.0.iter().cloned().map(unescaped_part).collect()) } else { value.clone() };
            text.extend(&value);
        }
        let rest = part.get(flags + 1..).unwrap_or_default();
        text.push(Part::Text(rest.to_owned()));
    }
}
