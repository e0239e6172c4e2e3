//! The files that a profile may read and change.

use super::{
    base::Base,
    decide::{Decision, Effect},
    draft::FilesDraft,
    list::List,
    mistakes::Mistake,
    places::{Places, written_out},
    rule::{Rule, Said, Source},
};
use crate::policy::paths::{Intent, without_links};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Lists of places. None: as the settings have it.
#[derive(Debug)]
pub(crate) struct Files {
    read: Option<Folders>,
    write: Option<Folders>,
    deny: Folders,
}

/// A list of places, and how it is written in settings.
#[derive(Debug)]
pub(crate) struct Folders {
    places: Places,
    texts: Vec<String>,
    rule: Option<Rule>,
}

impl Folders {
    fn of(list: &List, base: &Base<'_>, roots: &[PathBuf], mistakes: &mut Vec<Mistake>) -> Self {
        let texts = written_out(&list.entries, base, mistakes);
        let places = Places::of(&texts, base.directory, roots, mistakes);
        Self { places, texts: values(texts), rule: Some(list.rule.clone()) }
    }

    /// As settings write it.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }
}

fn values(texts: Vec<Said<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

impl Files {
    pub(crate) fn of(draft: &FilesDraft, base: &Base<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let read = draft.read.as_ref().map(|list| {
            for entry in list.entries.iter().filter(|entry| entry.value.contains(['*', '?', '['])) {
                let what = "what may be read is named by folders: name one, and list under `deny` what of it may not";
                mistakes.push(Mistake::at(&entry.rule, what));
            }
            Folders::of(list, base, &[], mistakes)
        });
        let roots = match &read {
            Some(read) => &read.texts,
            None => &*base.settings.allowed_dirs,
        };
        let mut known = HashMap::new();
        let roots: Vec<PathBuf> =
            roots.iter().map(|root| without_links(&base.directory.join(root), &mut known)).collect();
        let write = draft.write.as_ref().map(|list| Folders::of(list, base, &roots, mistakes));
        let deny = match &draft.deny {
            Some(list) => Folders::of(list, base, &roots, mistakes),
            None => Folders { places: Places::default(), texts: Vec::new(), rule: None },
        };
        let files = Self { read, write, deny };
        files.check(&roots, mistakes);
        files
    }

    /// What denies itself is a mistake, and so is what may be changed and not read.
    fn check(&self, roots: &[PathBuf], mistakes: &mut Vec<Mistake>) {
        for list in [&self.read, &self.write].into_iter().flatten() {
            for (path, rule) in list.places.paths() {
                if let Some(denial) = self.deny.places.holding(path) {
                    let shown = path.display();
                    let what =
                        format!("{shown} is denied by line {} ({}): take one of them out", denial.line, denial.text);
                    mistakes.push(Mistake::at(rule, what));
                }
            }
        }
        let mut known = HashMap::new();
        for (path, rule) in self.write.iter().flat_map(|write| write.places.paths()) {
            // A root may be named by a link, as the place in it is.
            let real = without_links(path, &mut known);
            let meets = |root: &PathBuf| real.starts_with(root) || root.starts_with(&real);
            if !roots.is_empty() && !roots.iter().any(meets) && !path.to_string_lossy().contains(['*', '?', '[']) {
                mistakes.push(match (rule.source, self.read.as_ref().and_then(|read| read.rule.as_ref())) {
                    // Of a preset the person sees nothing: the line that reads something else is theirs.
                    (Source::Preset(name), Some(own)) => {
                        let what = format!(
                            "the preset {name} changes {}, which is not read: say what is changed, as in files.write = \
                             [\"~/notes\"], or add that to files.read",
                            path.display()
                        );
                        Mistake::at(own, what)
                    }
                    _ => {
                        let shown = path.display();
                        Mistake::at(
                            rule,
                            format!("{shown} may be changed and not read: add it to files.read, or take it out"),
                        )
                    }
                });
            }
        }
    }

    /// What is to be read; none: as the settings say.
    pub(crate) fn read(&self) -> Option<&Folders> {
        self.read.as_ref()
    }

    /// What is to be changed; none: as the settings say.
    pub(crate) fn write(&self) -> Option<&Folders> {
        self.write.as_ref()
    }

    /// What is denied beside what the settings deny.
    pub(crate) fn deny(&self) -> &Folders {
        &self.deny
    }

    /// What the lists say of a place, absolute and without dots and links.
    pub(crate) fn decide(&self, real: &Path, intent: Intent) -> Decision<'_> {
        let shown = || real.display();
        if let Some(rule) = self.deny.places.holding(real) {
            return Decision::denied(Some(rule), format!("{} is denied to this profile", shown()));
        }
        let mut decision = Decision::allowed(None);
        for (list, may) in [(&self.read, "read"), (&self.write, "change")] {
            let Some(list) = list.as_ref().filter(|_| may == "read" || intent == Intent::Write) else { continue };
            match list.places.holding(real) {
                Some(rule) => decision = Decision { rule: Some(rule), ..decision },
                None => {
                    let why = format!("This profile may not {may} {}: it may {may} {}", shown(), list.in_words());
                    return Decision { effect: Effect::Deny, rule: list.rule.as_ref(), why };
                }
            }
        }
        decision
    }
}

impl Folders {
    fn in_words(&self) -> String {
        match self.texts.len() {
            0 => "nothing".to_owned(),
            1..=5 => self.texts.join(", "),
            all => format!("{} and {} more", self.texts[..5].join(", "), all - 5),
        }
    }
}
