//! The steps in which a view of the disk is built: prepared by the server, handed as bytes to the process that takes them.

use crate::policy::paths::Identity;
use std::{
    ffi::{CStr, CString, OsStr},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// Where the new view is built: a folder that every Linux has and that no view shows as it was.
const SITE: &str = "/proc";

/// Where the view's own `/proc` will be.
pub(crate) const SITE_PROC: &CStr = c"/proc/proc";

/// No place in particular.
pub(crate) const ANY: Identity = (0, 0);

/// One step of the building. Paths are as the program will see them, with the site before them. Where it is told what a
/// place must be, the step fails when the place has become another one: it was moved, and the view is no longer right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<T = CString> {
    /// A folder of the frame.
    Folder(T),
    /// An empty file of the frame, to mount on.
    File(T),
    /// A link.
    Link { to: T, at: T },
    /// A folder or file of the machine, with what is mounted below it, and the attributes it gets.
    Show { from: T, is: Identity, at: T, attributes: u64 },
    /// Everything so far can no longer be changed.
    Freeze,
    /// A new file system: its kind, its place, its options.
    New { kind: T, at: T, options: T, flags: u64 },
    /// A folder that from here on nobody can rename or remove, and that is otherwise as it was.
    Pin { at: T, is: Identity },
    /// A folder that nobody sees into.
    Cover { at: T, is: Identity },
    /// A file that nobody can open.
    Shut { at: T, is: Identity },
    /// A file or folder of the frame, not to be changed, at a place where programs look for it. Where it cannot be had,
    /// the place stays as it is.
    Offer { from: T, at: T },
    /// What is there already, no longer to be changed.
    Keep { at: T, is: Identity },
    /// Something to tell the kernel, where it listens.
    Say { text: T, at: T },
    /// What follows belongs to one program; what came before, all share.
    Own,
}

/// How a step looks between encoding and decoding: a tag, a number, what a place must be, texts that end with a NUL.
type Parts<'a> = (u8, u64, Identity, [&'a CStr; 3]);

impl Step {
    /// Steps as bytes.
    pub(crate) fn encode(steps: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, number, is, texts) in steps.iter().map(Self::parts) {
            bytes.push(tag);
            [number, is.0, is.1].iter().for_each(|number| bytes.extend(number.to_ne_bytes()));
            texts.iter().for_each(|text| bytes.extend(text.to_bytes_with_nul()));
        }
        bytes
    }

    fn parts(&self) -> Parts<'_> {
        match self {
            Self::Folder(at) => (0, 0, ANY, [at, c"", c""]),
            Self::File(at) => (1, 0, ANY, [at, c"", c""]),
            Self::Link { to, at } => (2, 0, ANY, [at, to, c""]),
            Self::Show { from, is, at, attributes } => (3, *attributes, *is, [at, from, c""]),
            Self::Freeze => (4, 0, ANY, [c"", c"", c""]),
            Self::New { kind, at, options, flags } => (5, *flags, ANY, [at, kind, options]),
            Self::Pin { at, is } => (6, 0, *is, [at, c"", c""]),
            Self::Cover { at, is } => (7, 0, *is, [at, c"", c""]),
            Self::Shut { at, is } => (8, 0, *is, [at, c"", c""]),
            Self::Keep { at, is } => (9, 0, *is, [at, c"", c""]),
            Self::Say { text, at } => (10, 0, ANY, [at, text, c""]),
            Self::Own => (11, 0, ANY, [c"", c"", c""]),
            Self::Offer { from, at } => (12, 0, ANY, [at, from, c""]),
        }
    }
}

/// Steps that were encoded. What cannot be read ends them with an error: a view that lacks one covers too little.
pub(crate) struct Steps<'a>(pub &'a [u8]);

impl<'a> Steps<'a> {
    fn step(&mut self) -> Option<Step<&'a CStr>> {
        let (tag, rest) = self.0.split_first()?;
        self.0 = rest;
        let number = self.number()?;
        let is = (self.number()?, self.number()?);
        let (at, first, second) = (self.text()?, self.text()?, self.text()?);
        Some(match tag {
            0 => Step::Folder(at),
            1 => Step::File(at),
            2 => Step::Link { to: first, at },
            3 => Step::Show { from: first, is, at, attributes: number },
            4 => Step::Freeze,
            5 => Step::New { kind: first, at, options: second, flags: number },
            6 => Step::Pin { at, is },
            7 => Step::Cover { at, is },
            8 => Step::Shut { at, is },
            9 => Step::Keep { at, is },
            10 => Step::Say { text: first, at },
            11 => Step::Own,
            12 => Step::Offer { from: first, at },
            _ => return None,
        })
    }

    fn text(&mut self) -> Option<&'a CStr> {
        let text = CStr::from_bytes_until_nul(self.0).ok()?;
        self.0 = self.0.get(text.count_bytes() + 1..)?;
        Some(text)
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = io::Result<Step<&'a CStr>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let step = self.step().ok_or_else(|| io::Error::from_raw_os_error(libc::EBADMSG));
        if step.is_err() {
            self.0 = &[];
        }
        Some(step)
    }
}

impl<T: AsRef<CStr>> Step<T> {
    /// The place in the view that it is about.
    pub(crate) fn place(&self) -> Option<&Path> {
        match self {
            Self::Folder(at)
            | Self::File(at)
            | Self::Link { at, .. }
            | Self::Show { at, .. }
            | Self::New { at, .. }
            | Self::Pin { at, .. }
            | Self::Cover { at, .. }
            | Self::Shut { at, .. }
            | Self::Offer { at, .. }
            | Self::Keep { at, .. }
            | Self::Say { at, .. } => {
                let at = at.as_ref().to_bytes();
                Some(Path::new(OsStr::from_bytes(at.strip_prefix(SITE.as_bytes()).unwrap_or(at))))
            }
            Self::Freeze | Self::Own => None,
        }
    }
}

/// The path in the view that is being built.
pub(crate) fn at(path: &Path) -> CString {
    let mut text = SITE.as_bytes().to_vec();
    text.extend(path.as_os_str().as_bytes());
    CString::new(text).unwrap_or_default()
}

/// The path as it is now.
pub(crate) fn from(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_out_of_their_bytes_as_they_went_in() {
        let text = |text: &CStr| text.to_owned();
        let is = (u64::MAX, 7);
        let steps = [
            Step::Folder(text(c"/a b")),
            Step::File(text(c"/f")),
            Step::Link { to: text(c"to"), at: text(c"/l") },
            Step::Show { from: text(c"/from"), is, at: text(c"/at"), attributes: 6 },
            Step::Freeze,
            Step::Own,
            Step::New { kind: text(c"proc"), at: text(c"/p"), options: text(c""), flags: u64::from(u32::MAX) + 1 },
            Step::Pin { at: text(c"/pin"), is },
            Step::Cover { at: text(c"/c"), is },
            Step::Shut { at: text(c"/s"), is },
            Step::Keep { at: text(c"/k"), is: ANY },
            Step::Say { text: text(c"1"), at: text(c"/x") },
            Step::Offer { from: text(c"/from"), at: text(c"/o") },
        ];
        let bytes = Step::encode(&steps);
        let found: Vec<_> = Steps(&bytes).map(Result::unwrap).collect();
        assert_eq!(format!("{found:?}"), format!("{steps:?}"));
        let places: Vec<_> = found.iter().map(Step::place).collect();
        assert_eq!(places, steps.iter().map(Step::place).collect::<Vec<_>>());
    }

    #[test]
    fn bytes_that_are_no_step_are_an_error_and_no_end() {
        let bytes = Step::encode(&[Step::Freeze, Step::Cover { at: c"/proc/x".to_owned(), is: ANY }]);
        for cut in [bytes.len() - 1, bytes.len() - 4, 30] {
            let found: Vec<_> = Steps(&bytes[..cut]).collect();
            assert!(found.len() == 2 && found[0].is_ok() && found[1].is_err(), "{found:?}");
        }
        let unknown = [&[200], &bytes[1..]].concat();
        assert!(Steps(&unknown).next().unwrap().is_err());
    }
}
