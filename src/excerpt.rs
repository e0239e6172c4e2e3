//! The start and the end of what is too long to keep: a program says first what it does, and last how that came out.

use std::collections::VecDeque;

/// How much is kept, and how much of that from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How many bytes are kept at most.
    pub max: usize,
    /// How many of them are the last ones.
    pub tail: usize,
}

impl Bound {
    /// How much of each stream an answer carries whose program was ended for its time: enough to see what it did. As JSON
    /// it may be six times as long, and who waits has waited the whole time already.
    pub const OF_PARTIAL: Self = Self { max: 1024 * 1024, tail: 512 * 1024 };

    /// As much of the start as of the end.
    pub fn halves(max: usize) -> Self {
        Self { max, tail: max / 2 }
    }

    fn head(self) -> usize {
        self.max.saturating_sub(self.tail)
    }
}

/// Bytes that come one after the other, of which the first and the last are kept.
#[derive(Debug)]
pub struct Excerpt {
    bound: Bound,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    omitted: u64,
}

impl Excerpt {
    /// Keeps no more than `bound` says.
    pub fn new(bound: Bound) -> Self {
        Self { bound, head: Vec::new(), tail: VecDeque::new(), omitted: 0 }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.bound.head().saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(if self.tail.is_empty() && self.omitted == 0 { room } else { 0 });
        self.head.extend_from_slice(first);
        // Of many at once only the last can stay.
        let skipped = rest.len().saturating_sub(self.bound.max - self.bound.head());
        if skipped > 0 {
            self.omitted += (self.tail.len() + skipped) as u64;
            self.tail.clear();
        }
        self.tail.extend(&rest[skipped..]);
        self.drop_surplus();
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes came and are not kept.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Keeps no more from now on than there is.
    pub fn stop_growing(&mut self) {
        self.bound = Bound::halves(self.len());
        let surplus = self.head.split_off(self.bound.head().min(self.head.len()));
        surplus.into_iter().rev().for_each(|byte| self.tail.push_front(byte));
        self.drop_surplus();
    }

    /// What was kept, in the order in which it came.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.head;
        bytes.extend(self.tail);
        bytes
    }

    /// What was kept, in the order in which it came, as text: bytes that are no UTF-8 become U+FFFD.
    pub fn into_parts(self) -> Parts {
        let (mut head, mut tail) = (self.head, Vec::from(self.tail));
        if self.omitted == 0 {
            head.append(&mut tail);
            return Parts { head: text(head), omitted: 0, tail: String::new() };
        }
        // No half characters at the gap.
        let cut = incomplete(&head);
        head.truncate(head.len() - cut);
        let begun = tail.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
        tail.drain(..begun);
        Parts { head: text(head), omitted: self.omitted + (cut + begun) as u64, tail: text(tail) }
    }

    fn drop_surplus(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.bound.max - self.bound.head());
        self.tail.drain(..surplus);
        self.omitted += surplus as u64;
    }
}

/// The start and the end of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// All of it when nothing is left out.
    pub head: String,
    /// How many bytes are left out behind the head.
    pub omitted: u64,
    /// What comes behind those.
    pub tail: String,
}

impl Parts {
    /// Both parts, and between them how much is left out.
    pub fn join(self) -> String {
        let mut text = self.head;
        if self.omitted > 0 {
            // Exactly as long as it gets: doubling would take as much again, of megabytes.
            text.reserve_exact(self.tail.len() + 64);
            text.push_str(&gap(self.omitted, ""));
            text.push_str(&self.tail);
        }
        text
    }

    /// Adds a line at the end.
    pub fn add_line(&mut self, line: &str) {
        let end = if self.omitted == 0 { &mut self.head } else { &mut self.tail };
        if !end.is_empty() && !end.ends_with('\n') {
            end.push('\n');
        }
        end.push_str(line);
        end.push('\n');
    }

    /// Changes both parts.
    pub fn map(self, change: impl Fn(String) -> String) -> Self {
        let tail = if self.omitted == 0 { self.tail } else { change(self.tail) };
        Self { head: change(self.head), omitted: self.omitted, tail }
    }

    /// Leaves more out, until `bound` holds.
    pub fn bounded(self, bound: Bound) -> Self {
        let length = self.head.len() + self.tail.len();
        if length <= bound.max {
            return self;
        }
        let last = if self.omitted == 0 { &self.head } else { &self.tail };
        let head = &self.head[..self.head.floor_char_boundary(bound.head())];
        let tail = &last[last.ceil_char_boundary(last.len().saturating_sub(bound.max - bound.head()))..];
        let omitted = self.omitted + (length - head.len() - tail.len()) as u64;
        Self { head: head.to_owned(), omitted, tail: tail.to_owned() }
    }
}

/// What stands for bytes that are left out; `hint` says how to get them.
pub fn gap(bytes: u64, hint: &str) -> String {
    format!("\n[... {bytes} bytes left out{hint} ...]\n")
}

/// How many bytes at the end begin a UTF-8 character without finishing it: 0 to 3.
pub fn incomplete(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Bound, Excerpt, Parts};

    fn excerpt(pieces: &[&[u8]], bound: Bound) -> Parts {
        let mut excerpt = Excerpt::new(bound);
        pieces.iter().for_each(|piece| excerpt.push(piece));
        excerpt.into_parts()
    }

    #[test]
    fn the_first_and_the_last_bytes_stay_however_they_come() {
        let whole: Vec<u8> = (b'a'..=b'z').collect();
        for max in 1..30 {
            for tail in 0..=max {
                for cut in 0..=whole.len() {
                    let bound = Bound { max, tail };
                    let parts = excerpt(&[&whole[..cut], &whole[cut..]], bound);
                    let left_out = whole.len().saturating_sub(max);
                    assert_eq!(parts.omitted, left_out as u64, "{bound:?} cut at {cut}");
                    let head = if left_out == 0 { whole.len() } else { max - tail };
                    assert_eq!(parts.head.as_bytes(), &whole[..head], "{bound:?} cut at {cut}");
                    let end = if left_out == 0 { &[][..] } else { &whole[whole.len() - tail..] };
                    assert_eq!(parts.tail.as_bytes(), end, "{bound:?} cut at {cut}");
                    let bytewise: Vec<&[u8]> = whole.chunks(1).collect();
                    assert_eq!(excerpt(&bytewise, bound), parts);
                    let all = Parts { head: String::from_utf8(whole.clone()).unwrap(), ..Parts::default() };
                    assert_eq!(all.bounded(bound), parts);
                }
            }
        }
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let parts = excerpt(&["é".repeat(20).as_bytes()], Bound { max: 10, tail: 5 });
        assert_eq!((parts.head.as_str(), parts.omitted, parts.tail.as_str()), ("éé", 32, "éé"));
        let again = parts.bounded(Bound { max: 6, tail: 3 });
        assert_eq!(again.join(), "é\n[... 36 bytes left out ...]\né");
    }

    #[test]
    fn one_that_may_not_grow_goes_on_to_keep_the_last_bytes() {
        let mut excerpt = Excerpt::new(Bound::halves(100));
        excerpt.push(b"0123456789");
        excerpt.stop_growing();
        excerpt.push(b"abc");
        let parts = excerpt.into_parts();
        assert_eq!((parts.head.as_str(), parts.omitted, parts.tail.as_str()), ("01234", 3, "89abc"));
    }
}
