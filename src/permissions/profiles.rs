//! All profiles: the presets, and the person's own.

use super::{
    base::Base,
    draft::Draft,
    inherit::{Drafts, Family},
    mistakes::{Mistake, Mistakes},
    profile::Profile,
    reader::Reader,
    rule::{PRESETS, Source},
    syntax::explained,
};
use std::{collections::BTreeMap, sync::Arc};
use toml_edit::Document;

/// How long a file may be, in bytes. 10,000 rules take a tenth of it.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How long a profile's name may be.
const MAX_NAME: usize = 64;

/// The profiles by their names.
#[derive(Clone, Debug)]
pub struct Profiles(BTreeMap<String, Arc<Profile>>);

impl Profiles {
    /// Reads the person's file, on top of the presets.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(text: &str, base: &Base<'_>) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut drafts = Drafts::new();
        drafts_of(include_str!("presets.toml"), Source::Preset(PRESETS[0]), &mut drafts, &mut mistakes);
        match text.len() {
            ..=MAX_BYTES => drafts_of(text, Source::Own, &mut drafts, &mut mistakes),
            _ => mistakes.push(Mistake {
                line: 1,
                column: 1,
                what: format!("the file is longer than {MAX_BYTES} bytes"),
            }),
        }
        let mut family = Family::new(&drafts);
        let mut profiles = BTreeMap::new();
        for name in drafts.keys() {
            let whole = family.whole(name);
            let profile = Profile::of(name, &whole, base, &mut mistakes);
            profiles.insert(name.clone(), Arc::new(profile));
        }
        mistakes.extend(family.mistakes);
        Mistakes::of(mistakes).map(|()| Self(profiles))
    }

    /// The profile of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.get(name)
    }

    /// All of them, by their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.values()
    }
}

/// Reads what the profiles of a file say themselves.
fn drafts_of(text: &str, source: Source, drafts: &mut Drafts, mistakes: &mut Vec<Mistake>) {
    let mut reader = Reader::new(text, source);
    match Document::parse(text) {
        Ok(document) => {
            for table in reader.profiles(document.as_table()) {
                reader.within(&table);
                if let Some((name, table)) = reader.named(&table) {
                    let draft = Draft::read(&table, &mut reader);
                    match check(&name.value, &draft, source) {
                        Ok(()) => drop(drafts.insert(name.value.clone(), (name, draft))),
                        Err(what) => reader.mistakes.push(Mistake::at(&name.rule, what)),
                    }
                }
            }
        }
        Err(error) => {
            let (line, column) = reader.position(error.span().map_or(0, |span| span.start));
            let what = explained(error.message(), text.lines().nth(line - 1).unwrap_or_default());
            reader.mistakes.push(Mistake { line, column, what });
        }
    }
    mistakes.append(&mut reader.mistakes);
}

fn check(name: &str, draft: &Draft, source: Source) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        return Err(format!(
            "a profile's name has letters, digits, - and _, at most {MAX_NAME}: call {name:?} otherwise"
        ));
    }
    if source != Source::Own {
        return Ok(());
    }
    if PRESETS.contains(&name) {
        return Err(format!("`{name}` is a preset: give yours another name, and let it inherit from that"));
    }
    match draft.inherits {
        Some(_) => Ok(()),
        None => Err(format!(
            "`{name}` does not say what it begins from: add inherits = \"careful\", or another preset ({})",
            PRESETS.join(", ")
        )),
    }
}
