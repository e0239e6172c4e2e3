//! The repository of Git that the bridge's folder lies in. The bridge's own files are not to be added to it: a commit would
//! publish the key, and the commands of agents, which cannot read these files, would fail at `git add --all`.

use crate::policy::{
    paths::{Directory, OWN_FILES},
    private,
};
use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
};

/// Where Git looks for what is not to be added and is nobody else's business (gitignore(5)).
const EXCLUDED: &str = "exclude";

/// What stands above the lines.
const ABOUT: &str = "# Files of the bridge's own, for nobody else.";

/// Has Git pass over the bridge's own files, where they lie in a repository. Where that cannot be said, the log says why.
pub(crate) fn exclude_own_files(directory: &Path) {
    let Some(top) = directory.ancestors().find(|folder| folder.join(".git").is_dir()) else { return };
    let below = directory.strip_prefix(top).unwrap_or(directory);
    if let Err(error) = exclude(top, below) {
        let exclude = top.join(".git/info").join(EXCLUDED);
        tracing::warn!(
            "{} cannot be written ({error}): keep .env, permissions.toml and memory/ out of this repository yourself",
            exclude.display()
        );
    }
}

/// Commands may have put anything in these places: no link is followed, and what has a second name is left alone.
fn exclude(top: &Path, below: &Path) -> io::Result<()> {
    let git = Directory::own(top)?.enter(OsStr::new(".git"))?;
    let name = OsStr::new("info");
    match git.make_folder(name, 0o755) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let info = git.enter(name)?;
    let known = private::read_own(&info, EXCLUDED)?;
    let lines = missing(known.as_deref().unwrap_or_default(), below);
    if lines.is_empty() {
        return Ok(());
    }
    let mut file = match known {
        Some(_) => info.open_to_append(OsStr::new(EXCLUDED))?.0,
        None => info.create(OsStr::new(EXCLUDED), 0o644)?,
    };
    file.write_all(lines.as_bytes())
}

/// The lines that a file does not have yet, with what is to stand before them.
fn missing(known: &str, below: &Path) -> String {
    let folder: String = below.iter().fold("/".to_owned(), |path, name| path + &plain(&name.to_string_lossy()) + "/");
    let all = OWN_FILES.iter().map(|name| format!("{folder}{name}")).chain([format!("{folder}memory/")]);
    let new: Vec<String> = all.filter(|line| !known.lines().any(|known| known.trim_end() == line)).collect();
    let mut lines = String::new();
    if !new.is_empty() {
        let end = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
        let _ = writeln!(lines, "{end}{ABOUT}\n{}", new.join("\n"));
    }
    lines
}

/// A name as a pattern that fits it alone.
fn plain(name: &str) -> String {
    name.chars().flat_map(|c| "\\*?[ ".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::missing;
    use std::path::Path;

    #[test]
    fn each_file_is_named_once_by_a_pattern_that_fits_it_alone() {
        let lines = missing("*.o", Path::new("a [b]/c"));
        assert!(lines.starts_with("\n# Files"), "{lines}");
        assert!(lines.contains("\n/a\\ \\[b]/c/.env\n") && lines.ends_with("/c/memory/\n"), "{lines}");
        assert_eq!(missing(&lines, Path::new("a [b]/c")), "");
        assert!(missing("", Path::new("")).contains("\n/.env\n"));
    }
}
