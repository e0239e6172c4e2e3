//! Names that are near to one that is not there: what a slip of the finger meant.

use strsim::osa_distance;

/// So many are named at most.
const MAX_NAMED: usize = 3;

/// The names nearest to `sent`, nearest first, at most three: a third of the letters may be off, in any case, or one
/// may begin with the other (`main` and `main.rs`).
pub fn nearest<'a>(sent: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = sent.to_lowercase();
    let mut near: Vec<(usize, &str)> = names.into_iter().filter_map(|name| Some((off(&wanted, name)?, name))).collect();
    near.sort_unstable();
    near.truncate(MAX_NAMED);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How far off a name is; `None` when it is another one altogether.
fn off(wanted: &str, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let (short, long) = if name.len() < wanted.len() { (&*name, wanted) } else { (wanted, &*name) };
    let most = long.len() / 3;
    if long.len() - short.len() <= most {
        let letters = osa_distance(wanted, &name);
        if letters <= most {
            return Some(letters);
        }
    }
    // Behind all that are a few letters off.
    (short.len() >= 3 && long.starts_with(short)).then_some(long.len())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn what_is_near_comes_nearest_first_and_nothing_else_does() {
        let names = ["README.md", "readme.fr.md", "src", "main.rs", "é"];
        assert_eq!(nearest("readme.md", names), ["README.md", "readme.fr.md"]);
        assert_eq!(nearest("main", names), ["main.rs"]);
        assert_eq!(nearest("scr", names), ["src"]);
        assert!(nearest("other", names).is_empty() && nearest("", names).is_empty());
    }
}
