//! Finds, among many rules, the few that can fit something: each stands under the rarest of the features that whatever
//! fits it must have.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Rules by one of their features.
#[derive(Clone, Debug)]
pub(crate) struct Index<F> {
    by_feature: HashMap<F, Vec<usize>>,
    /// Those that need none.
    others: Vec<usize>,
}

impl<F: Hash + Eq> Index<F> {
    /// For each rule the features that it needs. Without any it is always tried.
    pub(crate) fn new(needs: Vec<Vec<F>>) -> Self {
        let mut how_many: HashMap<&F, usize> = HashMap::new();
        needs.iter().flatten().for_each(|feature| *how_many.entry(feature).or_default() += 1);
        let rarest = |features: &Vec<F>| {
            let counts = features.iter().enumerate().map(|(at, feature)| (how_many[feature], at));
            counts.min().map(|(_, at)| at)
        };
        let rarest: Vec<Option<usize>> = needs.iter().map(rarest).collect();
        let mut index = Self { by_feature: HashMap::new(), others: Vec::new() };
        for (rule, (mut features, rarest)) in needs.into_iter().zip(rarest).enumerate() {
            match rarest {
                Some(at) => index.by_feature.entry(features.swap_remove(at)).or_default().push(rule),
                None => index.others.push(rule),
            }
        }
        index
    }

    /// The rules that can fit what has these features, each once, in their order.
    pub(crate) fn candidates<'a, Q>(&self, features: impl IntoIterator<Item = &'a Q>) -> Vec<usize>
    where
        F: Borrow<Q>,
        Q: Hash + Eq + ?Sized + 'a,
    {
        let mut found = self.others.clone();
        if !self.by_feature.is_empty() {
            found.extend(features.into_iter().filter_map(|feature| self.by_feature.get(feature)).flatten());
            found.sort_unstable();
            found.dedup();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn a_rule_is_tried_where_its_rarest_feature_is_there_and_one_without_always() {
        let needs = [&["git", "push"][..], &["git", "pull"], &["git"], &[], &["rm", "git"]];
        let index = Index::new(needs.map(<[&str]>::to_vec).to_vec());
        assert_eq!(index.candidates(["git", "push", "push"]), [0, 2, 3]);
        assert_eq!(index.candidates(["rm"]), [3, 4]);
        assert_eq!(index.candidates(["ls"]), [3]);
    }
}
