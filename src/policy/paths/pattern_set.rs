//! Many patterns at once: a path is held against the few that can fit it.

use super::{feature::Feature, patterns::Pattern};
use crate::rule_index::Index;
use std::path::Path;

/// Patterns, and by what they can fit.
#[derive(Clone, Debug)]
pub(crate) struct PatternSet {
    patterns: Vec<Pattern>,
    index: Index<Feature>,
    /// How long the starts and ends are.
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl PatternSet {
    /// These.
    pub(crate) fn new(patterns: Vec<Pattern>) -> Self {
        let needs: Vec<Vec<Feature>> = patterns.iter().map(Pattern::features).collect();
        let lengths = |length: fn(&Feature) -> Option<usize>| {
            let mut lengths: Vec<usize> = needs.iter().flatten().filter_map(length).collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        };
        let starts = lengths(|it| if let Feature::Begins(start) = it { Some(start.len()) } else { None });
        let ends = lengths(|it| if let Feature::Ends(end) = it { Some(end.len()) } else { None });
        Self { patterns, index: Index::new(needs), starts, ends }
    }

    /// All of them.
    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether one of them covers a place, absolute and without dots and links.
    pub(crate) fn covers(&self, real: &Path) -> bool {
        self.covering(real).next().is_some()
    }

    /// Which of them cover a place, in their order.
    pub(crate) fn covering(&self, real: &Path) -> impl Iterator<Item = usize> {
        let candidates =
            if self.patterns.is_empty() { Vec::new() } else { self.index.candidates(&self.features(real)) };
        candidates.into_iter().filter(|at| self.patterns[*at].covers(real))
    }

    fn features(&self, real: &Path) -> Vec<Feature> {
        let mut features = Vec::new();
        for component in real.components() {
            let name = Pattern::folded(component.as_os_str());
            features.push(Feature::Is(name.as_ref().into()));
            features.extend(self.starts.iter().filter_map(|length| Some(Feature::Begins(name.get(..*length)?.into()))));
            let from = |length: &usize| name.len().checked_sub(*length);
            features.extend(self.ends.iter().filter_map(|length| Some(Feature::Ends(name[from(length)?..].into()))));
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_covers_what_one_of_its_patterns_covers() {
        let texts = ["/a/*.pem", "/a/**/k?y", "/a/**", "/b/[x-z]1*", "/*/secret", "/c/x*y", "/c/*", "/d/*/e/**/f*"];
        let patterns: Vec<Pattern> =
            texts.iter().map(|text| Pattern::parse(Path::new(text)).unwrap().unwrap()).collect();
        let set = PatternSet::new(patterns.clone());
        let names =
            ["/a/b.pem", "/a/c/key/d", "/b/x1", "/b/w1", "/q/secret/x", "/c/xéy", "/c", "/d/x/e/y/z/far", "/d/e/f"];
        for name in names.map(Path::new) {
            let one_by_one: Vec<usize> = (0..patterns.len()).filter(|at| patterns[*at].covers(name)).collect();
            assert_eq!(set.covering(name).collect::<Vec<_>>(), one_by_one, "{}", name.display());
        }
        assert!(
            set.covers(Path::new("/a/x"))
                && !set.covers(Path::new("/e"))
                && !PatternSet::new(vec![]).covers(Path::new("/"))
        );
    }
}
