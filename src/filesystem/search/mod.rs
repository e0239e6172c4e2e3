//! Searches files by name and by content, with ripgrep's own machinery for lines, patterns and ignore files.

mod budget;
mod hits;
mod lines;
mod tree;

use super::{
    Files,
    ignored::Ignored,
    page::{Cursor, shown},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::about::Place,
    patterns::{GlobStyle, Globs, Query},
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Intent, Named, not_a_file},
    },
};
use budget::Budget;
use grep_regex::RegexMatcher;
use hits::{Hit, Hits};
use lines::{LongLines, Searcher, Skipped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;
use unicode_normalization::UnicodeNormalization;

/// Search files by name and content.
///
/// Like grep and find: lines that hold `query` in files whose name fits the glob `name`; one of the two is enough. Skips
/// binary files and what .gitignore names.
///
/// Matches come in path order.
#[derive(Deserialize, JsonSchema)]
pub struct SearchFiles {
    /// The directory to search. Or one file.
    path: String,
    /// What a line must hold. Without it, files are found by `name` alone.
    query: Option<String>,
    /// A glob for the name (`*.rs`) or path (`src/**/*.rs`). Where it has a slash, it is for the path below the
    /// directory.
    name: Option<String>,
    /// Whether `query` is a regular expression. Rust's syntax: no look-around, never slow.
    #[serde(default)]
    regex: bool,
    /// Whether upper and lower case differ.
    #[serde(default)]
    case_sensitive: bool,
    /// Lines to return around each match.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    context: usize,
    /// The most matches to return. 1 to 10,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Names that start with a dot, too. A `name` that starts so finds them anyway.
    #[serde(default)]
    include_hidden: bool,
    /// Leave out what .gitignore names.
    #[serde(default = "yes")]
    respect_gitignore: bool,
    /// `next_cursor` of the page before. Default: the first page.
    cursor: Option<String>,
}

fn default_limit() -> usize {
    200
}

fn yes() -> bool {
    true
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub struct SearchOutput {
    /// The path as sent.
    path: String,
    /// How many matches are returned.
    count: usize,
    /// Whether there are more: than `limit`, or than fit into an answer of about 4 MiB.
    truncated: bool,
    /// The matches, by path and line.
    items: Vec<Match>,
    /// Where there are more: send this as `cursor` for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many files were not searched because a line of them, with the lines around it that `context` asks for, has
    /// more than 32 MiB, or more than may be held now: search them with less `context`.
    #[serde(skip_serializing_if = "is_zero")]
    skipped: usize,
    /// The first 100 of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped_paths: Vec<String>,
}

/// A line that holds the query, or a file whose name fits.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SearchMatch")]
pub(crate) struct Match {
    /// The file: the path as sent, joined with the names below it.
    path: String,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Where in the line the first match starts, in characters, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    /// The line without its end; one longer than 4,000 characters is cut around the match.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Arc<str>>,
    /// The lines before it, as many as `context` asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Vec<Arc<str>>>,
    /// The lines after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Vec<Arc<str>>>,
}

impl Capability for SearchFiles {
    const NAME: &'static str = "filesystem_search";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": ".", "query": "TODO", "name": "*.md"}"#;
    type Service = Files;
    type Output = SearchOutput;

    fn aside(_: &SearchOutput) -> &'static [&'static str] {
        &["path", "items.column"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        Subjects { is_of_trees: true, ..files.about(needs, [Place::read(&self.path)]) }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<SearchOutput> {
        let holding = context.holding.clone();
        files
            .look(context, move |files, cancelled| self.search(files, Budget::new(holding, cancelled), cancelled))
            .await
    }
}

/// What is looked for, compiled.
struct Pattern {
    matcher: Option<RegexMatcher>,
    name: Option<Name>,
    context: usize,
    include_hidden: bool,
}

/// A glob on the last name, or on the path below the start.
struct Name {
    glob: Globs,
    whole_path: bool,
}

impl Name {
    fn fits(&self, path: &Path) -> bool {
        let name = if self.whole_path { Some(path.as_os_str()) } else { path.file_name() };
        name.is_some_and(|name| match name.to_str().filter(|text| !text.is_ascii()) {
            Some(text) => self.glob.is_match(text.nfc().collect::<String>()),
            None => self.glob.is_match(name),
        })
    }
}

/// Whether a glob itself names something hidden: `.env*`, `.github/**`, `{.a,b}`.
fn names_hidden(glob: &str) -> bool {
    let parts = glob.trim_start_matches("./").split(['/', '{', ',']);
    parts.into_iter().any(|part| part.starts_with('.') || part.starts_with("[.]") || part.starts_with("\\."))
}

impl SearchFiles {
    fn search(self, files: &Files, room: Budget, cancelled: &CancellationToken) -> Result<SearchOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Read)?;
        let pattern = self.compile()?;
        let after = Cursor::parse(self.cursor.as_deref())?;
        let (hits, long_lines) = (Hits::new(self.limit, after.as_ref()), LongLines::default());
        let found = *path.existing()?;
        if found.is_folder() {
            let folder = path.open_folder()?;
            let rules = self.respect_gitignore.then(|| Ignored::above(&files.workspace, folder.real()));
            tree::search(&folder, rules, &pattern, &hits, &long_lines, &room, cancelled)?;
        } else if found.is_file() {
            search_one(&path, &pattern, &hits, &long_lines, &room, cancelled)?;
        } else {
            return Err(not_a_file());
        }
        super::go_on(cancelled)?;
        room.finish()?;
        Ok(self.answer(hits, long_lines.finish()))
    }

    fn compile(&self) -> Result<Pattern> {
        let query = self.query.as_deref().filter(|query| !query.is_empty());
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        if query.is_none() && name.is_none() {
            return Err(Error::invalid("query", "Give a query to find lines, a name (glob) to find files, or both"));
        }
        Ok(Pattern {
            matcher: query.map(|query| self.matcher(query)).transpose()?,
            name: name.map(|name| self.glob(name)).transpose()?,
            context: self.context,
            include_hidden: self.include_hidden || name.is_some_and(names_hidden),
        })
    }

    fn matcher(&self, query: &str) -> Result<RegexMatcher> {
        let case_sensitive = self.case_sensitive;
        Query { field: "query", text: query, is_expression: self.regex, case_sensitive }.for_files()
    }

    fn glob(&self, name: &str) -> Result<Name> {
        let style = GlobStyle { stops_at_slash: true, case_sensitive: self.case_sensitive };
        // Names are compared as single characters, whichever form they have on the disk.
        let composed: String = name.trim_start_matches("./").nfc().collect();
        let glob = Globs::new("name", [composed.as_str()], style)?;
        Ok(Name { glob, whole_path: name.contains('/') })
    }

    fn answer(self, hits: Hits, skipped: Skipped) -> SearchOutput {
        let (hits, truncated) = hits.finish();
        let next_cursor = hits.last().filter(|_| truncated).map(|hit| Cursor::text(&hit.path, hit.line));
        let items: Vec<Match> = hits.into_iter().map(|hit| hit.into_match(&self.path, self.context)).collect();
        SearchOutput {
            skipped: skipped.count,
            skipped_paths: skipped.paths.iter().map(|path| shown(&self.path, path)).collect(),
            path: self.path,
            count: items.len(),
            truncated,
            items,
            next_cursor,
        }
    }
}

impl Hit {
    fn into_match(self, sent: &str, context: usize) -> Match {
        let path = shown(sent, &self.path);
        match self.content {
            None => Match { path, line: None, column: None, text: None, before: None, after: None },
            Some(content) => Match {
                path,
                line: Some(self.line),
                column: Some(content.column),
                text: Some(content.text),
                before: (context > 0).then_some(content.before),
                after: (context > 0).then_some(content.after),
            },
        }
    }
}

/// Searches a file that was named itself, whatever it is called.
fn search_one(
    path: &SafePath,
    pattern: &Pattern,
    hits: &Hits,
    long_lines: &LongLines,
    room: &Budget,
    cancelled: &CancellationToken,
) -> Result<()> {
    if pattern.name.as_ref().is_some_and(|name| !name.fits(Path::new(path.name()))) {
        return Ok(());
    }
    match &pattern.matcher {
        None => hits.add(Hit::file(Path::new("")), room),
        Some(matcher) => {
            let (file, found) = path.open()?;
            let context = pattern.context;
            let mut searcher = Searcher::new(matcher, context, hits, long_lines, room, cancelled);
            searcher.search(&file, found.size, Path::new(""));
        }
    }
    Ok(())
}
