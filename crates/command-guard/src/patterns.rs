//! Shell patterns (`*`, `?`, `[…]`) against names and texts.

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    Char(char),
    /// `?`
    One,
    /// `*`, and any text that is not known.
    Any,
    /// `[a-z]`, `[!a]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Atom {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Char(own) => *own == character,
            Self::One | Self::Any => true,
            Self::Class { negated, ranges } => {
                let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                within != *negated
            }
        }
    }

    pub(crate) fn is_wild(&self) -> bool {
        !matches!(self, Self::Char(_))
    }
}

/// Reads a pattern; a `[` that is not closed stands for itself.
pub(super) fn atoms(pattern: &str) -> Vec<Atom> {
    let text: Vec<char> = pattern.chars().collect();
    let mut atoms = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            '*' => atoms.push(Atom::Any),
            '?' => atoms.push(Atom::One),
            '[' => {
                if let Some((class, length)) = class(&text[at..]) {
                    atoms.push(class);
                    at += length;
                    continue;
                }
                atoms.push(Atom::Char('['));
            }
            character => atoms.push(Atom::Char(character)),
        }
        at += 1;
    }
    atoms
}

fn class(text: &[char]) -> Option<(Atom, usize)> {
    let negated = matches!(text.get(1), Some('!' | '^'));
    let first = 1 + usize::from(negated);
    // A `]` that comes first is a member.
    let end = (first + 1..text.len()).find(|at| text[*at] == ']')?;
    let members = &text[first..end];
    if members.contains(&'/') {
        return None;
    }
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        if at + 2 < members.len() && members[at + 1] == '-' {
            ranges.push((members[at], members[at + 2]));
            at += 3;
        } else if members[at..].starts_with(&['[', ':']) {
            // `[:alpha:]` and its kin: any character, which errs on the side of matching.
            ranges.push(('\0', char::MAX));
            break;
        } else {
            ranges.push((members[at], members[at]));
            at += 1;
        }
    }
    Some((Atom::Class { negated, ranges }, end + 1))
}

/// Whether the pattern matches the whole text, in time proportional to the product of both lengths.
pub(super) fn matches(pattern: &[Atom], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    ends(pattern, &text)[text.len()]
}

/// How many characters of the text, one at least, the pattern matches at most from its start on.
pub(super) fn longest(pattern: &[Atom], text: &[char]) -> Option<usize> {
    if pattern.contains(&Atom::Any) {
        return ends(pattern, text).iter().rposition(|ends| *ends).filter(|end| *end > 0);
    }
    let text = text.get(..pattern.len()).filter(|text| !text.is_empty())?;
    pattern.iter().zip(text).all(|(atom, character)| atom.takes(*character)).then_some(pattern.len())
}

/// For each place in the text and its end, whether the pattern matches up to there.
fn ends(pattern: &[Atom], text: &[char]) -> Vec<bool> {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for atom in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            if !reached[at] {
                continue;
            }
            if *atom == Atom::Any {
                next[at..].fill(true);
                break;
            }
            if at < text.len() && atom.takes(text[at]) {
                next[at + 1] = true;
            }
        }
        reached = next;
    }
    reached
}

/// Whether some text matches both patterns' common ground: `pattern` against a name.
pub(super) fn matches_text(pattern: &str, text: &str) -> bool {
    matches(&atoms(pattern), text)
}
