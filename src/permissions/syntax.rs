//! What is wrong with a file that is no TOML, in a person's words: the library's own name what its grammar expects.

/// A mistake that the library found in a line, with how to fix it where that can be told.
pub(super) fn explained(message: &str, line: &str) -> String {
    match fix(message, line.trim()) {
        Some(how) => format!("{message}: {how}"),
        None => format!(
            "{message}: this line is no TOML (https://toml.io); a value is a \"text\", a [\"list\"] or a number"
        ),
    }
}

fn fix(message: &str, line: &str) -> Option<String> {
    let says = |words: &str| message.contains(words);
    let is_header = line.starts_with('[');
    if line.starts_with("//") || line.starts_with("/*") {
        return Some("a comment begins with #".to_owned());
    }
    if line.contains(['“', '”', '„', '‘', '’', '«', '»']) {
        return Some("write straight quotes, as in inherits = \"careful\"".to_owned());
    }
    if says("duplicate key") {
        let what = if is_header { line } else { line.split('=').next().unwrap_or_default().trim() };
        return Some(format!("`{what}` is there already: put all of it in one place, and take the other out"));
    }
    if says("escape") || says("unicode") {
        let how =
            "a backslash has a meaning of its own in \"…\": write it twice, or put the text in single quotes, 'C:\\x'";
        return Some(how.to_owned());
    }
    if is_header && says("table") {
        let name = line.trim_matches(['[', ']']);
        return Some(match name.contains(char::is_whitespace) && line.ends_with(']') {
            true => "a profile's name has letters, digits, - and _, and no blank: [profile.my-agent]".to_owned(),
            false => format!("the ] at its end is missing: [{name}]"),
        });
    }
    if says("basic string") || says("literal string, expected `'`") {
        return Some(
            "the quote at the end of the text is missing, or is another one than that at its start".to_owned(),
        );
    }
    if says("key with no value") {
        return Some(match line.split_once(':') {
            Some((key, value)) => format!("write = between a key and its value: {} = {}", key.trim(), value.trim()),
            None => "write = between a key and its value: inherits = \"careful\"".to_owned(),
        });
    }
    in_value(&says, line)
}

/// The same of what stands behind a key.
fn in_value(says: &dyn Fn(&str) -> bool, line: &str) -> Option<String> {
    if says("missing comma") {
        return Some("write a comma between the texts of a list: [\"ls *\", \"cat *\"]".to_owned());
    }
    if says("inline table") {
        return Some(
            "a } is missing, or a comma: each table is written { path = \"~/x\", access = \"write\" }".to_owned(),
        );
    }
    if says("unclosed array") {
        return Some("the ] at the end of the list is missing".to_owned());
    }
    let is_word = says("must be quoted")
        || says("opening quote")
        || says("invalid boolean")
        || says("invalid integer")
        || says("expected literal");
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split('#').next().unwrap_or_default().trim());
    match value {
        _ if !is_word => None,
        "" => Some(format!("a value is missing: {key} = \"…\"")),
        value if value.starts_with(['[', '{']) => Some("texts stand in quotes: [\"ls *\", \"cat *\"]".to_owned()),
        value => Some(format!("texts stand in quotes: {key} = \"{}\"", value.trim_matches(['"', '\'']))),
    }
}
