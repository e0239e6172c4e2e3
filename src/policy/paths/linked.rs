//! Where links at denied names led when the bridge started, kept in a file: a link can be removed by anybody who may write
//! to its folder, and what it led to stays denied after the next start, too.

use crate::policy::private;
use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

/// The file, in the bridge's folder: a path a line. Programs can write nothing there.
pub(crate) const FILE: &str = "memory/linked_denials.txt";

const HEAD: &str = "\
# Places that stay denied since something denied was a link to them when the bridge started. The bridge adds to them and
# removes none: take a line out, and start the bridge anew, when its place need not be denied. `%` stands before the number
# of a byte that cannot be written here.
";

/// The places that are kept in the file of a bridge in `directory`.
///
/// # Errors
/// When it is there and cannot be read.
#[expect(clippy::disallowed_methods, reason = "a file of the bridge's own, at start, before any caller")]
pub(crate) fn kept(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let file = directory.join(FILE);
    let problem = || format!("{} cannot be read: make it readable, or put it right", file.display());
    match std::fs::read_to_string(&file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(BTreeSet::new())
        }
        text => {
            let text = text.with_context(problem)?;
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.map(|line| path(line).with_context(problem)).collect()
        }
    }
}

/// Keeps the places in the file.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(directory: &Path, places: &BTreeSet<PathBuf>) -> Result<()> {
    let file = directory.join(FILE);
    let lines = places.iter().map(|place| line(place) + "\n");
    let text = HEAD.to_owned() + &lines.collect::<String>();
    let folder = file.parent().expect("the file lies in a folder");
    let written = private::create_folder(folder).and_then(|()| private::replace(&file, text.as_bytes()));
    written.with_context(|| format!("{} cannot be written: make its folder writable", file.display()))
}

fn path(line: &str) -> Result<PathBuf> {
    let bytes: Vec<u8> = percent_decode_str(line).collect();
    #[cfg(unix)]
    let path = PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    let path = PathBuf::from(OsString::from(String::from_utf8(bytes)?));
    anyhow::ensure!(path.is_absolute(), "{line:?} is no path from the root of the file system");
    Ok(path)
}

fn line(place: &Path) -> String {
    let mut line = String::new();
    for chunk in place.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' | '\0'..' ' | '\u{7f}' => write!(line, "%{:02X}", u32::from(c)),
                c => line.write_char(c),
            }
            .expect("a text takes all");
        }
        chunk.invalid().iter().for_each(|byte| write!(line, "%{byte:02X}").expect("a text takes all"));
    }
    line
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    #[test]
    fn any_path_comes_back_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert!(kept(folder.path()).unwrap().is_empty());
        let odd = OsStr::from_bytes(b"/a\n#b %41\xff/\xc3\xa9");
        let places: BTreeSet<PathBuf> = ["/plain".into(), odd.into()].into();
        keep(folder.path(), &places).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), places);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "in a scratch folder")]
    fn what_is_no_path_stops_the_start() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &BTreeSet::new()).unwrap();
        std::fs::write(folder.path().join(FILE), "not a path\n").unwrap();
        let said = format!("{:#}", kept(folder.path()).unwrap_err());
        assert!(said.contains(FILE) && said.contains("not a path"), "{said}");
    }
}
