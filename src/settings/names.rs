//! Which names are settings, and which are so near to one that they must be meant for it: a letter too few, and a
//! boundary would not be there.

use super::TABLE;
use strsim::osa_distance;

/// Names of other programs that are near to ours and not meant for us, one a line.
const OF_OTHERS: &str = include_str!("names_of_others.txt");

/// What all names begin with that are for this program alone.
const PREFIX: &str = "MCP_";

/// A setting's name of this length or more may be two letters off, a shorter one a single letter. Of the 684 names of
/// other programs in tests/corpora/environment-names.txt none is taken for ours.
const LONG: usize = 16;

/// Whether a name is a setting; false when it is no business of ours.
///
/// # Errors
/// When it is none and must be meant for one; the message says for which.
pub fn judge(name: &str) -> Result<bool, String> {
    if TABLE.iter().any(|setting| setting.name == name) {
        return Ok(true);
    }
    if OF_OTHERS.lines().any(|other| other == name) {
        return Ok(false);
    }
    let sent = name.to_ascii_uppercase().replace(['-', '.'], "_");
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

/// Whether a name is a setting's with a slip or two, and not one of another word (`PROCESS_OUTPUT_DIR`).
fn is_slip(sent: &str, setting: &str, off: usize) -> bool {
    let allowed = if setting.len() >= LONG { 2 } else { 1 };
    let words = || sent.split('_').zip(setting.split('_'));
    let has_same_words = sent.matches('_').count() == setting.matches('_').count();
    off <= allowed && (!has_same_words || words().all(|(one, other)| osa_distance(one, other) <= 1))
}

/// Whether a name is a setting or must be meant for one.
pub fn concerns_us(name: &str) -> bool {
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
        ] {
            assert!(judge(name).unwrap_err().contains(&format!("did you mean {meant}?")), "{name}");
        }
        assert!(judge("MCP_SOMETHING_ELSE_ALTOGETHER").is_err());
    }
}
