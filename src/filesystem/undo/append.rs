//! Appends: bytes go behind what is in a file at that moment, whoever else writes to it.
//!
//! The file stays the one that others hold open, and nothing of it is read or copied: the journal's line says where the
//! bytes begin, how many they are and which. To undo an append cuts them off, as long as nothing follows them.

use super::{
    Change, ChangeAuthor, Changed, Undo,
    journal::{Appended, Place},
    revert::Clash,
};
use crate::{
    error::{Error, Result},
    filesystem::digest,
    policy::{
        SafePath,
        paths::{Intent, Times},
    },
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

/// What others may have written between a journal's line and the bytes that it announces, as far as it is searched for
/// these after a crash, in bytes.
const MAX_BETWEEN: u64 = 64 * 1024 * 1024;

/// How far an append came.
struct Written {
    offset: u64,
    count: usize,
    /// Whether nobody else wrote between its parts.
    in_one: bool,
}

impl Undo {
    /// Puts bytes behind all that the file at `path` holds when they are written.
    ///
    /// # Errors
    /// What the system says: nothing was appended then, unless it is [`Error::PartlyAppended`].
    pub(crate) fn append(&self, who: &ChangeAuthor, path: &SafePath, bytes: &[u8]) -> Result<Changed> {
        self.append_as(self.new_change(who), path, bytes, None)
    }

    fn append_as(
        &self,
        mut change: Change,
        path: &SafePath,
        bytes: &[u8],
        restored: Option<&Appended>,
    ) -> Result<Changed> {
        let (mut file, found) = path.open_to_append()?;
        let sha256 = digest::of(bytes);
        let kept = bytes.len() as u64 <= self.max_bytes;
        if kept {
            self.kept().store.keep_bytes(&sha256, bytes)?;
        }
        let path_text = Place(path.real().to_owned());
        let (offset, size, before) = (found.size, bytes.len() as u64, found.times);
        let planned = Appended { path: path_text, offset, size, sha256, kept, cut: false, before, after: before };
        change.appended = Some(planned.clone());
        self.begin(&change)?;
        let (written, outcome) = write_behind(&mut file, bytes);
        change.lost = !written.in_one;
        if let Err(error) = outcome {
            return Err(self.not_all_appended(change, planned, &file, &bytes[..written.count], &written, error));
        }
        file.sync_data()?;
        if let Some(restored) = restored.filter(|restored| restored.offset == written.offset) {
            path.holder()?.set_times(path.name(), restored.before)?;
        }
        change.appended = Some(Appended { offset: written.offset, ..planned });
        Ok(self.finished(change, &[path]))
    }

    /// Takes back the part that was written, unless something follows it: then it stays, as a change.
    fn not_all_appended(
        &self,
        mut change: Change,
        planned: Appended,
        file: &File,
        part: &[u8],
        written: &Written,
        error: io::Error,
    ) -> Error {
        let end = written.offset + part.len() as u64;
        // Between the look and the cut there is no lock that other programs would heed, only two system calls.
        let is_last = || written.in_one && file.metadata().is_ok_and(|data| data.len() == end);
        if part.is_empty() || (is_last() && file.set_len(written.offset).is_ok()) {
            self.void(&change);
            return error.into();
        }
        let (offset, size) = (written.offset, part.len() as u64);
        change.appended = Some(Appended { offset, size, sha256: digest::of(part), kept: false, ..planned });
        self.finished(change, &[]);
        Error::PartlyAppended { bytes_appended: size }
    }

    /// What stands against taking an append back, or against making it again.
    pub(super) fn append_clash(&self, appended: &Appended) -> Option<Clash> {
        let path = &appended.path.0;
        let is_there = |path: SafePath| if appended.cut { Ok(path.open()?.1.size) } else { follows(appended, &path) };
        match self.workspace.resolve_real(path, Intent::Write).and_then(is_there) {
            Ok(more) if more == 0 || appended.cut => None,
            Ok(more) => Some(Clash::at(
                path,
                &format!("{more} bytes were appended after this change: undo those first, or edit the file"),
            )),
            Err(error) => Some(Clash::at(path, &error.to_string())),
        }
    }

    /// Takes an append back, or makes one again that was undone.
    pub(super) fn revert_append(&self, who: &ChangeAuthor, change: &Change, appended: &Appended) -> Result<Changed> {
        let path = self.workspace.resolve_real(&appended.path.0, Intent::Write)?;
        let mut back = self.new_change(who);
        back.reverts = vec![change.id.clone()];
        if appended.cut {
            let bytes = self.kept().store.bytes(&appended.sha256, u64::MAX).ok_or_else(no_longer_kept)?;
            return self.append_as(back, &path, &bytes, Some(appended));
        }
        let (file, found) = path.open_to_write()?;
        back.appended = Some(Appended { cut: true, before: found.times, ..appended.clone() });
        self.begin(&back)?;
        let cut = || -> Result<()> {
            // Once more, as late as can be: others may have gone on meanwhile.
            if follows(appended, &path)? != 0 {
                return Err(Error::Conflict("Something was appended meanwhile: look at it and try again".into()));
            }
            file.set_len(appended.offset)?;
            Ok(file.sync_all()?)
        };
        cut().inspect_err(|_| self.void(&back))?;
        if appended.before != Times::default() {
            path.holder()?.set_times(path.name(), appended.before)?;
        }
        Ok(self.finished(back, &[&path]))
    }

    /// Settles an append, or a cut, of which the journal knows only that it was about to be made.
    pub(super) fn settle_append(&self, mut change: Change, appended: Appended) {
        let path = self.workspace.resolve_real(&appended.path.0, Intent::Write);
        let offset = path.and_then(|path| match appended.cut {
            true => Ok(path.open()?.1.size).map(|size| (size == appended.offset).then_some(size)),
            false => self.find_appended(&path, &appended),
        });
        match offset {
            Ok(Some(offset)) => {
                tracing::info!(id = change.id, "an append that was interrupted had been made: it is finished");
                change.appended = Some(Appended { offset, ..appended });
                self.finished(change, &[]);
            }
            Ok(None) => self.void(&change),
            Err(error) => {
                tracing::warn!(%error, path = %appended.path.0.display(), "an interrupted append cannot be looked at");
                self.void(&change);
            }
        }
    }

    /// Where the bytes of an interrupted append are. A part of them that is the last of the file is cut off.
    fn find_appended(&self, path: &SafePath, appended: &Appended) -> Result<Option<u64>> {
        let (mut file, found) = path.open()?;
        let Some(bytes) = self.kept().store.bytes(&appended.sha256, u64::MAX) else {
            return Ok((follows(appended, path).is_ok()).then_some(appended.offset));
        };
        if found.size < appended.offset || bytes.is_empty() {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(appended.offset))?;
        let mut tail = Vec::new();
        file.take(appended.size + MAX_BETWEEN).read_to_end(&mut tail)?;
        if let Some(place) = memchr::memmem::find(&tail, &bytes) {
            return Ok(Some(appended.offset + place as u64));
        }
        if !tail.is_empty() && bytes.starts_with(&tail) {
            tracing::info!(path = %path.real().display(), "a part of an interrupted append is undone");
            let (file, _) = path.open_to_write()?;
            file.set_len(appended.offset)?;
            file.sync_all()?;
        }
        Ok(None)
    }
}

/// How many bytes follow those that were appended; an error where these are no longer what they were.
fn follows(appended: &Appended, path: &SafePath) -> Result<u64> {
    let (mut file, found) = path.open()?;
    let end = appended.offset + appended.size;
    file.seek(SeekFrom::Start(appended.offset))?;
    let (sha256, size) = digest::of_reader(file.take(appended.size))?;
    if size == appended.size && sha256 == appended.sha256 {
        return Ok(found.size.saturating_sub(end));
    }
    Err(Error::Conflict("it was changed after this change".into()))
}

/// Writes behind what others write at the same time. The system puts each write at the end that the file has then.
fn write_behind(file: &mut File, bytes: &[u8]) -> (Written, io::Result<()>) {
    let mut written = Written { offset: file.metadata().map_or(0, |data| data.len()), count: 0, in_one: true };
    while written.count < bytes.len() {
        match file.write(&bytes[written.count..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => {
                let start = match file.stream_position() {
                    Ok(end) => end - count as u64,
                    Err(error) => return (written, Err(error)),
                };
                match written.count {
                    0 => written.offset = start,
                    before => written.in_one &= start == written.offset + before as u64,
                }
                written.count += count;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn no_longer_kept() -> Error {
    Error::Conflict("What was appended is no longer kept: it was dropped for age or size".into())
}

/// The bytes of an append as a part of a diff: where they begin is all that is known of what is before them.
pub(super) fn shown(path: &str, appended: &Appended, text: &str) -> String {
    let path = path.trim_start_matches('/');
    let sign = if appended.cut { '-' } else { '+' };
    let mut diff = format!("--- a/{path}\n+++ b/{path}\n@@ at byte {} @@\n", appended.offset);
    for line in text.split_inclusive('\n') {
        diff.push(sign);
        diff.push_str(line);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        diff.push_str("\n\\ No newline at end of file\n");
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::{Appended, ChangeAuthor, Undo, Written};
    use crate::{
        error::Error,
        filesystem::undo::journal::Place,
        policy::{
            Workspace,
            paths::{Intent, Named, Times},
        },
        settings::Settings,
    };
    use std::io::{self, Write};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test's own scratch files")]
    fn a_part_that_the_full_disk_let_through_is_taken_back_unless_something_follows_it() {
        let folder = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
        let settings = Settings::from_pairs([]).unwrap();
        let workspace = Workspace::open(&settings, folder.path()).unwrap();
        let undo = Undo::open(&workspace, &settings, &folder.path().join("memory")).unwrap();
        let who = ChangeAuthor { caller: "test".into(), session: None, action: "filesystem_write" };
        for (name, written, left) in [("f", "old\nhal", 4), ("g", "old\nhaltheirs\n", 14)] {
            let real = folder.path().join(name);
            std::fs::File::create(&real).unwrap().write_all(written.as_bytes()).unwrap();
            let path = workspace.resolve(name, Named::File, Intent::Write).unwrap();
            let (file, found) = path.open_to_append().unwrap();
            let planned = Appended {
                path: Place(path.real().to_owned()),
                offset: 4,
                size: 5,
                sha256: String::new(),
                kept: false,
                cut: false,
                before: Times::default(),
                after: found.times,
            };
            let (full, part) =
                (io::Error::from(io::ErrorKind::StorageFull), Written { offset: 4, count: 3, in_one: true });
            let error = undo.not_all_appended(undo.new_change(&who), planned, &file, b"hal", &part, full);
            assert_eq!(file.metadata().unwrap().len(), left, "{name}");
            match left {
                4 => assert!(matches!(error, Error::Full(_)), "{error}"),
                _ => assert!(matches!(error, Error::PartlyAppended { bytes_appended: 3 }), "{error}"),
            }
        }
    }
}
