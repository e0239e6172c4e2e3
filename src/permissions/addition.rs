//! Puts entries into a list of a profile, and leaves everything else in the file as the person wrote it.

use super::list::INHERITED;
use toml_edit::{Array, Decor, DocumentMut, Item, RawString, Table, TableLike, Value};

/// What stands before an entry on a line of its own where there is none to follow.
const INDENT: &str = "    ";

/// What a file is to say more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addition<'a> {
    /// The profile that says it.
    pub(super) profile: &'a str,
    /// What the profile begins from, where it is not there yet.
    pub(super) inherits: &'a str,
    /// The list, by the keys to it: `commands.allow`.
    pub(super) list: &'a str,
    pub(super) entries: &'a [String],
}

impl Addition<'_> {
    /// The text of a file with it. A list that is not there yet begins with what it inherits, where that `has_inherited`.
    /// None where something of another kind stands in the way.
    pub(super) fn to(&self, text: &str, has_inherited: bool) -> Option<String> {
        let mut document: DocumentMut = text.parse().ok()?;
        let last = document.trailing().as_str().unwrap_or_default().trim_end().to_owned();
        let profiles = table(document.as_table_mut(), "profile", true)?;
        let is_new = !profiles.contains_key(self.profile);
        if is_new {
            let mut own = Table::new();
            own.insert("inherits", toml_edit::value(self.inherits));
            if !last.is_empty() {
                own.decor_mut().set_prefix(format!("{last}\n\n"));
            }
            profiles.insert(self.profile, Item::Table(own));
        }
        let (parents, name) = self.list.rsplit_once('.').unwrap_or(("", self.list));
        let mut parent = table(profiles, self.profile, false)?;
        for key in parents.split('.').filter(|key| !key.is_empty()) {
            parent = table(parent, key, false)?;
        }
        if !parent.contains_key(name) {
            let inherited: Array = has_inherited.then_some(INHERITED).into_iter().collect();
            parent.insert(name, toml_edit::value(inherited));
        }
        let list = parent.get_mut(name)?.as_array_mut()?;
        self.entries.iter().for_each(|entry| add(list, entry));
        if is_new {
            document.set_trailing("");
        }
        Some(document.to_string())
    }
}

/// The table of a key, which is made where there is none; one that only holds others has no line of its own.
fn table<'a>(of: &'a mut dyn TableLike, key: &str, holds_others: bool) -> Option<&'a mut dyn TableLike> {
    if !of.contains_key(key) {
        let mut new = Table::new();
        new.set_implicit(holds_others);
        of.insert(key, Item::Table(new));
    }
    of.get_mut(key)?.as_table_like_mut()
}

/// Adds an entry in the manner of those before it: on a line of its own where they have one. What follows the last one,
/// such as a comment, stays with that.
fn add(list: &mut Array, entry: &str) {
    if list.iter().any(|it| it.as_str() == Some(entry)) {
        return;
    }
    let ends_with_comma = list.trailing_comma() || list.is_empty();
    let last = list.iter().last().filter(|_| !ends_with_comma);
    let rest = written(last.map_or(Some(list.trailing()), |last| last.decor().suffix())).to_owned();
    let prefixes = list.iter().map(|it| written(it.decor().prefix()));
    let indent = prefixes.filter_map(|prefix| prefix.rsplit_once('\n')).last().map(|(_, indent)| indent.to_owned());
    if indent.is_none() && !rest.contains('\n') {
        return list.push(entry);
    }
    let (comment, end) =
        rest.rsplit_once('\n').map_or((rest.as_str(), String::new()), |(comment, end)| (comment, format!("\n{end}")));
    let start = format!("{}\n{}", comment.trim_end(), indent.as_deref().unwrap_or(INDENT));
    let mut new = Value::from(entry);
    if ends_with_comma {
        *new.decor_mut() = Decor::new(start, "");
        list.set_trailing(end);
    } else {
        *new.decor_mut() = Decor::new(start, end);
        if let Some(last) = list.iter_mut().last() {
            last.decor_mut().set_suffix("");
        }
    }
    list.push_formatted(new);
}

fn written(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Addition;

    fn added(text: &str, list: &str, entry: &str, has_inherited: bool) -> String {
        let entries = [entry.to_owned()];
        let addition = Addition { profile: "claude", inherits: "careful", list, entries: &entries };
        addition.to(text, has_inherited).unwrap()
    }

    fn in_list(before: &str) -> String {
        let around =
            |list: &str| format!("[profile.claude]\ninherits = \"careful\"\ncommands = {{ allow = {list} }} # mine\n");
        let text = added(&around(before), "commands.allow", "git push *", true);
        text.split_once("allow = ").unwrap().1.split_once(" } # mine").unwrap().0.to_owned()
    }

    #[test]
    fn an_entry_stands_as_those_before_it_do() {
        assert_eq!(in_list("[]"), r#"["git push *"]"#);
        assert_eq!(in_list(r#"["...", "ls *"]"#), r#"["...", "ls *", "git push *"]"#);
        assert_eq!(in_list(r#"["git push *"]"#), r#"["git push *"]"#, "not twice");
        assert_eq!(in_list("[\n  \"a\",\n  \"b\", # why\n]"), "[\n  \"a\",\n  \"b\", # why\n  \"git push *\",\n]");
        assert_eq!(in_list("[\n  \"a\",\n  \"b\" # why\n]"), "[\n  \"a\",\n  \"b\", # why\n  \"git push *\"\n]");
        assert_eq!(in_list("[\n  # none yet\n]"), "[\n  # none yet\n    \"git push *\"\n]");
        assert_eq!(in_list("[ \"a\", # one\n]"), "[ \"a\", # one\n    \"git push *\",\n]");
    }

    #[test]
    fn a_profile_and_a_list_are_made_where_there_are_none() {
        let new = "[profile.claude]\ninherits = \"careful\"\n\n[profile.claude.commands]\nallow = [\"...\", \"git push *\"]\n";
        assert_eq!(added("", "commands.allow", "git push *", true), new);
        let before = "# Mine.\n[profile.reviewer] # reads\ninherits   =   'read-only'\n\n# The end.\n";
        assert_eq!(added(before, "commands.allow", "git push *", true), format!("{before}\n{new}"));
        let comment = "# One.\n\n# Two.\n";
        assert_eq!(added(comment, "commands.allow", "git push *", true), format!("{comment}\n{new}"));
        let own = "[profile.claude]\ninherits = \"trusted\"\n\n[profile.other]\ninherits = \"careful\"\n";
        let expected = own.replacen("\n\n", "\n\n[profile.claude.commands]\nallow = [\"git push *\"]\n\n", 1);
        assert_eq!(added(own, "commands.allow", "git push *", false), expected);
        let dotted = "[profile.claude]\ninherits = \"careful\"\ncommands.default = \"ask\"\n";
        assert_eq!(
            added(dotted, "commands.allow", "a \"b\"", true),
            format!("{dotted}commands.allow = [\"...\", 'a \"b\"']\n")
        );
    }

    #[test]
    fn a_value_of_another_kind_in_the_way_is_left_alone() {
        let addition = Addition { profile: "claude", inherits: "careful", list: "commands.allow", entries: &[] };
        for text in [
            "profile = 1",
            "profile.claude = 1",
            "profile.claude.commands = 1",
            "profile.claude.commands.allow = 1",
            "[",
        ] {
            assert_eq!(addition.to(text, true), None, "{text}");
        }
    }
}
