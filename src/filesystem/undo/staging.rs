//! Files that are made before they are put in their places together.

use super::{Source, State, Undo, apply::remove_all, journal::Around};
use crate::{
    error::{Error, Result},
    filesystem::{attributes, digest, extents, replacement::temporary_name},
    policy::{
        SafePath,
        paths::{Directory, Intent, OURS, Times, look_at, set_mode_and_owner},
    },
};
use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Seek},
    path::PathBuf,
    sync::Arc,
};

/// A hidden directory in which files are made before they are put in their places together.
pub(crate) struct Staging {
    undo: Arc<Undo>,
    place: PathBuf,
    holder: Directory,
    name: OsString,
    inside: Directory,
    made: usize,
}

impl Staging {
    /// Makes one beside where the files will be.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn beside(undo: &Arc<Undo>, path: &SafePath) -> Result<Self> {
        let mut real = path.real().to_owned();
        for _ in 0..=path.missing_folders().len() {
            real.pop();
        }
        // The files that are put in their places were checked; a folder around them may be one to read alone.
        let above = undo.workspace.resolve_real(&real.join("x"), Intent::Read)?;
        let (holder, name) = (above.holder()?.clone(), temporary_name());
        let times = holder.fstat()?.times;
        let place = real.join(&name);
        undo.kept().journal.scratch(&place, times)?;
        holder.make_folder(&name, 0o700)?;
        let inside = holder.enter(&name)?;
        Ok(Self { undo: undo.clone(), place, holder, name, inside, made: 0 })
    }

    /// Makes a file of at most `most` bytes with what `content` gives.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there is more; what reading says.
    pub(crate) fn file(&mut self, content: impl Read, most: u64, mode: u32, times: Times) -> Result<(State, Source)> {
        let (name, file) = self.create()?;
        let mut writer = digest::Digesting::new(&file);
        std::io::copy(&mut content.take(most.saturating_add(1)), &mut writer)?;
        let (_, sha256, size) = writer.finish();
        if size > most {
            return Err(Error::TooLarge(format!("There is more than the {most} bytes that are allowed in all")));
        }
        self.seal(name, &file, sha256, size, mode, times)
    }

    /// Makes a file with what `write` puts into it.
    ///
    /// # Errors
    /// What `write` and the system say.
    pub(crate) fn made(&mut self, mode: u32, write: impl FnOnce(&mut File) -> Result<()>) -> Result<(State, Source)> {
        let (name, mut file) = self.create()?;
        write(&mut file)?;
        file.rewind()?;
        let (sha256, size) = digest::of_reader(&mut file)?;
        self.seal(name, &file, sha256, size, mode, Times::default())
    }

    /// Makes a copy of a file, with its holes and its attributes.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn copy(&mut self, from: &File, mode: u32, times: Times) -> Result<(State, Source)> {
        let (name, mut file) = self.create()?;
        extents::copy(from, &file)?;
        if let Err(error) = attributes::keep(from, &file) {
            tracing::debug!(%error, "a copy lacks some attributes: the file system there cannot have them");
        }
        file.rewind()?;
        let (sha256, size) = digest::of_reader(&mut file)?;
        self.seal(name, &file, sha256, size, mode, times)
    }

    fn create(&mut self) -> Result<(OsString, File)> {
        let name = OsString::from(self.made.to_string());
        self.made += 1;
        let file = self.inside.create(&name, 0o600)?;
        Ok((name, file))
    }

    fn seal(
        &self,
        name: OsString,
        file: &File,
        sha256: String,
        size: u64,
        mode: u32,
        times: Times,
    ) -> Result<(State, Source)> {
        set_mode_and_owner(file, mode, OURS)?;
        if times != Times::default() {
            self.inside.set_times(&name, times)?;
        }
        let owner = look_at(file)?.owner;
        let state = State::File { sha256, size, mode, owner, times, kept: false };
        Ok((state, Source::Staged(self.inside.clone(), name)))
    }

    /// Corrects what was seen of the directory above: it was another before this one was made in it.
    pub(super) fn look_before(&self, around: &mut [Around]) {
        let Some(times) = self.undo.kept().journal.without_scratch(&self.place) else { return };
        for around in around.iter_mut().filter(|around| self.place.parent() == Some(&around.path.0)) {
            around.before = times;
        }
    }

    /// Makes all files in it durable.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn sync(&self) -> Result<()> {
        Ok(self.inside.sync_file_system()?)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        match remove_all(&self.holder, &self.name) {
            Ok(()) => self.undo.kept().journal.forget_scratch(&self.place),
            Err(error) => {
                tracing::warn!(%error, "a temporary directory could not be removed; the next start tries again");
            }
        }
    }
}
