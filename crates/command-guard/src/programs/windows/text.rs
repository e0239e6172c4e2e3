//! The texts of `cmd` and PowerShell: their statements, words and places.

use crate::values::Field;

/// The grammar of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Cmd,
    PowerShell,
}

/// The program's name, in lower case and without folders and ending.
pub(super) fn name(program: &str) -> String {
    let lower = program.trim_start_matches('@').to_lowercase();
    let last = lower.rsplit(['/', '\\']).next().unwrap_or_default();
    [".exe", ".com", ".cmd", ".bat"].iter().find_map(|end| last.strip_suffix(end)).unwrap_or(last).to_owned()
}

pub(super) fn is_option(word: &str, language: Language) -> bool {
    match language {
        Language::PowerShell => word.starts_with('-'),
        Language::Cmd => word.starts_with('/') && !word[1..].contains(['/', '\\']),
    }
}

/// The statements of a text and their words, without quotes; what stands in parentheses is a statement of its own.
pub(super) fn cut(text: &str, language: Language) -> Vec<Vec<String>> {
    let ends: &[char] =
        if language == Language::Cmd { &['&', '|', '\n', '(', ')'] } else { &[';', '|', '\n', '(', ')', '{', '}'] };
    let quotes: &[char] = if language == Language::Cmd { &['"'] } else { &['"', '\''] };
    let mut statements = vec![Vec::new()];
    let (mut word, mut quote) = (None::<String>, None);
    for character in text.chars() {
        let list = statements.last_mut().expect("it begins with one");
        match character {
            _ if quote == Some(character) => quote = None,
            _ if quote.is_some() => word.get_or_insert_default().push(character),
            _ if quotes.contains(&character) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            _ if ends.contains(&character) => {
                list.extend(word.take());
                if !list.is_empty() {
                    statements.push(Vec::new());
                }
            }
            // PowerShell's lists: `Remove-Item a,b`.
            ' ' | '\t' | '\r' => list.extend(word.take()),
            ',' if language == Language::PowerShell => list.extend(word.take()),
            '^' if language == Language::Cmd => {}
            _ => word.get_or_insert_default().push(character),
        }
    }
    statements.last_mut().expect("it begins with one").extend(word);
    statements.retain(|words| !words.is_empty());
    statements
}

/// A variable of PowerShell whose value is not known, as opposed to those of the environment.
pub(super) fn is_variable(word: &str) -> bool {
    let lower = word.to_lowercase();
    lower.starts_with('$') && !lower.starts_with("$env:") && !lower.starts_with("$home")
}

/// A word as a place of the subsystem: `C:\Users` lies at `/mnt/c/Users`, and `\\wsl$\Ubuntu\etc` is its own `/etc`.
pub(super) fn place_of(word: &str, user: &str) -> Field {
    let home = format!("/mnt/c/Users/{user}");
    let variables = [
        ("userprofile", home.clone()),
        ("homepath", home.clone()),
        ("appdata", format!("{home}/AppData/Roaming")),
        ("localappdata", format!("{home}/AppData/Local")),
        ("temp", format!("{home}/AppData/Local/Temp")),
        ("tmp", format!("{home}/AppData/Local/Temp")),
        ("systemroot", "/mnt/c/Windows".to_owned()),
        ("windir", "/mnt/c/Windows".to_owned()),
        ("systemdrive", "/mnt/c".to_owned()),
        ("homedrive", "/mnt/c".to_owned()),
        ("programfiles", "/mnt/c/Program Files".to_owned()),
        ("programdata", "/mnt/c/ProgramData".to_owned()),
        ("public", "/mnt/c/Users/Public".to_owned()),
    ];
    let path = word.replace('\\', "/");
    let lower = path.to_lowercase();
    for (name, place) in &variables {
        for spelling in [format!("%{name}%"), format!("$env:{name}"), format!("${{env:{name}}}")] {
            if let Some(rest) = lower.strip_prefix(&spelling) {
                return Field::text(format!("{place}{}", &path[path.len() - rest.len()..]));
            }
        }
    }
    if let Some(rest) = lower.strip_prefix("$home").or_else(|| lower.strip_prefix('~')) {
        return Field::text(format!("{home}{}", &path[path.len() - rest.len()..]));
    }
    let own = lower.strip_prefix("//wsl$/").or_else(|| lower.strip_prefix("//wsl.localhost/"));
    if let Some((_, below)) = own.and_then(|rest| path[path.len() - rest.len()..].split_once('/')) {
        return Field::text(format!("/{below}"));
    }
    let mut letters = path.chars();
    match (letters.next(), letters.next()) {
        (Some(drive), Some(':')) if drive.is_ascii_alphabetic() => {
            Field::text(format!("/mnt/{}/{}", drive.to_ascii_lowercase(), letters.as_str().trim_start_matches('/')))
        }
        // `\Users` is on the drive where the command runs.
        _ if word.starts_with('\\') && !word.starts_with("\\\\") => Field::text(format!("/mnt/c{path}")),
        _ => Field::text(path),
    }
}
