//! Where settings come from: the environment, which wins, and the lines of `.env`.

use super::{
    file::{self, Line},
    names,
    value::SettingValue,
};
use anyhow::{Result, anyhow, bail, ensure};
use std::{borrow::Cow, collections::HashMap, env::VarError, fmt::Display, ops::RangeInclusive, path::Path};

/// Texts of settings by name.
pub(crate) struct Source {
    file: HashMap<String, Line>,
    reads_environment: bool,
}

/// A setting's text, and where it stands.
struct Found {
    text: String,
    place: String,
    is_quoted: bool,
    has_quoted_parts: bool,
}

impl Found {
    /// The text as its kind is to read it: a single path keeps the quotes around it, and with them its blanks. Quotes
    /// around several are those of the line.
    fn quoted<T: SettingValue>(&self) -> Cow<'_, str> {
        let is_list = self.text.contains(',') || self.text.trim().starts_with(file::is_quote);
        if !T::KEEPS_QUOTES || !self.is_quoted || is_list {
            return self.text.trim().into();
        }
        let quote = if self.text.contains('"') { '\'' } else { '"' };
        format!("{quote}{}{quote}", self.text).into()
    }
}

impl Source {
    /// The lines of `.env`, which is at `path`, and the environment.
    ///
    /// # Errors
    /// When a line has a name that must be meant for another.
    pub(super) fn of_lines(path: &Path, lines: Vec<Line>) -> Result<Self> {
        let mut file = HashMap::new();
        for line in lines {
            let judged = names::judge(&line.name);
            judged.map_err(|problem| anyhow!("{}, line {}: {problem}", path.display(), line.number))?;
            file.insert(line.name.clone(), line);
        }
        Ok(Self { file, reads_environment: true })
    }

    /// These alone.
    ///
    /// # Errors
    /// When a name must be meant for another.
    pub(crate) fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut file = HashMap::new();
        for ((name, value), number) in pairs.into_iter().zip(1..) {
            names::judge(name).map_err(|problem| anyhow!(problem))?;
            let (name, value) = (name.to_owned(), value.to_owned());
            file.insert(name.clone(), Line { number, name, value, is_quoted: false, has_quoted_parts: false });
        }
        Ok(Self { file, reads_environment: false })
    }

    /// The value of a setting. An empty text counts as not set.
    ///
    /// # Errors
    /// When the text is not what the setting takes.
    pub(crate) fn get<T: SettingValue>(&self, name: &str, default: &str) -> Result<T> {
        self.value(name, default, T::parse)
    }

    /// Whether a setting has a value of its own.
    ///
    /// # Errors
    /// When it is no text.
    pub(crate) fn sets(&self, name: &str) -> Result<bool> {
        Ok(self.find(name)?.is_some())
    }

    /// The value of a number, which must lie in a range.
    ///
    /// # Errors
    /// When the text is no number, or the number lies outside.
    pub(crate) fn get_within<T>(&self, name: &str, default: &str, range: &RangeInclusive<T>) -> Result<T>
    where
        T: SettingValue + PartialOrd + Display,
    {
        self.value(name, default, |text| {
            let number = T::parse(text).ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
        })
    }

    fn value<T: SettingValue>(
        &self,
        name: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T> {
        let Some(found) = self.find(name)? else {
            let value = parse(default).map_err(|expected| anyhow!("the default of {name} is not {expected}"))?;
            return Ok(value.by_default());
        };
        let text = found.text.trim();
        // A key in an address is a secret too.
        let shown = if T::IS_SECRET || text.contains('@') { "[hidden]".to_owned() } else { format!("{text:?}") };
        let place = &found.place;
        if let Some(hidden) = text.chars().find(|c| c.is_control() || is_invisible(*c)) {
            bail!(
                "{place}: {name} has the invisible character U+{:04X} in its value {shown}: remove it",
                u32::from(hidden)
            );
        }
        ensure!(
            T::HAS_QUOTED_PARTS || !found.has_quoted_parts,
            "{place}: {name} is {shown}, which goes on after its closing quote: put the whole value in quotes"
        );
        parse(&found.quoted::<T>()).map_err(|expected| anyhow!("{place}: {name} is {shown}, but must be {expected}"))
    }

    fn find(&self, name: &str) -> Result<Option<Found>> {
        let is_set = |text: &String| !text.trim().is_empty();
        let in_environment = match self.reads_environment.then(|| std::env::var(name)) {
            Some(Ok(text)) => Some(text).filter(is_set),
            Some(Err(VarError::NotUnicode(_))) => bail!("the environment: {name} is no UTF-8 text"),
            _ => None,
        };
        if let Some(text) = in_environment {
            return Ok(Some(Found {
                text,
                place: "the environment".to_owned(),
                is_quoted: false,
                has_quoted_parts: false,
            }));
        }
        let line = self.file.get(name).filter(|line| is_set(&line.value));
        Ok(line.map(|line| Found {
            text: line.value.clone(),
            place: format!(".env, line {}", line.number),
            is_quoted: line.is_quoted,
            has_quoted_parts: line.has_quoted_parts,
        }))
    }
}

/// Characters that show as nothing: a name or a path with one is not what it looks like.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}
