//! Finds where a run of lines stands in a text, in time that grows with both and not with their product.

use std::{cell::OnceCell, collections::HashMap, ops::Range};

/// The lines of a text, with their ends.
pub(super) struct Lines<'a> {
    pub texts: Vec<&'a str>,
    /// Equal lines have equal numbers. Most hunks are where they say, and need none.
    numbered: OnceCell<Numbered<'a>>,
}

struct Numbered<'a> {
    /// Of each line.
    numbers: Vec<usize>,
    /// By text, less its end.
    known: HashMap<&'a str, usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { texts: text.split_inclusive('\n').collect(), numbered: OnceCell::new() }
    }

    /// Every place where these lines stand within a range of lines.
    pub(crate) fn find(&self, wanted: &[&str], range: Range<usize>) -> Vec<usize> {
        let Numbered { numbers, known } = self.numbered.get_or_init(|| Numbered::of(&self.texts));
        let sought: Option<Vec<usize>> = wanted.iter().map(|line| known.get(without_end(line)).copied()).collect();
        let (Some(sought), Some(there)) = (sought, numbers.get(range.clone())) else { return vec![] };
        let found = occurrences(there, &sought).into_iter().map(|place| range.start + place);
        let open = open(wanted);
        found.filter(|place| self.ends_fit(&open, *place)).collect()
    }

    /// Whether these lines stand there.
    pub(crate) fn are_at(&self, wanted: &[&str], place: usize) -> bool {
        let Some(there) = self.texts.get(place..place + wanted.len()) else { return false };
        there.iter().zip(wanted).all(|(line, wanted)| without_end(line) == without_end(wanted))
            && self.ends_fit(&open(wanted), place)
    }

    /// Whether the wanted lines at `open`, which have no end, are the file's last one, which has none either. Which kind
    /// of end a line has does not matter, and few write down that a file's last line has none.
    fn ends_fit(&self, open: &[usize], place: usize) -> bool {
        let is_open = self.texts.last().is_some_and(|line| !line.ends_with('\n'));
        open.iter().all(|at| is_open && place + at + 1 == self.texts.len())
    }
}

/// Those of the wanted lines that have no end.
fn open(wanted: &[&str]) -> Vec<usize> {
    (0..wanted.len()).filter(|place| !wanted[*place].ends_with('\n')).collect()
}

impl<'a> Numbered<'a> {
    fn of(texts: &[&'a str]) -> Self {
        let mut known = HashMap::new();
        let mut number = |line: &&'a str| {
            let next = known.len();
            *known.entry(without_end(line)).or_insert(next)
        };
        let numbers = texts.iter().map(&mut number).collect();
        Self { numbers, known }
    }
}

/// A line less its end, of whichever kind.
pub(super) fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Where `sought` begins in `there`, overlapping ones too, as Knuth, Morris and Pratt find it. What is empty is nowhere.
fn occurrences(there: &[usize], sought: &[usize]) -> Vec<usize> {
    let (mut found, borders) = (Vec::new(), borders(sought));
    let mut matched = 0;
    for (place, number) in there.iter().enumerate() {
        while matched > 0 && sought.get(matched) != Some(number) {
            matched = borders[matched - 1];
        }
        matched += usize::from(sought.get(matched) == Some(number));
        if matched == sought.len() && matched > 0 {
            found.push(place + 1 - matched);
        }
    }
    found
}

/// For each beginning of `sought`, how long the longest shorter one is that it ends with.
fn borders(sought: &[usize]) -> Vec<usize> {
    let (mut borders, mut length) = (vec![0; sought.len()], 0);
    for place in 1..sought.len() {
        while length > 0 && sought[length] != sought[place] {
            length = borders[length - 1];
        }
        length += usize::from(sought[length] == sought[place]);
        borders[place] = length;
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the places are defined: line by line.
    fn slowly(lines: &[&str], wanted: &[&str]) -> Vec<usize> {
        let is_same = |line: &str, wanted: &str, may_be_open: bool| {
            let same_end = line.ends_with('\n') == wanted.ends_with('\n') || (may_be_open && wanted.ends_with('\n'));
            same_end && without_end(line) == without_end(wanted)
        };
        let is_at = |place: usize| {
            let is_last = place + wanted.len() == lines.len();
            let pairs = lines[place..].iter().zip(wanted).enumerate();
            { pairs }
                .all(|(number, (line, wanted_line))| is_same(line, wanted_line, is_last && number + 1 == wanted.len()))
        };
        (0..=lines.len().saturating_sub(wanted.len()))
            .filter(|place| place + wanted.len() <= lines.len() && is_at(*place))
            .collect()
    }

    proptest! {
        #[test]
        fn lines_are_found_at_every_place_where_they_stand_and_nowhere_else(
            text in "([ab]\r?\n){0,30}[ab]?", wanted in "([ab]\r?\n){1,4}|([ab]\n){0,3}[ab]",
        ) {
            let (lines, wanted): (_, Vec<&str>) = (Lines::of(&text), wanted.split_inclusive('\n').collect());
            let slowly = slowly(&lines.texts, &wanted);
            prop_assert_eq!(&lines.find(&wanted, 0..lines.texts.len()), &slowly);
            let places = 0..=lines.texts.len();
            prop_assert_eq!(&places.filter(|place| lines.are_at(&wanted, *place)).collect::<Vec<_>>(), &slowly);
        }
    }
}
