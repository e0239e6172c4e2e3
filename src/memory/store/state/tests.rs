//! What the state keeps through changes.

use super::*;
use crate::memory::store::same_hash;
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

/// The ids of entries whose content is new.
fn new(state: &State) -> Vec<String> {
    state.new_contents().take(usize::MAX).iter().map(ToString::to_string).collect()
}

#[test]
fn who_follows_the_contents_sees_what_a_change_brought_and_nothing_else() {
    let mut state = state(40);
    state.apply(&Change::Update(entry(3, "before anybody follows")));
    assert_eq!(new(&state), [""; 0]);
    let unknown = key("content 5");
    state.follow_contents(|key| key != unknown);
    assert_eq!(new(&state), ["e12", "e19", "e26", "e33", "e5"], "what has no vector at a start");
    state.apply(&Change::Update(entry(4, "another content")));
    state.apply(&Change::Add(vec![entry(40, "new"), entry(41, "newer")]));
    state.apply(&Change::Delete(vec!["e41".into(), "e7".into()]));
    let mut state = state.compacted();
    assert_eq!(new(&state), ["e4", "e40"], "also where everything was laid out anew");
    state.apply(&Change::Update(entry(4, "once more")));
    state.apply(&Change::Clear);
    assert_eq!(new(&state), [""; 0]);
    state.apply(&Change::Add(vec![entry(1, "after all was cleared")]));
    assert_eq!(new(&state), ["e1"]);
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
