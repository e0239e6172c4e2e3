//! The arguments of a call, decoded once, straight from the bytes that came, with every problem named at once.

mod bounds;
mod lenient;
mod outline;
mod preview;
mod resolve;
mod safeguards;
mod secrets;
mod shape;
mod synonyms;

pub use outline::{decoded_size, places_of};
pub(crate) use preview::{SEE_ALL, Whole, whole};
pub use preview::{details, not_kept, preview};
pub use resolve::Ignored;
pub use secrets::{MASK, clean, clean_beginning};

use crate::{
    blocking::blocking,
    error::{Error, Result},
    problem::{Origin, Problem},
};
use bytes::Bytes;
use lenient::{Failure, LenientDeserializer};
use outline::{Fields, Outline};
use resolve::{Reading, Resolved, Unknown, resolve};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use shape::Shape;
use std::{borrow::Cow, ops::Range};

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// How many problems one answer names at most; a caller with more fixes these first.
const MAX_PROBLEMS: usize = 50;

/// How many bytes are looked through at most to find them: of a body of more than 5 MiB fewer problems are named.
const MAX_LOOKED_THROUGH: usize = 256 * 1024 * 1024;

/// Longer texts, in bytes, are looked at on a thread of their own.
const LARGE: usize = 128 * 1024;

/// The fields of a request, not yet decoded: which bytes hold which value.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    text: Bytes,
    outline: Outline,
    origin: Origin,
    reading: Reading,
}

impl Arguments {
    /// Reads the outline of a JSON object.
    ///
    /// # Errors
    /// [`Error::Unusable`] for bytes that are not UTF-8, [`Error::Invalid`] for malformed JSON or anything but an object.
    pub fn from_json(text: Bytes) -> Result<Self> {
        let Ok(json) = std::str::from_utf8(&text) else {
            return Err(Error::Unusable("The body is not valid UTF-8: send JSON encoded as UTF-8".into()));
        };
        if json.trim().is_empty() {
            return Err(Problem::missing(vec![], None).into());
        }
        let outline = match Outline::of(json) {
            Ok(outline) => outline,
            Err(error) => return Err(not_an_object(json, &error).into()),
        };
        Ok(Self { text, outline, ..Self::default() })
    }

    /// Adds the pairs of a query string, whose values are texts and decoded as leniently as in JSON. What the body says
    /// counts before what the query says.
    pub fn or_query(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        if self.is_empty() {
            self.origin = Origin::Query;
        }
        let pairs: Vec<(String, String)> = pairs.into_iter().collect();
        let sent = self.outline.with(&self.text, &|name| pairs.iter().any(|(asked, _)| asked == name));
        let pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| !sent.fields.contains_key(name)).collect();
        drop(sent);
        if pairs.is_empty() {
            return self;
        }
        let mut text = self.text.to_vec();
        for (name, value) in pairs {
            let from = text.len();
            text.extend(serde_json::Value::from(value).to_string().bytes());
            self.outline.fields.insert(name, from..text.len());
        }
        self.text = text.into();
        self
    }

    /// Takes what another protocol has parsed already.
    pub fn from_object(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        let text = serde_json::to_vec(object).expect("a JSON object can be written as JSON");
        Self::from_json(text.into()).expect("what was just written is an object in UTF-8")
    }

    /// The same from clients that fill in every field: an empty text in an optional one is absence.
    pub fn with_empty_as_absent(mut self) -> Self {
        self.reading.empty_is_absent = true;
        self
    }

    /// The same for a call that changes something: a field that asks for care and does not count is refused.
    pub fn for_a_change(mut self, is_change: bool) -> Self {
        self.reading.is_change = is_change;
        self
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.outline.fields.is_empty()
    }

    /// Whether to decode it takes a while.
    pub fn is_large(&self) -> bool {
        self.text.len() > LARGE
    }

    /// Reads the outline on a thread where nobody waits for it, when that takes a while.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub async fn from_body(text: Bytes) -> Result<Self> {
        if text.len() <= LARGE {
            return Self::from_json(text);
        }
        blocking(move || Self::from_json(text)).await?
    }

    /// Removes a field and returns its JSON text.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.take_place(name).map(|place| self.slice(&place).to_owned())
    }

    /// The same without copying it.
    pub fn take_bytes(&mut self, name: &str) -> Option<Bytes> {
        self.take_place(name).map(|place| self.text.slice(place))
    }

    fn take_place(&mut self, name: &str) -> Option<Range<usize>> {
        if let Cow::Owned(outline) = self.outline.with(&self.text, &|other| other == name) {
            self.outline = outline;
        }
        self.outline.fields.shift_remove(name)
    }

    /// Each field's name and JSON text, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outline.fields.iter().map(|(name, place)| (name.as_str(), self.slice(place)))
    }

    /// SHA-256 of what the fields say, by their names.
    pub(crate) fn digest(&self) -> Digest {
        let mut fields: Vec<(&str, &str)> = self.iter().collect();
        fields.sort_unstable();
        let mut hasher = Sha256::new();
        for text in fields.into_iter().flat_map(|(name, value)| [name, value]) {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        hasher.finalize().into()
    }

    /// How many bytes of memory `T` takes at most when it is decoded, beside the text.
    pub fn decoded_size<T: JsonSchema + 'static>(&self) -> u64 {
        let shape = Shape::of::<T>();
        let outline = self.outline_for(&shape);
        let fields = outline.fields.iter().map(|(name, place)| (name, &self.text[place.clone()]));
        let known = fields.filter_map(|(name, json)| Some((synonyms::field(name, &shape)?, json)));
        let size = |name: &str, json| match shape.fields[name].is_structured {
            true => outline::decoded_size_with_texts(json),
            false => decoded_size(json),
        };
        known.map(|(name, json)| size(name, json)).sum()
    }

    /// Decodes into a capability's fields and checks the bounds that its schema states. What did not count is named
    /// either way.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem, in the order in which the capability lists its fields.
    pub fn decode<T: DeserializeOwned + JsonSchema + 'static>(&self) -> (Result<T>, Vec<Ignored>) {
        let shape = Shape::of::<T>();
        let outline = self.outline_for(&shape);
        let sent: Fields =
            outline.fields.iter().map(|(name, place)| (name.as_str().into(), self.slice(place))).collect();
        let Resolved { object, unknown, refused } = resolve(&sent, &shape, self.reading);
        let fields: Fields = object.iter().map(|(name, json)| ((&**name).into(), &**json)).collect();
        let ignored = unknown.iter().map(Unknown::told).collect();
        let (decoded, mut problems) = decode_collecting::<T>(&fields);
        shape.check(&fields, &sent, &unknown, &mut problems);
        problems.extend(refused);
        let result = match decoded {
            Some(decoded) if problems.is_empty() => Ok(decoded),
            _ => {
                shape.sort(&mut problems);
                problems.truncate(MAX_PROBLEMS);
                for problem in &mut problems {
                    problem.came_from(self.origin);
                }
                Err(Error::Invalid(problems))
            }
        };
        (result, ignored)
    }

    /// The outline with all that the shape may take, however many fields were sent.
    fn outline_for(&self, shape: &Shape) -> Cow<'_, Outline> {
        if !self.outline.is_partial() {
            return Cow::Borrowed(&self.outline);
        }
        let names = synonyms::Names::of(shape);
        self.outline.with(&self.text, &|name| names.may_hold(name) && synonyms::field(name, shape).is_some())
    }

    fn slice(&self, place: &Range<usize>) -> &str {
        let bytes = self.text.get(place.clone()).expect("places were measured in this text");
        std::str::from_utf8(bytes).expect("the text was checked to be UTF-8 and places are whole values")
    }
}

/// Decodes again and again, each time leaving out what failed before, until nothing new fails.
/// The first try succeeds for every good request; the others only cost those who sent something wrong.
fn decode_collecting<T: DeserializeOwned>(fields: &Fields) -> (Option<T>, Vec<Problem>) {
    let (mut problems, mut skip) = (Vec::new(), Vec::new());
    let size: usize = fields.values().map(|json| json.len()).sum();
    let most = (MAX_LOOKED_THROUGH / size.max(1)).clamp(1, MAX_PROBLEMS);
    while problems.len() < most {
        match T::deserialize(LenientDeserializer::root(fields, &skip)) {
            Ok(decoded) => return (Some(decoded), problems),
            Err(Failure { missing: true, path, .. }) if path.is_empty() => break,
            Err(failure) => {
                skip.push(failure.path.clone());
                if !failure.missing {
                    problems.push(failure.into_problem());
                }
            }
        }
    }
    (None, problems)
}

fn not_an_object(json: &str, error: &serde_json::Error) -> Problem {
    match serde_json::from_str::<&RawValue>(json) {
        Ok(raw) if raw.get() == "null" => Problem::missing(vec![], None),
        Ok(raw) if !raw.get().starts_with('{') => Problem::new(
            "model_attributes_type",
            vec![],
            "Input should be a valid dictionary or object to extract fields from",
            Some(raw.get()),
        ),
        _ => Problem::malformed(error, json),
    }
}
