//! Long memory: entries that survive, found again by the meaning of their words.

mod about;
mod add;
mod add_many;
mod clear;
mod delete;
mod embeddings;
mod entry;
mod export;
mod filter;
mod get;
mod history;
mod import;
mod list;
mod query;
mod readers;
mod recall;
mod restore;
mod store;
mod tags;
mod update;
mod view;

pub use add::AddEntry;
pub use add_many::AddEntries;
pub use clear::ClearMemory;
pub use delete::DeleteEntries;
pub use export::ExportEntries;
pub use get::GetEntry;
pub use history::ReadHistory;
pub use import::ImportEntries;
pub use list::ListEntries;
pub use query::QueryMemory;
pub use recall::RecallMemory;
pub use restore::RestoreEntries;
pub use tags::ListTags;
pub use update::UpdateEntry;

use crate::settings::Settings;
use embeddings::Embeddings;
use readers::{Readers, TagCheck};
use std::{path::Path, sync::Arc};
use store::{Capacity, Retention, Store};

/// The memory of the bridge.
pub struct Memory {
    store: Arc<Store>,
    meaning: Option<Arc<Embeddings>>,
    readers: Readers,
}

impl Memory {
    /// Opens the memory in `folder`, or makes a new one there.
    ///
    /// # Errors
    /// When its files cannot be read or made.
    pub fn open(settings: &Settings, folder: &Path) -> anyhow::Result<Self> {
        let max_bytes = settings.undo_max_mib.saturating_mul(1024 * 1024);
        let retention = Retention { max_bytes, max_days: settings.undo_max_days };
        let store = Arc::new(Store::open(folder, Capacity::of_mib(settings.memory_max_mib), retention)?);
        let meaning = Embeddings::open(settings, folder, &store)?.map(Arc::new);
        Ok(Self { store, meaning, readers: Readers::default() })
    }

    /// The same for those who read entries with these tags alone.
    pub(crate) fn within(&self, is_readable: Arc<TagCheck>) -> Self {
        Self { readers: Readers::of(is_readable), store: self.store.clone(), meaning: self.meaning.clone() }
    }

    /// Finishes what was asked and writes the files.
    pub async fn close(&self) {
        if let Some(meaning) = &self.meaning {
            meaning.close();
        }
        let store = Arc::clone(&self.store);
        // A panic in there has said so itself.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

/// So many entries, in words.
fn so_many(count: usize) -> String {
    match count {
        1 => "1 memory entry".to_owned(),
        count => format!("{count} memory entries"),
    }
}
