//! What the settings say of paths, as places and patterns.

use super::{
    Pattern,
    denials::without_links,
    patterns::{check_signs, without_parents},
    places::{canonical, entries},
};
use crate::settings::PathList;
use anyhow::{Context, anyhow, ensure};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use unicode_normalization::UnicodeNormalization;

/// What a setting such as `MCP_DENIED_PATHS` names.
pub(crate) struct Asked {
    /// Places by path.
    pub places: Vec<PathBuf>,
    /// Places by pattern.
    pub patterns: Vec<Pattern>,
}

impl Asked {
    /// What the texts of the setting `name` mean, whose patterns must not have too much to look through.
    ///
    /// # Errors
    /// When one cannot be understood.
    pub(crate) fn of(name: &str, texts: &[String], directory: &Path, roots: &[PathBuf]) -> anyhow::Result<Self> {
        let mut all = Self { places: Vec::new(), patterns: Vec::new() };
        for text in texts {
            let problem = || format!("{name} names {text:?}, which cannot be understood");
            let one = Self::of_text(text, directory, roots).with_context(problem)?;
            for pattern in &one.patterns {
                pattern.found(roots, &mut entries).with_context(problem)?;
            }
            all.places.extend(one.places);
            all.patterns.extend(one.patterns);
        }
        Ok(all)
    }

    /// What one text means. A relative path is meant from wherever a caller's may start: the server's directory and each
    /// root. A pattern is also a name, since files can have such names.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub(crate) fn of_text(text: &str, directory: &Path, roots: &[PathBuf]) -> anyhow::Result<Self> {
        let (mut places, mut patterns) = (Vec::new(), Vec::new());
        let is_relative = Path::new(text).is_relative();
        check_signs(text)?;
        let first = text.split(std::path::is_separator).next().unwrap_or_default();
        let anywhere = if first == "**" { "" } else { "**/" };
        ensure!(
            !is_relative || !first.contains(['*', '?', '[']),
            "begin a pattern with a folder, as in /srv/{anywhere}{text}"
        );
        for start in std::iter::once(directory).chain(roots.iter().map(PathBuf::as_path).filter(|_| is_relative)) {
            let place = without_parents(&start.join(text), canonical)?;
            if let Some(pattern) = Pattern::parse(&place)? {
                let real = pattern.with_base(without_links(pattern.base(), &mut HashMap::new()));
                let others = other_forms(&place).filter_map(|place| Pattern::parse(&place).ok().flatten());
                patterns.extend(others.chain([pattern, real]).collect::<Vec<_>>());
            }
            places.push(place.clone());
            places.extend(other_forms(&place));
        }
        Ok(Self { places, patterns })
    }
}

/// The same names with their accents written the other ways: composed, and as signs of their own (Unicode, annex 15).
fn other_forms(place: &Path) -> impl Iterator<Item = PathBuf> {
    let text = place.to_str().unwrap_or_default().to_owned();
    let forms = [text.nfc().collect::<String>(), text.nfd().collect()];
    forms.into_iter().filter(move |form| *form != text).map(PathBuf::from)
}

/// Whether commas of a setting separate paths; a relative one may begin in each of the folders.
///
/// # Errors
/// When one may belong to a name.
#[expect(clippy::disallowed_methods, reason = "paths of the settings, at start, before any caller")]
pub(crate) fn check_commas(name: &str, paths: &PathList, folders: &[PathBuf]) -> anyhow::Result<()> {
    let is_there = |text: &str| folders.iter().any(|folder| std::fs::symlink_metadata(folder.join(text)).is_ok());
    paths.check_commas(is_there).map_err(|problem| anyhow!("{name} cannot be understood: it has {problem}"))
}
