//! Finds what answers a question.

use super::{
    Memory,
    embeddings::Asked,
    filter::{Filter, filtered},
    store::State,
    view::MemoryEntry,
};
use crate::{
    arguments::clean_beginning,
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    memory::about,
    permissions::{Needs, Subjects},
};
use memory_ranking::{Parts, Ranked};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

filtered! {
    /// Recall what the memory knows about a question.
    ///
    /// Ask in plain words, English or French: by meaning, best first. For an exact text, memory_query.
    ///
    /// Related words, other forms, typos and what was said just before are found too.
    #[derive(Deserialize, JsonSchema)]
    pub struct RecallMemory {
        /// The question. Or words that matter.
        query: String,
        ..Filter,
        /// How many at most.
        #[serde(default = "default_limit")]
        limit: usize,
        /// `next_cursor` of an earlier answer, to read on. Default: begin with the best.
        #[serde(default)]
        cursor: usize,
        /// Only entries with at least this score. 1 is about what an entry gets that says each word of the question once.
        #[serde(default)]
        min_score: f64,
        /// Say what each score is made of.
        #[serde(default)]
        explain: bool,
    }
}

fn default_limit() -> usize {
    10
}

/// What was recalled.
#[derive(Serialize, JsonSchema)]
pub struct RecallResults {
    /// The question.
    query: String,
    /// How many entries are in `items`.
    count: usize,
    /// The entries, best first; equal ones newest first.
    items: Vec<Recalled>,
    /// Whether there are more.
    truncated: bool,
    /// Where there are more: send this as `cursor` for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<usize>,
    /// Why the meaning could not be looked at beyond the words, though a server for embeddings is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// An entry with how well it answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Recalled {
    #[serde(flatten)]
    entry: MemoryEntry,
    /// How well it answers; 1 is about what an entry gets that says each word of the question once.
    score: f64,
    /// What the score is made of, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explained>,
}

/// The parts of a score; they add up to it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained {
    /// Words in common, and related ones, by their English stems.
    english: f64,
    /// The same by their French stems.
    french: f64,
    /// Word parts of four characters in common.
    letters: f64,
    /// Words in common that stand side by side.
    phrases: f64,
    /// From what was said just before and after, under a common tag and source.
    neighbours: f64,
    /// For being said by somebody whom the question names.
    speaker: f64,
    /// For a like meaning, where a server for embeddings is set.
    meaning: f64,
}

impl Capability for RecallMemory {
    const NAME: &'static str = "memory_recall";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"query": "What does Alice like to drink?", "limit": 5}"#;
    type Service = Memory;
    type Output = RecallResults;

    fn aside(_: &RecallResults) -> &'static [&'static str] {
        &["query", "items.score"]
    }

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::found_by(self.tags.as_ref(), self.all_tags.as_ref())
    }

    async fn run(mut self, memory: &Memory, context: &Context) -> Result<RecallResults> {
        let tags = self.tags.clone();
        let filter = self.filter()?.read_by(&memory.readers);
        let page = Page { limit: self.limit, cursor: self.cursor, min_score: self.min_score, explain: self.explain };
        let question = self.query.clone();
        let (asked, warning) = match &memory.meaning {
            Some(meaning) if !question.trim().is_empty() => match meaning.ask(&question).await {
                Ok(asked) => (Some(asked), None),
                Err(why) => (None, Some(why)),
            },
            _ => (None, None),
        };
        let look = move |state: &State| recall(state, &question, &filter, asked.as_ref(), &page);
        memory.store.wait_until_ranked().await?;
        let (items, truncated) = memory.store.read(look).await?;
        let shown = clean_beginning(&self.query, 100, &[]);
        context.record_as(json!({"query": shown, "tags": tags, "results_count": items.len()}));
        let next_cursor = truncated.then(|| self.cursor.saturating_add(items.len()));
        Ok(RecallResults { query: self.query, count: items.len(), items, truncated, next_cursor, warning })
    }
}

/// Which of the ranked entries are wanted, and how.
struct Page {
    limit: usize,
    cursor: usize,
    min_score: f64,
    explain: bool,
}

/// The entries of a page, and whether there are more.
fn recall(state: &State, question: &str, filter: &Filter, asked: Option<&Asked>, page: &Page) -> (Vec<Recalled>, bool) {
    let among = filter.positions(state);
    let wanted = page.cursor.saturating_add(page.limit);
    let meaning = asked.map(|asked| asked.similarity(&state.keys(&among)));
    let ranking = state.ranking().expect("a ranking that is there stays");
    let ranked = ranking.rank(question, &among, meaning.as_deref(), wanted.saturating_add(1));
    let good: Vec<&Ranked> = ranked.iter().filter(|ranked| f64::from(ranked.score) >= page.min_score).collect();
    let shown = good.iter().skip(page.cursor).take(page.limit);
    let shown =
        shown.filter_map(|ranked| Some(recalled(state.at(ranked.position)?.as_ref().into(), ranked, page.explain)));
    (shown.collect(), good.len() > wanted)
}

fn recalled(entry: MemoryEntry, ranked: &Ranked, explain: bool) -> Recalled {
    let explain = explain.then(|| Explained::from(ranked.parts));
    Recalled { entry, score: rounded(ranked.score), explain }
}

impl From<Parts> for Explained {
    fn from(parts: Parts) -> Self {
        Self {
            english: rounded(parts.english),
            french: rounded(parts.french),
            letters: rounded(parts.letters),
            phrases: rounded(parts.phrases),
            neighbours: rounded(parts.neighbours),
            speaker: rounded(parts.speaker),
            meaning: rounded(parts.meaning),
        }
    }
}

/// To six digits: what is behind them is chance.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e6).round() / 1e6
}
