//! Which names are settings, and which are so near to one that they must be meant for it: a letter too few, and a
//! boundary would not be there.

use super::TABLE;
use strsim::osa_distance;
use unicode_normalization::UnicodeNormalization;

/// Names of other programs that are near to ours and not meant for us, one a line.
const OF_OTHERS: &str = include_str!("names_of_others.txt");

/// Words that people write for settings, each with the setting, one a line.
const MEANT: &str = include_str!("names_meant.txt");

/// Letters that look like those of ASCII, each before its double.
const DOUBLES: [(&str, char); 16] = [
    ("АаΑ", 'A'),
    ("ВΒ", 'B'),
    ("СсϹ", 'C'),
    ("ЕеΕ", 'E'),
    ("НΗ", 'H'),
    ("ІіΙ", 'I'),
    ("ЈјЈ", 'J'),
    ("КкΚ", 'K'),
    ("МмΜ", 'M'),
    ("Ν", 'N'),
    ("ОоΟ", 'O'),
    ("РрΡ", 'P'),
    ("Ѕѕ", 'S'),
    ("ТтΤ", 'T'),
    ("ХхΧ", 'X'),
    ("УуΥ", 'Y'),
];

/// What all names begin with that are for this program alone.
const PREFIX: &str = "MCP_";

/// A setting's name of this length or more may be two letters off, a shorter one a single letter. Of the 684 names of
/// other programs in tests/corpora/environment-names.txt none is taken for ours.
const LONG: usize = 16;

/// Whether a name is a setting; false when it is no business of ours.
///
/// # Errors
/// When it is none and must be meant for one; the message says for which.
pub(crate) fn judge(name: &str) -> Result<bool, String> {
    if TABLE.iter().any(|setting| setting.name == name) {
        return Ok(true);
    }
    let sent = plain(name);
    if OF_OTHERS.lines().any(|other| other == sent) {
        return Ok(false);
    }
    if let Some(setting) = same_letters(&sent).or_else(|| other_word(&sent)).or_else(|| without_prefix(&sent, 0)) {
        return Err(format!("{name} is no setting: did you mean {setting}?"));
    }
    let all = TABLE.iter().map(|setting| (osa_distance(&sent, setting.name), setting.name));
    let (off, nearest) = all.min_by_key(|(off, _)| *off).expect("there are settings");
    if is_slip(&sent, nearest, off) || sent.starts_with(PREFIX) && off <= nearest.len() / 3 {
        return Err(format!("{name} is no setting: did you mean {nearest}?"));
    }
    if sent.starts_with(PREFIX) {
        return Err(format!("{name} is no setting: remove it, or take a name from .env.example"));
    }
    Ok(false)
}

/// The setting that a name of another program could be meant for: it counts for no more than a warning.
pub(crate) fn resembles(name: &str) -> Option<&'static str> {
    let sent = plain(name);
    let is_others = judge(name) == Ok(false);
    let short = || meant(&sent).filter(|setting| !setting.starts_with(PREFIX) && sent.contains('_'));
    is_others.then(|| without_prefix(&sent, usize::from(sent.len() >= LONG / 2)).or_else(short)).flatten()
}

/// In capitals of ASCII as far as they look so, with underscores between words.
fn plain(name: &str) -> String {
    let double = |c: char| DOUBLES.iter().find(|(others, _)| others.contains(c)).map_or(c, |(_, letter)| *letter);
    name.nfkc().map(double).collect::<String>().to_ascii_uppercase().replace(['-', '.'], "_")
}

/// The setting that has the same letters, whatever underscores.
fn same_letters(sent: &str) -> Option<&'static str> {
    let letters = |name: &str| name.replace('_', "");
    TABLE.iter().map(|setting| setting.name).find(|name| letters(name) == letters(sent))
}

/// The setting that has this name after `MCP_`, or one that is so many letters off.
fn without_prefix(sent: &str, off: usize) -> Option<&'static str> {
    let mut names = TABLE.iter().map(|setting| setting.name);
    names.find(|name| name.strip_prefix(PREFIX).is_some_and(|short| osa_distance(sent, short) <= off))
}

/// The setting that is meant by another word after `MCP_`.
fn other_word(sent: &str) -> Option<&'static str> {
    let word = sent.strip_prefix(PREFIX)?;
    let word = word.strip_prefix("SERVER_").unwrap_or(word);
    meant(word).or_else(|| without_prefix(word, 0)).filter(|name| *name != sent)
}

fn meant(word: &str) -> Option<&'static str> {
    let mut pairs = MEANT.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(other, _)| *other == word).map(|(_, setting)| setting)
}

/// Whether a name is a setting's with a slip or two, and not one of another word (`PROCESS_OUTPUT_DIR`).
fn is_slip(sent: &str, setting: &str, off: usize) -> bool {
    let allowed = if setting.len() >= LONG { 2 } else { 1 };
    let words = || sent.split('_').zip(setting.split('_'));
    let has_same_words = sent.matches('_').count() == setting.matches('_').count();
    off <= allowed && (!has_same_words || words().all(|(one, other)| osa_distance(one, other) <= 1))
}

/// Whether a name is a setting or must be meant for one.
pub(crate) fn concerns_us(name: &str) -> bool {
    judge(name) != Ok(false)
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_name_that_is_almost_ours_is_told_which_is_meant() {
        for (name, meant) in [
            ("MCP_ALLOWED_DIR", "MCP_ALLOWED_DIRS"),
            ("mcp_allowed_dirs", "MCP_ALLOWED_DIRS"),
            ("MPC_DENIED_PATHS", "MCP_DENIED_PATHS"),
            ("MCPDENIED_PATHS", "MCP_DENIED_PATHS"),
            ("MCP-CONFINEMENT", "MCP_CONFINEMENT"),
            ("MCP_DENY_PATHS", "MCP_DENIED_PATHS"),
            ("MAX_COMAND_TIMEOUT", "MAX_COMMAND_TIMEOUT"),
            ("SANDBOX_MEMORY_MB", "SANDBOX_MEMORY_MIB"),
            ("LOG_LEVL", "LOG_LEVEL"),
            ("MCPAPIKEY", "MCP_API_KEY"),
            ("MCPFETCHALLOWPRIVATE", "MCP_FETCH_ALLOW_PRIVATE"),
            ("MAXCOMMANDMEMORYMIB", "MAX_COMMAND_MEMORY_MIB"),
            ("MCP_ALLOWED_DIRECTORIES", "MCP_ALLOWED_DIRS"),
            ("MCP_ROOTS", "MCP_ALLOWED_DIRS"),
            ("MCP_SERVER_ALLOWED_DIRS", "MCP_ALLOWED_DIRS"),
            ("MCP_KEY", "MCP_API_KEY"),
            ("MCP_NETWORK", "MCP_TERMINAL_NETWORK"),
            ("M\u{421}P_ALLOWED_DIRS", "MCP_ALLOWED_DIRS"),
            ("\u{41c}\u{421}\u{420}_HOST", "MCP_HOST"),
            ("TERMINAL_NETWORK", "MCP_TERMINAL_NETWORK"),
            ("CONFINEMENT", "MCP_CONFINEMENT"),
        ] {
            assert!(judge(name).unwrap_err().contains(&format!("did you mean {meant}?")), "{name}");
        }
        assert!(judge("MCP_SOMETHING_ELSE_ALTOGETHER").is_err());
    }
}
