//! The kinds of values that settings take.

use super::file::is_quote;
use std::fmt;

/// A value that can be read from a setting's text.
pub trait SettingValue: Sized {
    /// Whether parts of the text may stand in quotes of their own.
    const HAS_QUOTED_PARTS: bool = false;
    /// Whether quotes around the whole text keep what is in them together, as those around a part do.
    const KEEPS_QUOTES: bool = false;
    /// Whether the text is for nobody else's eyes, so that no message shows it.
    const IS_SECRET: bool = false;

    /// Reads it.
    ///
    /// # Errors
    /// What the setting must be ("a whole number").
    fn parse(text: &str) -> Result<Self, String>;

    /// The value where nobody set it.
    fn by_default(self) -> Self {
        self
    }
}

/// How long a key may be, in bytes: it is sent in a header, of which servers and proxies take some kilobytes.
const MAX_SECRET: usize = 4096;

/// A text that never shows itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl SettingValue for Secret {
    const IS_SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let fits = text.len() <= MAX_SECRET;
        fits.then(|| Self(text.to_owned())).ok_or_else(|| format!("at most {MAX_SECRET} bytes long"))
    }
}

impl SettingValue for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl SettingValue for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err("true or false (or on, off, yes, no, 1, 0)".to_owned()),
        }
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl SettingValue for $type {
            fn parse(text: &str) -> Result<Self, String> {
                let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let number = digits.and_then(|digits| digits.parse().ok());
                number.ok_or_else(|| format!("a whole number from 0 to {}", <$type>::MAX))
            }
        }
    )*};
}

numbers!(u16, u32, u64, usize);

/// The port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its number; 0 is any that is free.
    pub number: u16,
    /// Whether somebody chose it; otherwise one nearby does as well.
    pub is_chosen: bool,
}

impl Port {
    /// One that was chosen.
    pub fn chosen(number: u16) -> Self {
        Self { number, is_chosen: true }
    }
}

impl SettingValue for Port {
    fn parse(text: &str) -> Result<Self, String> {
        u16::parse(text).map(Self::chosen)
    }

    fn by_default(self) -> Self {
        Self { is_chosen: false, ..self }
    }
}

impl SettingValue for f64 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "a number".to_owned())
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const HAS_QUOTED_PARTS: bool = T::HAS_QUOTED_PARTS;
    const IS_SECRET: bool = T::IS_SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(None);
        }
        T::parse(text).map(Some)
    }
}

/// Separated by commas; a part may stand in quotes.
impl<T: SettingValue> SettingValue for Vec<T> {
    const HAS_QUOTED_PARTS: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        parts(text)?.iter().map(|part| T::parse(part.text.trim())).collect()
    }
}

/// A part of a list.
pub(crate) struct Part<'a> {
    /// What stands in its quotes, or else all of it without the blanks around it.
    pub text: &'a str,
    /// Whether it stands in quotes.
    pub is_quoted: bool,
    /// It with the blanks before the next comma, to see what commas stand in.
    pub whole: &'a str,
}

/// The parts of a list between its commas.
///
/// # Errors
/// When a part is empty, or a quote is not where a part begins and ends.
pub(crate) fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() || !parts.is_empty() {
        let quote = rest.chars().next().filter(|c| is_quote(*c));
        let (whole, after) = match quote {
            Some(quote) => rest[1..].split_once(quote).ok_or("a list whose quotes are closed")?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        let after = after.trim_start();
        if whole.trim().is_empty() {
            return Err("a list without empty parts: remove the comma, or add what is missing".to_owned());
        }
        let text = if quote.is_some() { whole } else { whole.trim() };
        parts.push(Part { text, is_quoted: quote.is_some(), whole });
        match after.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if after.is_empty() => break,
            None => return Err("a list with a comma after each quoted part".to_owned()),
        }
    }
    Ok(parts)
}

/// How much the terminal log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Each request, and what changes.
    Info,
    /// What may be wrong.
    Warning,
    /// What failed.
    Error,
}

impl SettingValue for LogLevel {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_uppercase().as_str() {
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARNING" | "WARN" => Ok(Self::Warning),
            "ERROR" | "CRITICAL" => Ok(Self::Error),
            _ => Err("DEBUG, INFO, WARNING, ERROR or CRITICAL".to_owned()),
        }
    }
}

/// How firmly programs are to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfinementMode {
    /// As firmly as the host can.
    Auto,
    /// At least by the kernel, or not at all.
    Require,
    /// Not.
    Off,
}

impl SettingValue for ConfinementMode {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "require" => Ok(Self::Require),
            "off" | "false" | "no" => Ok(Self::Off),
            _ => Err("auto, require or off".to_owned()),
        }
    }
}

/// Where tools are listed with the schemas of their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputSchemas {
    /// Where all tools are listed.
    Auto,
    /// Everywhere.
    On,
    /// Nowhere.
    Off,
}

impl SettingValue for OutputSchemas {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "on" | "true" | "yes" | "1" => Ok(Self::On),
            "off" | "false" | "no" | "0" => Ok(Self::Off),
            _ => Err("auto, on or off".to_owned()),
        }
    }
}
