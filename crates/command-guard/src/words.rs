//! Lists of words that decide something: what places are, and what functions of languages do.

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLES: [&str; 2] = [include_str!("places.txt"), include_str!("words.txt")];

static LISTS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut lists: HashMap<_, Vec<_>> = HashMap::new();
    let mut name = "";
    for line in TABLES.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if line.starts_with("list ") {
            name = words.nth(1).unwrap_or_default();
        }
        lists.entry(name).or_default().extend(words);
    }
    lists
});

/// The words of a list; one that is not there is empty.
pub(super) fn words(list: &str) -> &'static [&'static str] {
    let found = LISTS.get(list).map(Vec::as_slice);
    debug_assert!(found.is_some(), "there is no list {list}");
    found.unwrap_or_default()
}
