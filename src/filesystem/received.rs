//! What other parts of the bridge bring in: saved to a file or read as a document, under the same rules as everything else.

use super::{
    Files,
    about::Place,
    document::{Document, Kind},
    undo::{ChangeAuthor, Changed, is_taken},
    write::{may_be_written, only_where_nothing_is, replaced},
};
use crate::{
    capability::Context,
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use std::io::{Seek, Write};

impl Files {
    /// What a call is about that puts a new file at a path.
    pub(crate) fn about_new(&self, needs: Needs, path: &str) -> Subjects {
        self.about(needs, [Place::write(path)])
    }

    /// Where a new file would be saved.
    ///
    /// # Errors
    /// When the caller or the policy may not write there, or something is there already.
    pub fn place_for_new(&self, context: &Context, path: &str) -> Result<SafePath> {
        context.caller.may_call()?;
        let place = self.workspace.resolve(path, Named::File, Intent::Write)?;
        may_be_written(&place, false)?;
        if place.found().is_some() { Err(taken()) } else { Ok(place) }
    }

    /// Saves bytes to a new file, for the capability `action`; gives their SHA-256 and the change.
    ///
    /// # Errors
    /// As [`Self::place_for_new`], and what the disk refuses.
    pub async fn save_new(
        &self,
        context: &Context,
        action: &'static str,
        path: &str,
        bytes: Vec<u8>,
    ) -> Result<(String, Changed)> {
        let who = ChangeAuthor::of(context, action, None);
        let place = self.place_for_new(context, path)?;
        self.change(move |files| {
            let edit = only_where_nothing_is(replaced(files, &place, bytes));
            let sha256 = edit.after.sha256().to_owned();
            match files.undo.commit(&who, vec![edit], None) {
                Err(error) if is_taken(&error) => Err(taken()),
                done => Ok((sha256, done?)),
            }
        })
        .await
    }

    /// The text of a document, whose kind its first bytes or one of its names tell.
    ///
    /// # Errors
    /// [`Error::Unusable`] for what is no document or has no text to give.
    pub async fn text_of_document(&self, context: &Context, names: [&str; 2], bytes: Vec<u8>) -> Result<String> {
        let kinds = names.map(|name| Kind::of(name, &bytes));
        let kind = match kinds {
            [Ok(kind), _] | [_, Ok(kind)] => kind,
            [Err(error), _] => return Err(error),
        };
        let holding = context.holding.clone();
        self.look(context, move |files, cancelled| {
            let size = bytes.len() as u64;
            let mut file = tempfile::tempfile()?;
            file.write_all(&bytes)?;
            drop(bytes);
            file.rewind()?;
            files.documents.text(Document { kind, file, size }, files.max_read, &holding, cancelled)
        })
        .await
    }
}

fn taken() -> Error {
    Error::Conflict("The file is there already: choose another name".into())
}
