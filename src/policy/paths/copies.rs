//! Names of copies: what people and programs put behind or around a name, and what is left over of writing.

use std::{collections::HashSet, sync::LazyLock};

static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("copy_words.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// What may stand between a name and what makes it a copy's.
const SIGNS: &str = "~._- (";

/// As many letters as rsync(1) puts behind a name while it writes.
const OF_RSYNC: usize = 6;

/// The names that a name may be a copy of: `.netrc` of `.netrc~`, `.netrc.bak` and `#.netrc#`, `.bash_history` of
/// `.bash_history-1234.tmp`, `config.json` of `.config.json.swp`.
pub(crate) fn originals(name: &str) -> impl Iterator<Item = &str> {
    let around = [name.strip_prefix('#').and_then(|name| name.strip_suffix('#')), name.strip_prefix(".#")];
    let before = name.strip_prefix("Copy of ");
    let cuts = name.char_indices().skip(1).filter(|(_, sign)| SIGNS.contains(*sign));
    let behind = cuts.flat_map(|(cut, _)| {
        let (original, end) = name.split_at(cut);
        let is_copy = is_copy(end);
        let hidden = original.strip_prefix('.').filter(|_| is_copy || is_of_rsync(end));
        [is_copy.then_some(original), hidden]
    });
    around.into_iter().chain([before]).chain(behind).flatten()
}

/// Whether this, behind a name, makes it a copy's: a word of the list or a number, with more or nothing after it.
fn is_copy(end: &str) -> bool {
    let mut words = end.split(|sign| SIGNS.contains(sign) || sign == ')').filter(|word| !word.is_empty());
    let Some(word) = words.next() else { return end.trim_start_matches(['.', ' ']).starts_with('~') };
    let word = word.to_lowercase();
    let without_number = word.trim_end_matches(|sign: char| sign.is_ascii_digit());
    without_number.is_empty() || WORDS.contains(without_number)
}

fn is_of_rsync(end: &str) -> bool {
    let letters = end.strip_prefix('.').unwrap_or_default();
    letters.len() == OF_RSYNC && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copys_name_tells_what_it_is_a_copy_of() {
        for copy in [
            "~",
            ".bak",
            ".BAK",
            "-backup-2024",
            ".old",
            ".1",
            ".2024-11-29",
            ".lock",
            ".~1~",
            ".tmp.12.34",
            ".bak2",
            ".save",
            " (copy)",
            " (1)",
            " copy 2",
            " - Copy (2)",
            " (Kopie)",
            "_old",
            ".tar.gz",
            ".zip",
            ".dpkg-old",
            ".orig~",
            " 2",
        ] {
            let name = format!(".netrc{copy}");
            assert!(originals(&name).any(|original| original == ".netrc"), "{name}");
        }
        for name in ["#.netrc#", ".#.netrc", "Copy of .netrc", "..netrc.swp", "..netrc.un~", "..netrc.Ab12Cd"] {
            assert!(originals(name).any(|original| original == ".netrc"), "{name}");
        }
        assert!(originals(".config.json.swp").any(|original| original == "config.json"));
    }

    #[test]
    fn a_name_that_only_begins_alike_is_none() {
        for name in
            [".netrc", ".netrc.md", ".netrc-example", ".netrc.d", ".netrcs", "my.netrc", ".netrc.json", ".netrc_"]
        {
            assert!(!originals(name).any(|original| original == ".netrc"), "{name}");
        }
    }
}
