//! The kinds of values that settings take.

use std::fmt;

/// A value that can be read from a setting's text.
pub trait SettingValue: Sized {
    /// Reads it; the error says what the setting must be ("a whole number").
    fn parse(text: &str) -> Result<Self, String>;
}

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
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
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
            _ => Err("true or false".to_owned()),
        }
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl SettingValue for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("a whole number from 0 to {}", <$type>::MAX))
            }
        }
    )*};
}

numbers!(u16, u32, u64, usize);

impl SettingValue for f64 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "a number".to_owned())
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(None);
        }
        T::parse(text).map(Some)
    }
}

/// Separated by commas; empty parts are left out.
impl<T: SettingValue> SettingValue for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(T::parse).collect()
    }
}

/// Paths, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathList(Vec<String>);

impl std::ops::Deref for PathList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl SettingValue for PathList {
    fn parse(text: &str) -> Result<Self, String> {
        let paths = Vec::<String>::parse(text)?;
        // `/a:/b`, as PATH is written, would be one place that is not there, and deny nothing.
        let joined = |path: &String| {
            path.contains(';') || path.char_indices().skip(2).any(|(at, _)| path[at..].starts_with(":/"))
        };
        if paths.iter().any(joined) {
            return Err("paths separated by commas".to_owned());
        }
        Ok(Self(paths))
    }
}

/// The hosts inside this machine's networks that may be fetched from all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateHosts {
    /// All of them, or with `false` none.
    All(bool),
    /// These: `host` or `host:port`.
    Listed(Vec<String>),
}

impl PrivateHosts {
    /// Whether the host that `is_meant` recognises is among them.
    pub fn allows(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Listed(hosts) => hosts.iter().any(|host| is_meant(host)),
        }
    }
}

impl SettingValue for PrivateHosts {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(all) = bool::parse(text) {
            return Ok(Self::All(all));
        }
        let hosts = Vec::<String>::parse(text)?;
        if hosts.iter().any(|host| host.contains(['/', '*', '@'])) {
            return Err("true, false, or hosts (`name`, `name:port`, an address) separated by commas".to_owned());
        }
        Ok(Self::Listed(hosts))
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
