//! The bytes of what was changed, each content once, named by its SHA-256.
#![expect(clippy::disallowed_methods, reason = "the store is the bridge's own, not a path that a caller names")]

use crate::{
    error::{Error, Result},
    filesystem::digest,
    policy::private,
};
use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

/// Above so many contents, the disk is asked once to keep them all: each by itself takes as long as the disk turns.
const MANY: usize = 16;

/// The store below `memory/undo/`.
pub(crate) struct Store {
    folder: PathBuf,
    /// How many bytes it holds.
    held: u64,
    /// What was kept and is not surely on the disk.
    unsettled: HashSet<PathBuf>,
}

impl Store {
    /// Opens it, and makes it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        private::create_folder(&folder)?;
        let mut store = Self { folder, held: 0, unsettled: HashSet::new() };
        store.held = store.all()?.iter().map(|(_, size)| size).sum();
        Ok(store)
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Keeps all that is in a file; it is on the disk after [`Self::settle`]. Gives its digest and length.
    ///
    /// # Errors
    /// [`Error::Full`] when the disk is; nothing was changed then.
    pub(crate) fn keep(&mut self, file: &mut File) -> Result<(String, u64)> {
        let (sha256, size) = digest::of_reader(&mut *file)?;
        if !self.has(&sha256, size) {
            file.rewind()?;
            self.put(&sha256, file)?;
        }
        // Also what was there: whoever put it may not have waited for the disk.
        self.unsettled.insert(self.place(&sha256));
        Ok((sha256, size))
    }

    /// Sees to it that all that was kept is on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn settle(&mut self) -> Result<()> {
        // Should it fail, the change is not made, and the next one keeps anew what it needs.
        let places = std::mem::take(&mut self.unsettled);
        if places.len() > MANY {
            return Ok(private::sync_file_system(&self.folder)?);
        }
        for place in places {
            File::open(&place)?.sync_all()?;
            private::sync_folder(place.parent().expect("every place is on a shelf"))?;
        }
        Ok(())
    }

    /// Keeps bytes; they are on the disk after [`Self::settle`].
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub(crate) fn keep_bytes(&mut self, sha256: &str, bytes: &[u8]) -> Result<()> {
        if !self.has(sha256, bytes.len() as u64) {
            self.put(sha256, &mut &*bytes)?;
        }
        self.unsettled.insert(self.place(sha256));
        Ok(())
    }

    /// Keeps bytes that are only shown later, not brought back: they need not be on the disk at once.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub(crate) fn keep_to_show(&mut self, sha256: &str, bytes: &[u8]) -> Result<()> {
        if self.place(sha256).exists() {
            return Ok(());
        }
        self.put(sha256, &mut &*bytes)
    }

    /// Opens what was kept.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is no longer there.
    pub(crate) fn read(&self, sha256: &str) -> Result<File> {
        File::open(self.place(sha256)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::Conflict("The old content is no longer kept: it was dropped for age or size".into())
            }
            _ => error.into(),
        })
    }

    /// All bytes of what was kept, up to `most`; `None` when there are more or it is not there.
    pub(crate) fn bytes(&self, sha256: &str, most: u64) -> Option<Vec<u8>> {
        let file = self.read(sha256).ok()?;
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= most && digest::of(&bytes) == sha256).then_some(bytes)
    }

    /// Drops all that is not in `wanted`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn drop_all_but(&mut self, wanted: &HashSet<&str>) -> io::Result<()> {
        for (path, size) in self.all()? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !wanted.contains(name) && std::fs::remove_file(&path).is_ok() {
                self.unsettled.remove(&path);
                self.held = self.held.saturating_sub(size);
            }
        }
        Ok(())
    }

    /// Whether it is there whole.
    fn has(&self, sha256: &str, size: u64) -> bool {
        std::fs::metadata(self.place(sha256)).is_ok_and(|data| data.len() == size)
    }

    fn put(&mut self, sha256: &str, content: &mut dyn Read) -> Result<()> {
        let place = self.place(sha256);
        private::create_folder(place.parent().expect("every place is on a shelf"))?;
        let new = self.folder.join("new");
        let mut options = OpenOptions::new();
        private::only_owner(options.create(true).truncate(true).write(true));
        let mut file = options.open(&new)?;
        let size = io::copy(content, &mut file)?;
        std::fs::rename(&new, &place)?;
        self.held += size;
        Ok(())
    }

    /// Shelves by the first two digits: no directory grows large.
    fn place(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256.get(..2).unwrap_or("00")).join(sha256)
    }

    fn all(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut all = Vec::new();
        for shelf in std::fs::read_dir(&self.folder)?.flatten() {
            let shelf: &Path = &shelf.path();
            for entry in std::fs::read_dir(shelf).into_iter().flatten().flatten() {
                all.push((entry.path(), entry.metadata()?.len()));
            }
        }
        Ok(all)
    }
}
