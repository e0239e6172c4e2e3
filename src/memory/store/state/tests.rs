//! What the state keeps through changes.

use super::*;
use proptest::prelude::*;

fn entry(id: usize, content: &str) -> Arc<Entry> {
    Arc::new(Entry {
        id: format!("e{id}").into(),
        content: content.into(),
        tags: [].into(),
        metadata: "{}".into(),
        timestamp: "2026-01-01T00:00:00.000000".into(),
        source: "test".into(),
        expires_at: None,
        extra: None,
    })
}

fn state(count: usize) -> State {
    State::new(&Arc::default(), (0..count).map(|id| entry(id, &format!("content {}", id % 7))))
}

/// The first entry that says the same, found by looking at each.
fn first_same(state: &State, content: &str) -> Option<Arc<str>> {
    state.entries().find(|entry| &*entry.content == content).map(|entry| Arc::clone(&entry.id))
}

fn check(state: &mut State) {
    for content in (0..9).map(|number| format!("content {number}")) {
        let found = state.same_as(same_hash(&content, &[])).map(|entry| Arc::clone(&entry.id));
        assert_eq!(found, first_same(state, &content), "{content}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each change is an id and what becomes of its entry: another content, or nothing.
    #[test]
    fn what_says_the_same_is_known_through_every_change(
        changes in prop::collection::vec((0..60_usize, prop::option::of(0..9_u8)), 1..120),
    ) {
        let mut state = state(40);
        check(&mut state);
        for (id, content) in changes {
            state.apply(&match content {
                Some(number) => Change::Update(entry(id, &format!("content {number}"))),
                None => Change::Delete(vec![format!("e{id}").into()]),
            });
            prop_assert!(state.same.is_some(), "it is not made anew");
            check(&mut state);
        }
        let mut compacted = state.compacted();
        prop_assert!(compacted.same.is_some(), "it is not made anew");
        check(&mut compacted);
    }
}
