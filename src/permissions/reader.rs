//! Reads values out of a TOML document, and notes what is not as it should be, with its place.

use super::{
    list::List,
    mistakes::Mistake,
    rule::{PRESETS, Rule, Said, Source},
};
use crate::near::nearest;
use std::ops::Range;
use toml_edit::{Item, TableLike};

/// How much of a value a rule shows, in characters.
const MAX_SHOWN: usize = 80;

/// Reads one file.
pub(crate) struct Reader<'a> {
    text: &'a str,
    source: Source,
    /// Where each line starts.
    starts: Vec<usize>,
    pub mistakes: Vec<Mistake>,
}

/// A value of the document, with the way to it.
#[derive(Clone)]
pub(crate) struct Value<'a> {
    /// The keys to it below the profile, joined by dots.
    path: String,
    item: Node<'a>,
    span: Option<Range<usize>>,
}

/// What a value is in the library's types, where elements of a list differ from fields of a table.
#[derive(Clone, Copy)]
enum Node<'a> {
    Field(&'a Item),
    Table(&'a dyn TableLike),
}

impl<'a> Value<'a> {
    /// The last key of the way to it.
    pub(crate) fn key(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    fn table(&self) -> Option<&'a dyn TableLike> {
        match self.item {
            Node::Field(item) => item.as_table_like(),
            Node::Table(table) => Some(table),
        }
    }

    fn value(&self) -> Option<&'a toml_edit::Value> {
        match self.item {
            Node::Field(item) => item.as_value(),
            Node::Table(_) => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self.item {
            Node::Field(item) => kind(item.type_name()),
            Node::Table(_) => "a table",
        }
    }
}

/// The kinds of values in a person's words.
fn kind(name: &str) -> &'static str {
    match name {
        "string" => "a text",
        "integer" | "float" => "a number",
        "boolean" => "true or false",
        "array" | "array of tables" => "a list",
        "datetime" => "a date",
        _ => "a table",
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, source: Source) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, source, starts, mistakes: Vec::new() }
    }

    /// The tables of profiles, each with its name.
    pub(crate) fn profiles<'d>(&mut self, root: &'d dyn TableLike) -> Vec<Value<'d>> {
        let whole = Value { path: String::new(), item: Node::Table(root), span: Some(0..0) };
        let profiles = self.fields(&whole, &["profile"]);
        let is_wrong = |value: &&Value<'d>| value.table().is_none();
        if let Some(value) = profiles.iter().find(is_wrong) {
            self.wrong_kind(value, "a table for each profile: [profile.reviewer]");
        }
        let mut found = Vec::new();
        for (key, item) in profiles.iter().filter_map(Value::table).flat_map(TableLike::iter) {
            let table = profiles.iter().filter_map(Value::table).find_map(|table| table.get_key_value(key));
            let span = table.and_then(|(key, _)| key.span()).or_else(|| item.span());
            found.push(Value { path: key.to_owned(), item: Node::Field(item), span });
        }
        found
    }

    /// Reads that of a preset from now on, where the file is the bridge's own.
    pub(crate) fn within(&mut self, profile: &Value<'_>) {
        let preset = PRESETS.iter().find(|name| **name == profile.path).filter(|_| self.source != Source::Own);
        self.source = preset.map_or(self.source, |name| Source::Preset(name));
    }

    /// The name of a profile, and its table below which keys are named.
    pub(crate) fn named<'d>(&mut self, profile: &Value<'d>) -> Option<(Said<String>, Value<'d>)> {
        let name = Said { value: profile.path.clone(), rule: self.rule(profile) };
        if profile.table().is_none() {
            self.wrong_kind(profile, "a table: [profile.reviewer]");
            return None;
        }
        Some((name, Value { path: String::new(), ..profile.clone() }))
    }

    /// The fields of a table, each of which must be one of `known`.
    pub(crate) fn fields<'d>(&mut self, value: &Value<'d>, known: &[&str]) -> Vec<Value<'d>> {
        let Some(table) = value.table() else {
            self.wrong_kind(value, &format!("a table with {}", listed(known)));
            return Vec::new();
        };
        let mut fields = Vec::new();
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
            let path = if value.path.is_empty() { name.to_owned() } else { format!("{}.{name}", value.path) };
            let field = Value { path, item: Node::Field(item), span };
            if known.contains(&name) {
                fields.push(field);
            } else {
                let near = nearest(name, known.iter().copied());
                let instead = match near.first() {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there may be {}", listed(known)),
                };
                self.mistake(&field, format!("`{}` is not known here: {instead}", field.path));
            }
        }
        fields
    }

    /// The tables of a list, however it is written.
    pub(crate) fn tables<'d>(&mut self, value: &Value<'d>, example: &str) -> Vec<Value<'d>> {
        let Node::Field(item) = value.item else { return Vec::new() };
        let mut found = Vec::new();
        if let Some(tables) = item.as_array_of_tables() {
            let tables = tables.iter();
            found.extend(tables.map(|table| (Some(table as &dyn TableLike), table.span())));
        } else if let Some(list) = item.as_array() {
            let elements = list.iter();
            found.extend(elements.map(|it| (it.as_inline_table().map(|table| table as &dyn TableLike), it.span())));
        } else {
            self.wrong_kind(value, &format!("a list of tables: {example}"));
        }
        let mut tables = Vec::new();
        for (table, span) in found {
            let one = |item| Value { path: value.path.clone(), item, span: span.clone() };
            match table {
                Some(table) => tables.push(one(Node::Table(table))),
                None => self.mistake(&one(value.item), format!("each of it must be a table: {example}")),
            }
        }
        tables
    }

    pub(crate) fn text(&mut self, value: &Value<'_>, example: &str) -> Option<Said<String>> {
        let text = value.value().and_then(toml_edit::Value::as_str);
        if text.is_none() {
            self.wrong_kind(value, &format!("a text: {example}"));
        }
        Some(Said { value: text?.to_owned(), rule: self.rule(value) })
    }

    pub(crate) fn list(&mut self, value: &Value<'_>, example: &str) -> Option<List> {
        let Some(list) = value.value().and_then(toml_edit::Value::as_array) else {
            self.wrong_kind(value, &format!("a list of texts: {example}"));
            return None;
        };
        let mut entries = Vec::new();
        for element in list {
            let rule = self.rule_at(element.span(), &value.path);
            match element.as_str() {
                Some("") => {
                    let what = format!("`{}` has an empty text: remove it", value.path);
                    self.mistakes.push(Mistake::at(&rule, what));
                }
                Some(text) => {
                    let rule = Rule { text: format!("{}: {}", value.path, shown(text)), ..rule };
                    entries.push(Said { value: text.to_owned(), rule });
                }
                None => {
                    let what = format!("`{}` has {} among its texts: {example}", value.path, kind(element.type_name()));
                    self.mistakes.push(Mistake::at(&rule, what));
                }
            }
        }
        Some(List { entries, rule: self.rule(value) })
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&mut self, value: &Value<'_>, words: &[(&str, T)]) -> Option<Said<T>> {
        let text = value.value().and_then(toml_edit::Value::as_str);
        let found = words.iter().find(|(word, _)| Some(*word) == text);
        if found.is_none() {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.wrong_kind(value, &words.join(" or "));
        }
        Some(Said { value: found?.1, rule: self.rule(value) })
    }

    pub(crate) fn number(&mut self, value: &Value<'_>, example: &str) -> Option<u64> {
        let number = value.value().and_then(toml_edit::Value::as_integer).and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            self.wrong_kind(value, &format!("a whole number: {example}"));
        }
        number
    }

    pub(crate) fn truth(&mut self, value: &Value<'_>, example: &str) -> bool {
        let truth = value.value().and_then(toml_edit::Value::as_bool);
        if truth != Some(true) {
            self.mistake(value, format!("`{}` can only be true: {example}, or leave it out", value.path));
        }
        truth.unwrap_or_default()
    }

    /// The rule that a value is.
    pub(crate) fn rule(&self, value: &Value<'_>) -> Rule {
        let whole = match value.item {
            Node::Field(item) => item.as_value().map(toml_edit::Value::span),
            Node::Table(_) => Some(value.span.clone()),
        };
        let written = whole.flatten().and_then(|span| self.text.get(span)).unwrap_or_default();
        let text = if written.is_empty() { value.path.clone() } else { format!("{} = {}", value.path, shown(written)) };
        Rule { text, ..self.rule_at(value.span.clone(), &value.path) }
    }

    fn rule_at(&self, span: Option<Range<usize>>, path: &str) -> Rule {
        let (line, column) = self.position(span.map_or(0, |span| span.start));
        Rule { source: self.source, line, column, text: path.to_owned() }
    }

    /// Line and column of a byte.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    pub(crate) fn mistake(&mut self, value: &Value<'_>, what: impl Into<String>) {
        let (line, column) = self.position(value.span.clone().map_or(0, |span| span.start));
        self.mistakes.push(Mistake { line, column, what: what.into() });
    }

    fn wrong_kind(&mut self, value: &Value<'_>, expected: &str) {
        let found = match value.value().and_then(toml_edit::Value::as_str) {
            Some(text) => format!("\"{}\"", shown(text)),
            None => value.kind().to_owned(),
        };
        self.mistake(value, format!("`{}` is {found}, but must be {expected}", value.path));
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text in one line, cut where it is long.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
