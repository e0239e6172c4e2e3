//! Secret files of the home that the settings give to commands.

use std::path::{Component, Path, PathBuf};

/// The files that `MCP_COMMAND_FILES` names, as paths below the home.
#[derive(Clone, Debug, Default)]
pub struct WholeFiles(Vec<PathBuf>);

impl WholeFiles {
    /// Reads the setting, in which paths begin with `home` or with its sign.
    ///
    /// # Errors
    /// When one of them is no path of a file below the home; the message says why.
    pub fn parse(texts: &[String], home: &Path) -> Result<Self, String> {
        let parse = |text: &String| {
            let at_sign = text.strip_prefix("~/").map(Path::new);
            let below = at_sign.or_else(|| Path::new(text).strip_prefix(home).ok());
            let is_plain = |path: &&Path| {
                let mut parts = path.components();
                path.file_name().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
            };
            let below = below.filter(is_plain).filter(|_| !text.contains(['*', '?', '[']));
            below.map(Path::to_owned).ok_or_else(|| format!("{} is no file below the home", shown(text, home)))
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Says which of them commands read now, and which are not there.
    ///
    /// # Errors
    /// When one is a folder; the message says how to fix it.
    #[expect(clippy::disallowed_methods, reason = "files of the settings, of which nothing is opened")]
    pub(crate) fn check(&self, home: &Path) -> Result<(), String> {
        for file in self.in_home(home) {
            let shown = file.display();
            match std::fs::metadata(&file) {
                Ok(found) if found.is_file() => tracing::warn!("MCP_COMMAND_FILES lets all commands read {shown}"),
                Ok(_) => return Err(format!("names {shown}, which is no file: name the files in it")),
                Err(error) => tracing::warn!("MCP_COMMAND_FILES names {shown}, which commands cannot have: {error}"),
            }
        }
        Ok(())
    }

    /// Where they are in a home.
    pub(crate) fn in_home<'a>(&'a self, home: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        self.0.iter().map(|below| home.join(below))
    }
}

/// A path as the settings have it, with the sign for the home.
fn shown(text: &str, home: &Path) -> String {
    let below = Path::new(text).strip_prefix(home).ok().filter(|_| home.parent().is_some());
    below.map_or_else(|| text.to_owned(), |below| Path::new("~").join(below).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::WholeFiles;
    use std::path::{Path, PathBuf};

    fn parse(texts: &[&str]) -> Result<WholeFiles, String> {
        WholeFiles::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), Path::new("/home/ada"))
    }

    #[test]
    fn files_of_the_home_are_named_one_by_one() {
        let files = parse(&["~/.npmrc", "/home/ada/.config/gh/hosts.yml"]).unwrap();
        let found: Vec<PathBuf> = files.in_home(Path::new("/home/ada")).collect();
        assert_eq!(found, ["/home/ada/.npmrc", "/home/ada/.config/gh/hosts.yml"].map(PathBuf::from));
        for wrong in [
            "/etc/shadow",
            ".npmrc",
            "~",
            "~/",
            "/home/ada",
            "/home/adam/.npmrc",
            "~/../root/.npmrc",
            "~/.ssh/*",
            "~/a/../.npmrc",
            "~//etc",
        ] {
            assert!(parse(&[wrong]).is_err_and(|why| why.contains("is no file below the home")), "{wrong}");
        }
    }
}
