//! What is known of a word after expansion, and of what flows through a pipe.

/// Where a text that cannot be known comes from: it decides whether a shell may run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Origin {
    /// A variable that nothing here sets: most likely empty.
    Unset,
    /// A number: a count, a state, the value of arithmetic.
    Number,
    /// A program's output, a file, the environment.
    Local,
    /// Made from a text that was disguised (base64, hex, `tr`, `rev`).
    Decoded,
    /// From the network.
    Fetched,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Text(String),
    /// Text whose `*`, `?` and `[` are active.
    Glob(String),
    /// Any path below what stands before it.
    Below,
    Unknown(Origin),
}

/// One argument of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Field(pub Vec<Part>);

impl Field {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    pub(crate) fn unknown(origin: Origin) -> Self {
        Self(vec![Part::Unknown(origin)])
    }

    /// All of them in one, with `separator` between.
    pub(crate) fn joined(fields: &[Self], separator: &str) -> Self {
        let mut whole = Self::default();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                whole.push(Part::Text(separator.into()));
            }
            whole.extend(field);
        }
        whole
    }

    /// The whole text, if it is known; an active glob as it is written.
    pub(crate) fn known(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(piece) | Part::Glob(piece) => text.push_str(piece),
                Part::Below | Part::Unknown(_) => return None,
            }
        }
        Some(text)
    }

    /// The known text, with nothing in the place of what is unknown.
    pub(crate) fn visible(&self) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(piece) | Part::Glob(piece) => piece.as_str(),
                Part::Below | Part::Unknown(_) => "",
            })
            .collect()
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.known().is_some_and(|known| known == text)
    }

    /// The worst origin among the unknown parts.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.0
            .iter()
            .filter_map(|part| match part {
                Part::Unknown(origin) => Some(*origin),
                Part::Below => Some(Origin::Local),
                Part::Text(_) | Part::Glob(_) => None,
            })
            .max()
    }

    pub(crate) fn has_glob(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Glob(_)))
    }

    pub(crate) fn push(&mut self, part: Part) {
        match (self.0.last_mut(), part) {
            // An empty text would hide what the argument begins with.
            (_, Part::Text(text) | Part::Glob(text)) if text.is_empty() => {}
            (Some(Part::Text(last)), Part::Text(text)) => last.push_str(&text),
            (Some(Part::Glob(last)), Part::Glob(text)) => last.push_str(&text),
            (_, part) => self.0.push(part),
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        for part in &other.0 {
            self.push(part.clone());
        }
    }

    /// The rest behind a known prefix, as `of=` of dd.
    pub(crate) fn after(&self, prefix: &str) -> Option<Self> {
        let mut wanted = prefix;
        let mut rest = Self::default();
        for part in &self.0 {
            let (Part::Text(text) | Part::Glob(text)) = part else {
                if !wanted.is_empty() {
                    return None;
                }
                rest.push(part.clone());
                continue;
            };
            let shared = wanted.len().min(text.len());
            if text.as_bytes()[..shared] != wanted.as_bytes()[..shared] {
                return None;
            }
            wanted = &wanted[shared..];
            let left = text[shared..].to_owned();
            if !left.is_empty() {
                rest.push(match part {
                    Part::Glob(_) => Part::Glob(left),
                    _ => Part::Text(left),
                });
            }
        }
        wanted.is_empty().then_some(rest)
    }

    /// Splits at the first `separator` that stands in known text.
    pub(crate) fn split_once(&self, separator: char) -> Option<(String, Self)> {
        let (Part::Text(first) | Part::Glob(first)) = self.0.first()? else {
            return None;
        };
        let at = first.find(separator)?;
        let head = &first[..at + separator.len_utf8()];
        let rest = self.after(head)?;
        Some((first[..at].to_owned(), rest))
    }

    /// Cuts the known text at white space (and at `extra`), as an unquoted expansion or `xargs` does.
    pub(crate) fn words(&self, extra: &str) -> Vec<Self> {
        let mut words = Vec::new();
        let mut current = Self::default();
        for part in &self.0 {
            let (text, glob) = match part {
                Part::Text(text) => (text, false),
                Part::Glob(text) => (text, true),
                other => {
                    current.push(other.clone());
                    continue;
                }
            };
            for (index, piece) in text.split(|c: char| c.is_ascii_whitespace() || extra.contains(c)).enumerate() {
                if index > 0 && !current.0.is_empty() {
                    words.push(std::mem::take(&mut current));
                }
                if !piece.is_empty() {
                    current.push(active(piece, glob));
                }
            }
        }
        if !current.0.is_empty() {
            words.push(current);
        }
        words
    }

    /// Cuts the known text into lines.
    pub(crate) fn lines(&self) -> Vec<Self> {
        self.cut("\n")
    }

    /// Cuts the known text at any of the `separators`.
    pub(crate) fn cut(&self, separators: &str) -> Vec<Self> {
        let mut items = vec![Self::default()];
        for part in &self.0 {
            let Part::Text(text) = part else {
                items.last_mut().expect("it begins with one").push(part.clone());
                continue;
            };
            for (index, item) in text.split(|c| separators.contains(c)).enumerate() {
                if index > 0 {
                    items.push(Self::default());
                }
                items.last_mut().expect("it begins with one").push(Part::Text(item.to_owned()));
            }
        }
        items.retain(|item| !item.0.is_empty());
        items
    }

    /// Makes the globs of literal text active: what an unquoted expansion does.
    pub(crate) fn activated(&self) -> Self {
        let mut field = Self::default();
        for part in &self.0 {
            field.push(match part {
                Part::Text(text) => active(text, true),
                other => other.clone(),
            });
        }
        field
    }
}

/// Unquoted text: a pattern if it holds one.
pub(super) fn active(text: &str, may_glob: bool) -> Part {
    if may_glob && text.contains(['*', '?', '[']) { Part::Glob(text.to_owned()) } else { Part::Text(text.to_owned()) }
}

/// What a command writes to its standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Data {
    #[default]
    Nothing,
    /// A text, known in whole or in part.
    Text(Field),
    /// A list of names, one a line.
    Names(Vec<Field>),
    Opaque(Origin),
}

impl Data {
    pub(crate) fn local() -> Self {
        Self::Opaque(Origin::Local)
    }

    pub(crate) fn origin(&self) -> Option<Origin> {
        match self {
            Self::Nothing => None,
            Self::Text(field) => field.origin(),
            Self::Names(names) => names.iter().filter_map(Field::origin).max(),
            Self::Opaque(origin) => Some(*origin),
        }
    }

    /// The text as one field.
    pub(crate) fn field(&self) -> Field {
        match self {
            Self::Nothing => Field::default(),
            Self::Text(field) => field.clone(),
            Self::Names(names) => Field::joined(names, "\n"),
            Self::Opaque(origin) => Field::unknown(*origin),
        }
    }

    fn into_field(self) -> Field {
        match self {
            Self::Text(field) => field,
            other => other.field(),
        }
    }

    /// The items a reader by words or lines takes from it.
    pub(crate) fn items(&self) -> Vec<Field> {
        match self {
            Self::Names(names) => names.clone(),
            other => other.field().words(""),
        }
    }

    /// This output followed by another.
    pub(crate) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Nothing, data) | (data, Self::Nothing) => data,
            (first, second) => {
                let mut field = first.into_field();
                field.push(Part::Text("\n".into()));
                for part in second.into_field().0 {
                    field.push(part);
                }
                Self::Text(field)
            }
        }
    }

    /// The same text after a transformation that can change every letter.
    pub(crate) fn disguised(&self) -> Self {
        Self::Opaque(match self.origin() {
            Some(Origin::Fetched) => Origin::Fetched,
            // A file, a program's output or a list of names is as it was; a literal was turned into something else.
            _ if matches!(self, Self::Opaque(Origin::Local | Origin::Number) | Self::Names(_)) => Origin::Local,
            _ => Origin::Decoded,
        })
    }
}
