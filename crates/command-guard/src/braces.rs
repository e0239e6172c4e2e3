//! Brace expansion: `{a,b}` and `{1..3}`.

use super::syntax::Piece;

/// Words that one word may become.
const WORDS: usize = 256;

/// A word taken apart: unquoted characters, where braces are active, and everything else.
#[derive(Clone)]
enum Token {
    Char(char),
    Piece(Piece),
}

/// The words that the pieces become, or `None` when there are too many of them.
pub(super) fn expand(pieces: &[Piece]) -> Option<Vec<Vec<Piece>>> {
    let has_brace = |piece: &Piece| matches!(piece, Piece::Plain(text) if text.contains('{'));
    if !pieces.iter().any(has_brace) {
        return Some(vec![pieces.to_vec()]);
    }
    let mut tokens = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) => tokens.extend(text.chars().map(Token::Char)),
            other => tokens.push(Token::Piece(other.clone())),
        }
    }
    let words = alternatives(tokens)?;
    Some(words.into_iter().map(joined).collect())
}

/// Expands from the left until nothing is left to expand, one brace at a time.
fn alternatives(tokens: Vec<Token>) -> Option<Vec<Vec<Token>>> {
    let mut done = Vec::new();
    // Words with the position up to which they are finished, the next one last.
    let mut waiting = vec![(tokens, 0)];
    let mut steps = 0;
    while let Some((word, from)) = waiting.pop() {
        steps += 1;
        if done.len() + waiting.len() > WORDS || steps > WORDS * 8 {
            return None;
        }
        let Some((open, close, members)) = first_brace(&word, from) else {
            done.push(word);
            continue;
        };
        for member in members?.into_iter().rev() {
            let mut next = word[..open].to_vec();
            next.extend(member);
            next.extend_from_slice(&word[close + 1..]);
            waiting.push((next, open));
        }
    }
    Some(done)
}

type Members = Option<Vec<Vec<Token>>>;

/// The first brace that expands: where it opens and closes, and its members (`None`: too many).
fn first_brace(word: &[Token], from: usize) -> Option<(usize, usize, Members)> {
    (from..word.len()).filter(|at| is(&word[*at], '{')).take(WORDS).find_map(|open| {
        let (close, commas) = closing(word, open)?;
        let inner = &word[open + 1..close];
        if commas.is_empty() {
            let members = range(inner)?;
            return Some((open, close, members));
        }
        let mut members = Vec::new();
        let mut start = open + 1;
        for end in commas.into_iter().chain([close]) {
            members.push(word[start..end].to_vec());
            start = end + 1;
        }
        Some((open, close, (members.len() <= WORDS).then_some(members)))
    })
}

fn closing(word: &[Token], open: usize) -> Option<(usize, Vec<usize>)> {
    let mut depth = 0;
    let mut commas = Vec::new();
    for (at, token) in word.iter().enumerate().skip(open) {
        match token {
            Token::Char('{') => depth += 1,
            Token::Char('}') => {
                depth -= 1;
                if depth == 0 {
                    return Some((at, commas));
                }
            }
            Token::Char(',') if depth == 1 => commas.push(at),
            _ => {}
        }
    }
    None
}

/// The members of `1..9`, `a..e` or `1..9..2`; `None` when it is not a range.
fn range(inner: &[Token]) -> Option<Members> {
    let text: Option<String> = inner
        .iter()
        .map(|token| match token {
            Token::Char(character) => Some(*character),
            Token::Piece(_) => None,
        })
        .collect();
    let text = text?;
    let mut ends = text.split("..");
    let (first, last) = (ends.next()?, ends.next()?);
    let step = ends.next().map_or(Some(1), |step| step.parse::<i64>().ok())?;
    let step = step.unsigned_abs().max(1);
    let (low, high, letters) = match (first.parse::<i64>(), last.parse::<i64>()) {
        (Ok(low), Ok(high)) => (low, high, false),
        _ => (letter(first)?, letter(last)?, true),
    };
    let count = low.abs_diff(high) / step;
    if count >= WORDS as u64 {
        // Numbers are all alike to a judgement, so the two ends stand for a long range of them.
        let ends = [low, high].map(|number| number.to_string().chars().map(Token::Char).collect());
        return Some((!letters).then(|| ends.to_vec()));
    }
    let members = (0..=count).filter_map(|index| {
        let offset = i64::try_from(index * step).ok()?;
        let value = if low <= high { low + offset } else { low - offset };
        let text = if letters { char::from(u8::try_from(value).ok()?).to_string() } else { value.to_string() };
        Some(text.chars().map(Token::Char).collect())
    });
    Some(Some(members.collect()))
}

fn letter(text: &str) -> Option<i64> {
    let mut letters = text.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    letters.next().is_none().then_some(i64::from(letter as u32))
}

fn is(token: &Token, wanted: char) -> bool {
    matches!(token, Token::Char(character) if *character == wanted)
}

fn joined(tokens: Vec<Token>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for token in tokens {
        match (pieces.last_mut(), token) {
            (Some(Piece::Plain(text)), Token::Char(character)) => text.push(character),
            (_, Token::Char(character)) => pieces.push(Piece::Plain(character.into())),
            (_, Token::Piece(piece)) => pieces.push(piece),
        }
    }
    pieces
}
