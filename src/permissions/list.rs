//! Lists of a profile, and how one inherits from another.

use super::{
    mistakes::Mistake,
    rule::{Rule, Said},
};

/// What stands for the inherited list in one that opens.
pub(crate) const INHERITED: &str = "...";

/// A list, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub entries: Vec<Said<String>>,
    pub rule: Rule,
}

impl List {
    /// A list that opens: it stands in the place of what is inherited, in which `"..."` means that.
    pub(crate) fn opened(own: Option<Self>, inherited: Option<&Self>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let Some(own) = own else { return inherited.cloned() };
        let mut entries = Vec::new();
        for entry in own.entries {
            match inherited {
                _ if entry.value != INHERITED => entries.push(entry),
                Some(inherited) => entries.extend(inherited.entries.iter().cloned()),
                None => mistakes.push(Mistake::at(
                    &entry.rule,
                    "`...` stands for what is inherited, and nothing is listed there: leave the whole key out to have all of it, \
                     or write what you mean",
                )),
            }
        }
        Some(Self { entries, rule: own.rule })
    }

    /// A list that closes: it is added to what is inherited.
    pub(crate) fn closed(own: Option<Self>, inherited: Option<&Self>, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let Some(mut own) = own else { return inherited.cloned() };
        own.entries.retain(|entry| {
            let is_needless = entry.value == INHERITED;
            if is_needless {
                let what = "a list that denies or asks is always added to the inherited one: take `...` out";
                mistakes.push(Mistake::at(&entry.rule, what));
            }
            !is_needless
        });
        own.entries.splice(0..0, inherited.into_iter().flat_map(|list| list.entries.iter().cloned()));
        Some(own)
    }

    /// Its entries; none where there is no list.
    pub(crate) fn entries(list: Option<&Self>) -> &[Said<String>] {
        list.map(|list| list.entries.as_slice()).unwrap_or_default()
    }
}
