//! Writes into the permission file what the person approved for good.

use super::{addition::Addition, holder::Permissions, profiles::Profiles, rule::PRESETS};
use crate::{
    error::{Error, Result},
    policy::{
        own_files::{self, PERMISSIONS},
        private,
    },
};
use std::{io, path::Path};

/// The longest name of a profile that is made for an agent, in characters: there is space behind it for a number.
const MAX_NAME: usize = 60;

/// What an agent may do from now on without being asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Approved<'a> {
    /// The agent's name.
    pub(crate) agent: &'a str,
    /// The profile that it has.
    pub(crate) profile: &'a str,
    /// Whether other agents have that profile, too.
    pub(crate) is_shared: bool,
    /// The list that says it, by the keys to it in a profile: `commands.allow`.
    pub(crate) list: &'a str,
    /// What it says, entry by entry.
    pub(crate) entries: &'a [String],
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The profile in which it stands. Where that is another one than before, the agent must be given it.
    pub(crate) profile: String,
    /// What was written, for the person.
    pub(crate) in_words: String,
    /// What the file has now, and what it had before.
    after: String,
    before: String,
}

impl Permissions {
    /// Writes what was approved into the file, in the profile of the agent. A preset, and a profile that others have too,
    /// stays as it is: the agent needs one of its own then, which begins from it. Blocks.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the file cannot be read, is doubted or has mistakes, or would have some; [`Error::Full`]
    /// when the disk is. Nothing is in force then.
    pub(crate) fn keep(&self, approved: &Approved<'_>) -> Result<Kept> {
        // Whoever reads the file in this process finds it whole.
        let guarded = self.lock();
        let before = self.text()?;
        let (profile, after) = self.planned(approved, before.as_deref().unwrap_or_default())?;
        if self.text()? != before {
            return Err(Error::Conflict(format!("{} is just being changed: say it again", PERMISSIONS.name)));
        }
        self.write(before.as_deref(), &after)?;
        drop(guarded);
        match self.problem() {
            Some(problem) => Err(Error::Unusable(format!("It is written, and not in force: {problem}"))),
            None => {
                let (in_words, before) = (in_words(approved, &profile), before.unwrap_or_default());
                Ok(Kept { profile, in_words, after, before })
            }
        }
    }

    /// The profiles as they would be with what is approved, and the name of the one in which it would stand. Blocks.
    ///
    /// # Errors
    /// As [`Self::keep`], of which nothing is written.
    pub(crate) fn with_approved(&self, approved: &Approved<'_>) -> Result<(Profiles, String)> {
        let (profile, after) = self.planned(approved, &self.text()?.unwrap_or_default())?;
        let profiles = self.profiles(&after).map_err(|why| unfit("would have mistakes", &why))?;
        Ok((profiles, profile))
    }

    /// The profile in which it is to stand, and the text of the file with it.
    fn planned(&self, approved: &Approved<'_>, before: &str) -> Result<(String, String)> {
        let profiles = self.profiles(before).map_err(|why| unfit("has mistakes", &why))?;
        let profile = own_profile(approved, &profiles);
        let (inherits, list, entries) = (approved.profile, approved.list, approved.entries);
        let after = self.with(&Addition { profile: &profile, inherits, list, entries }, before)?;
        Ok((profile, after))
    }

    /// Takes out what was written, where nobody has changed the file since. It needs no space on the disk. Blocks.
    ///
    /// # Errors
    /// When the file can no longer be read or written.
    pub(crate) fn take_out(&self, kept: &Kept) -> Result<()> {
        let _guarded = self.lock();
        match self.text()? {
            Some(text) if text == kept.after => self.write(Some(&text), &kept.before),
            _ => Ok(()),
        }
    }

    /// What the file has; none where there is none.
    fn text(&self) -> Result<Option<String>> {
        let text = private::read_own(&self.folder, PERMISSIONS.name);
        let text = text.map_err(|why| unfit("cannot be read", &why.to_string()))?;
        let is_doubted = |text: &String| {
            !self.files.counts(&PERMISSIONS) || own_files::is_doubted(&self.folder, &self.directory, &PERMISSIONS, text)
        };
        match text {
            Some(text) if is_doubted(&text) => {
                Err(Error::Unusable(format!("{} {}", PERMISSIONS.name, PERMISSIONS.doubted)))
            }
            text => Ok(text),
        }
    }

    /// The text with an addition, which has no mistakes.
    fn with(&self, addition: &Addition<'_>, before: &str) -> Result<String> {
        let mut why = "something else stands in the place of the list".to_owned();
        // What a list inherits is named where there is something.
        for has_inherited in [true, false] {
            let Some(after) = addition.to(before, has_inherited) else { continue };
            match self.profiles(&after) {
                Ok(_) => return Ok(after),
                Err(mistakes) => why = mistakes,
            }
        }
        Err(Error::Unusable(format!("{} would have mistakes: {why}", PERMISSIONS.name)))
    }

    fn profiles(&self, text: &str) -> Result<Profiles, String> {
        Profiles::read(text, &self.base()).map_err(|mistakes| mistakes.to_string().trim_end().to_owned())
    }

    /// Commands that run now have the very file covered that is there, and not one that would take its place: it is written
    /// over. First its new length, as empty lines, so that a full disk shows while the old text is whole.
    fn write(&self, before: Option<&str>, after: &str) -> Result<()> {
        let Some(before) = before else {
            let path = self.directory.join(PERMISSIONS.name);
            private::replace(&path, after.as_bytes())?;
            let remembered = own_files::remember_made(&self.folder, &self.directory, &PERMISSIONS);
            // One of which nobody knows whose it is would keep the bridge from starting.
            return Ok(remembered.or_else(|why| remove(&path).and(Err(why)))?);
        };
        let longer = after.len().saturating_sub(before.len());
        let after = format!("{after}{}", "\n".repeat(before.len().saturating_sub(after.len())));
        let same = before.bytes().zip(after.bytes()).take_while(|(old, new)| old == new).count();
        let over = |at: usize, text: &[u8]| private::overwrite(&self.folder, PERMISSIONS.name, at as u64, text);
        let written: io::Result<()> =
            over(before.len(), "\n".repeat(longer).as_bytes()).and_then(|()| over(same, &after.as_bytes()[same..]));
        Ok(written?)
    }
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own file, which it has just made")]
fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// The profile that is the agent's own to change.
fn own_profile(approved: &Approved<'_>, profiles: &Profiles) -> String {
    let Approved { agent, profile, is_shared, .. } = *approved;
    if !is_shared && !PRESETS.contains(&profile) {
        return profile.to_owned();
    }
    let name: String = agent.replace('.', "-").chars().take(MAX_NAME).collect();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| profiles.get(name).is_none()).expect("there are more numbers than profiles")
}

fn in_words(approved: &Approved<'_>, profile: &str) -> String {
    let Approved { agent, profile: before, list, entries, .. } = *approved;
    let entries: Vec<String> = entries.iter().map(|entry| format!("`{entry}`")).collect();
    let written = format!("{} in {list} of the profile {profile} of {}", entries.join(", "), PERMISSIONS.name);
    match before == profile {
        true => written,
        false => format!("{written}, which begins from {before} and is that of {agent} from now on"),
    }
}

fn unfit(what: &str, why: &str) -> Error {
    Error::Unusable(format!("{} {what}, so that nothing can be added to it: {why}", PERMISSIONS.name))
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "tests put files where nobody else would")]
mod tests {
    use super::{Approved, Kept};
    use crate::{
        caller::Access,
        error::{Error, Result},
        permissions::{Permissions, Tool},
        policy::private,
        settings::Settings,
    };
    use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc};

    struct Folder {
        folder: tempfile::TempDir,
        permissions: Permissions,
    }

    fn folder(text: Option<&str>) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("memory")).unwrap();
        if let Some(text) = text {
            private::replace(&folder.path().join("permissions.toml"), text.as_bytes()).unwrap();
        }
        let settings = Arc::new(Settings::from_pairs([]).unwrap());
        let tools = vec![Tool { name: "terminal_execute", access: Access::Execute }];
        let permissions = Permissions::open(folder.path(), settings, tools).unwrap();
        Folder { folder, permissions }
    }

    impl Folder {
        fn file(&self) -> PathBuf {
            self.folder.path().join("permissions.toml")
        }

        fn text(&self) -> String {
            std::fs::read_to_string(self.file()).unwrap()
        }

        fn keep(&self, agent: &str, profile: &str, is_shared: bool) -> Result<Kept> {
            let entries = ["git push *".to_owned()];
            self.permissions.keep(&Approved { agent, profile, is_shared, list: "commands.allow", entries: &entries })
        }

        fn refused(&self, profile: &str) -> String {
            let before = self.text();
            let error = self.keep("claude", profile, false).unwrap_err();
            assert_eq!(self.text(), before, "nothing is written");
            assert!(matches!(error, Error::Unusable(_)), "{error:?}");
            error.to_string()
        }
    }

    const OWN: &str = "# Mine.\n[profile.reviewer]\ninherits = 'careful' # for now\n";

    #[test]
    fn a_preset_stays_as_it_is_and_the_agent_gets_a_profile_of_its_own() {
        let folder = folder(None);
        let kept = folder.keep("claude.2", "careful", false).unwrap();
        assert_eq!(kept.profile, "claude-2");
        assert!(
            kept.in_words.starts_with("`git push *` in commands.allow of the profile claude-2"),
            "{}",
            kept.in_words
        );
        assert!(kept.in_words.contains("begins from careful and is that of claude.2"), "{}", kept.in_words);
        assert!(folder.permissions.current().get("claude-2").is_some(), "it is in force at once");
        let again = folder.keep("claude.2", "claude-2", false).unwrap();
        assert_eq!(again.profile, "claude-2");
        assert_eq!(folder.text().matches("git push").count(), 1);
    }

    #[test]
    fn the_agents_own_profile_is_changed_in_the_same_file_and_keeps_its_comments() {
        let folder = folder(Some(OWN));
        let before = std::fs::metadata(folder.file()).unwrap().ino();
        let kept = folder.keep("claude", "reviewer", false).unwrap();
        assert_eq!(kept.profile, "reviewer");
        assert_eq!(folder.text(), format!("{OWN}\n[profile.reviewer.commands]\nallow = [\"...\", \"git push *\"]\n"));
        assert_eq!(std::fs::metadata(folder.file()).unwrap().ino(), before, "commands that run have this one covered");
    }

    #[test]
    fn a_profile_of_several_agents_and_a_name_that_is_taken_stay_as_they_are() {
        let folder = folder(Some(OWN));
        assert_eq!(folder.keep("reviewer", "reviewer", true).unwrap().profile, "reviewer-2");
        assert!(
            folder.text().starts_with(OWN) && folder.text().contains("inherits = \"reviewer\""),
            "{}",
            folder.text()
        );
        assert_eq!(folder.keep("trusted", "trusted", false).unwrap().profile, "trusted-2");
        // Nothing is listed in that preset which the list could begin with.
        assert!(
            folder.text().ends_with("[profile.trusted-2.commands]\nallow = [\"git push *\"]\n"),
            "{}",
            folder.text()
        );
    }

    #[test]
    fn nothing_is_added_to_a_file_that_has_mistakes_or_would_have_some() {
        let folder = folder(Some(OWN));
        std::fs::write(folder.file(), "[profile.reviewer]\ninherits = 'carefree'\n").unwrap();
        assert!(folder.refused("reviewer").contains("carefree"));
        let asks = "[profile.reviewer]\ninherits = 'trusted'\ncommands.ask = ['git push *']\n";
        std::fs::write(folder.file(), asks).unwrap();
        assert!(folder.refused("reviewer").contains("would have mistakes"));
        std::fs::write(folder.file(), OWN).unwrap();
        assert!(folder.refused("nobody").contains("would have mistakes"));
    }

    #[test]
    fn nothing_is_written_through_a_link_nor_into_a_file_that_others_may_write() {
        let folder = folder(Some(OWN));
        let elsewhere = folder.folder.path().join("elsewhere.toml");
        std::fs::rename(folder.file(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.file()).unwrap();
        assert!(folder.refused("reviewer").contains("link"));
        std::fs::remove_file(folder.file()).unwrap();
        std::fs::hard_link(&elsewhere, folder.file()).unwrap();
        assert!(folder.refused("reviewer").contains("another name"));
    }

    #[test]
    fn nothing_is_added_to_a_file_that_came_while_a_command_ran() {
        let folder = folder(Some(OWN));
        let running = folder.permissions.files.begin().unwrap();
        private::replace(&folder.file(), OWN.as_bytes()).unwrap();
        assert!(folder.refused("reviewer").contains("came while a command ran"));
        drop(running);
        assert!(folder.refused("reviewer").contains("came while a command ran"));
    }

    #[test]
    fn what_is_written_while_a_command_runs_counts() {
        let folder = folder(Some(OWN));
        let running = folder.permissions.files.begin().unwrap();
        folder.keep("claude", "reviewer", false).unwrap();
        drop(running);
        folder.keep("gemini", "careful", false).unwrap();
        assert_eq!(folder.permissions.problem(), None);
    }
}
