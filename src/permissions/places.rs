//! Places of the disk that rules name.

use super::{
    base::Base,
    mistakes::Mistake,
    rule::{Rule, Said},
};
use crate::{
    policy::paths::{Asked, PatternSet, without_links},
    settings::{SettingPath, SettingValue},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// What stands for the folders of `MCP_ALLOWED_DIRS`, or where there are none for the server's own.
const WORKSPACE: &str = "@workspace";

/// Places and patterns, each with its rule.
#[derive(Debug, Default)]
pub(crate) struct Places {
    rules: Vec<Rule>,
    by_path: HashMap<PathBuf, Vec<usize>>,
    /// The folders in which patterns begin.
    bases: Vec<(PathBuf, usize)>,
    patterns: Option<(PatternSet, Vec<usize>)>,
}

/// The texts of a list as settings have them, with `~` and `@workspace` written out.
pub(crate) fn written_out(entries: &[Said<String>], base: &Base<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Said<String>> {
    let mut texts = Vec::new();
    for entry in entries {
        if entry.value == WORKSPACE {
            let roots = base.settings.allowed_dirs.to_vec();
            let roots = if roots.is_empty() { vec![".".to_owned()] } else { roots };
            texts.extend(roots.into_iter().map(|value| Said { value, rule: entry.rule.clone() }));
            continue;
        }
        match SettingPath::parse(&entry.value) {
            Ok(path) => texts.push(Said { value: path.to_string(), rule: entry.rule.clone() }),
            Err(expected) => mistakes.push(Mistake::at(&entry.rule, format!("it must be {expected}"))),
        }
    }
    texts
}

impl Places {
    /// The places of texts that are written out. Relative ones begin in `directory` and in each of the `roots`.
    pub(crate) fn of(texts: &[Said<String>], directory: &Path, roots: &[PathBuf], mistakes: &mut Vec<Mistake>) -> Self {
        let (mut places, mut patterns, mut owners) = (Self::default(), Vec::new(), Vec::new());
        let mut known = HashMap::new();
        for text in texts {
            let asked = match Asked::of_text(&text.value, directory, roots) {
                Ok(asked) => asked,
                Err(problem) => {
                    mistakes
                        .push(Mistake::at(&text.rule, format!("{:?} cannot be understood: {problem:#}", text.value)));
                    continue;
                }
            };
            let rule = places.rules.len();
            places.rules.push(text.rule.clone());
            for place in asked.places {
                let real = without_links(&place, &mut known);
                for path in [real, place] {
                    let rules = places.by_path.entry(path).or_default();
                    if rules.last() != Some(&rule) {
                        rules.push(rule);
                    }
                }
            }
            places.bases.extend(asked.patterns.iter().map(|pattern| (without_links(pattern.base(), &mut known), rule)));
            owners.extend(asked.patterns.iter().map(|_| rule));
            patterns.extend(asked.patterns);
        }
        if !patterns.is_empty() {
            places.patterns = Some((PatternSet::new(patterns), owners));
        }
        places
    }

    /// The first rule that a place, absolute and without dots and links, lies under.
    pub(crate) fn holding(&self, real: &Path) -> Option<&Rule> {
        self.all_holding(real).first().map(|rule| &self.rules[*rule])
    }

    /// All of them, by their order in the list.
    pub(crate) fn all_holding(&self, real: &Path) -> Vec<usize> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<usize> =
            real.ancestors().filter_map(|above| self.by_path.get(above)).flatten().copied().collect();
        if let Some((patterns, owners)) = &self.patterns {
            found.extend(patterns.covering(real).map(|pattern| owners[pattern]));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The rules that name something that may lie in a folder, absolute and without dots and links.
    pub(crate) fn all_within(&self, folder: &Path) -> Vec<usize> {
        let paths = self.by_path.iter().filter(|(path, _)| path.starts_with(folder)).flat_map(|(_, rules)| rules);
        let meets = |base: &Path| base.starts_with(folder) || folder.starts_with(base);
        let bases = self.bases.iter().filter(|(base, _)| meets(base)).map(|(_, rule)| rule);
        paths.chain(bases).copied().collect()
    }

    /// The paths that it names, each with its rule.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&Path, &Rule)> {
        let rule = |rules: &[usize]| &self.rules[rules[0]];
        self.by_path.iter().map(move |(path, rules)| (path.as_path(), rule(rules)))
    }
}
