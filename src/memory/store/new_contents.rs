//! Which entries have a content that nobody has looked at since it came, for one who works through them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

/// The ids of such entries: no more than there are entries, however long nobody takes them. Nothing is kept before
/// [`Self::start`].
#[derive(Default)]
pub(crate) struct NewContents {
    ids: Mutex<Option<BTreeSet<Arc<str>>>>,
    came: Notify,
}

impl NewContents {
    /// Keeps these, and what comes from now on.
    pub(crate) fn start(&self, ids: BTreeSet<Arc<str>>) {
        *self.ids() = Some(ids);
        self.came.notify_one();
    }

    /// The content of an entry came, or came back from who could do nothing with it.
    pub(crate) fn note(&self, id: &Arc<str>) {
        if let Some(ids) = &mut *self.ids() {
            ids.insert(Arc::clone(id));
            self.came.notify_one();
        }
    }

    /// An entry is gone.
    pub(crate) fn forget(&self, id: &str) {
        if let Some(ids) = &mut *self.ids() {
            ids.remove(id);
        }
    }

    /// All entries are gone.
    pub(crate) fn clear(&self) {
        if let Some(ids) = &mut *self.ids() {
            ids.clear();
        }
    }

    /// Takes so many at most.
    pub(crate) fn take(&self, most: usize) -> Vec<Arc<str>> {
        let mut ids = self.ids();
        let from = ids.iter_mut().flat_map(|ids| std::iter::from_fn(|| ids.pop_first()));
        from.take(most).collect()
    }

    /// Waits until there may be some.
    pub(crate) async fn wait(&self) {
        self.came.notified().await;
    }

    fn ids(&self) -> MutexGuard<'_, Option<BTreeSet<Arc<str>>>> {
        self.ids.lock().expect("no one panics while holding it")
    }
}
