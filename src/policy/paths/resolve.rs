//! From the text that a caller sent to a [`SafePath`].

use super::{Intent, Kind, Named, SafePath, Workspace, text, walk, without_links};
use crate::error::{Error, Result};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

impl Workspace {
    /// Checks a path as a caller sent it and follows it to where it leads. What is not there yet can be resolved too.
    ///
    /// # Errors
    /// [`Error::Refused`] outside the roots or in a denied place, whether or not something is there.
    pub fn resolve(self: &Arc<Self>, sent: &str, named: Named, intent: Intent) -> Result<SafePath> {
        self.find(sent, named, intent, true)
    }

    /// The same, but a link at the end is meant itself. With a slash behind it the text could mean the link or what it
    /// leads to, and what takes a link itself may remove it: that is refused.
    ///
    /// # Errors
    /// As [`Self::resolve`]; [`Error::Unusable`] for a link with a slash behind it.
    pub fn resolve_link(self: &Arc<Self>, sent: &str, named: Named, intent: Intent) -> Result<SafePath> {
        self.find(sent, named, intent, false)
    }

    /// Where a path leads that a caller sent, as far as that is there; a link at its end is meant itself unless it `follows`.
    /// Nothing is allowed by that. None for a text that is refused whatever is there.
    pub(crate) fn leads_to(&self, sent: &str, follows: bool) -> Option<PathBuf> {
        if text::is_unsafe(sent) || sent.is_empty() {
            return None;
        }
        let path = text::absolute(self.start(), sent);
        let mut known = HashMap::new();
        match (path.parent(), path.file_name()) {
            (Some(holder), Some(name)) if !follows => Some(without_links(holder, &mut known).join(name)),
            _ => Some(without_links(&path, &mut known)),
        }
    }

    fn find(self: &Arc<Self>, sent: &str, named: Named, intent: Intent, follow: bool) -> Result<SafePath> {
        self.find_plain(sent, named, intent, follow).map_err(|error| match error {
            // What the system refuses says so itself.
            Error::Refused(said) if said == named.refusal() => {
                named.refused().with_hint(|| Some(self.why_refused(sent, intent)))
            }
            Error::NotFound(_) if !sent.is_empty() => {
                error.with_hint(|| Some(self.where_looked(&text::absolute(self.start(), sent))))
            }
            error => error,
        })
    }

    fn find_plain(self: &Arc<Self>, sent: &str, named: Named, intent: Intent, follow: bool) -> Result<SafePath> {
        if text::is_unsafe(sent) {
            return Err(named.refused());
        }
        if sent.is_empty() {
            return Err(match intent {
                Intent::Read => named.not_found(),
                Intent::Write => Error::Unusable("The path is empty: name a file or a directory".into()),
            });
        }
        let means_folder = text::means_folder(sent);
        let manner = walk::Manner { follow, exact: false };
        let path = text::absolute(self.start(), sent);
        text::check_size(&path)?;
        let found = self.find_absolute(&path, named, intent, manner, means_folder)?;
        if intent == Intent::Write && found.found().is_none() {
            text::check_depth(found.real())?;
        }
        Ok(found)
    }

    /// Checks again a path that was resolved before, in another process perhaps. Links on the way are refused.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_real(self: &Arc<Self>, real: &Path, intent: Intent) -> Result<SafePath> {
        let manner = walk::Manner { follow: false, exact: true };
        let found = self.find_absolute(real, Named::File, intent, manner, false)?;
        if found.real() == real { Ok(found) } else { Err(Named::File.refused()) }
    }

    fn find_absolute(
        self: &Arc<Self>,
        path: &Path,
        named: Named,
        intent: Intent,
        manner: walk::Manner,
        means_folder: bool,
    ) -> Result<SafePath> {
        let walked = walk::walk(self, path, intent, manner);
        let place = walked.map_err(|stop| stop.explain(named, intent))?;
        match place.found.filter(|found| means_folder && !found.is_folder()) {
            Some(found) if found.kind == Kind::Link => return Err(ambiguous_link()),
            Some(_) => return Err(walk::Stop::no_folder().explain(named, intent)),
            None => {}
        }
        if place.found.is_some_and(|found| self.is_own_file(&found)) {
            return Err(named.refused());
        }
        Ok(SafePath::new(self.clone(), place, named, means_folder))
    }
}

fn ambiguous_link() -> Error {
    Error::Unusable(
        "The path ends in a slash and names a link: take the slash off to mean the link itself, or name what it leads to"
            .into(),
    )
}
