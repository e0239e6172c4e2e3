//! Settings of programs that commands need and do not see: each gets a copy without what is secret in it, which stands in
//! the view where the file would be. The copies are files of the view alone; nothing of them is on the disk.

use super::{
    looks::{Looks, Names},
    steps::{Step, at},
    view::Draft,
};
use crate::{
    arguments::{MASK, clean, sounds_secret},
    policy::paths::Kind,
};
use std::{
    collections::HashSet,
    ffi::CString,
    path::{Path, PathBuf},
};

/// The files, with who reads them.
const LIST: &str = include_str!("harmless_settings.txt");

/// Where the copies lie in the view before they are shown at their places.
const STORE: &str = "/run/settings";

/// Where those of the system lie.
const SYSTEM: &str = "/etc";

/// The bit of a file's mode that lets everybody read it.
const FOR_ALL: u32 = 0o004;

/// The longest of these files, and all of them together, in bytes: what is larger is no settings, or not worth its memory
/// in each view.
const LONGEST: usize = 128 * 1024;
const ALL: usize = 512 * 1024;

/// The paths of the list that are there, with `home` for its sign.
fn files(home: &Path, looks: &Looks) -> Vec<PathBuf> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let paths = lines.filter_map(|line| line.split_ascii_whitespace().next());
    let paths = paths.map(|path| match path.strip_prefix("~/") {
        Some(below) => home.join(below),
        None => PathBuf::from(path),
    });
    paths.flat_map(|path| expand(&path, looks)).collect()
}

/// What fits a path whose last name may be `*`.
fn expand(path: &Path, looks: &Looks) -> Vec<PathBuf> {
    let (Some(folder), true) = (path.parent(), path.ends_with("*")) else { return vec![path.to_owned()] };
    let is_folder = looks.leads_to_folder(folder);
    let names = is_folder.then(|| looks.names(folder, Names::All).ok()).flatten().unwrap_or_default();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The lines of a file of settings that hold no secret; none for what is no text.
fn without_secrets(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let cleaned = clean(text, &[]);
    // What is hidden over several lines, such as a key in PEM, leaves its sign in one of them.
    let clean_lines: HashSet<&str> = cleaned.split_inclusive('\n').filter(|line| !line.contains(MASK)).collect();
    let (mut kept, mut left_out) = (String::new(), None::<LeftOut>);
    for line in text.split_inclusive('\n') {
        if let Some(above) = left_out.as_mut().filter(|above| above.go_on_in(line)) {
            above.add(line);
        } else if !clean_lines.contains(line) || is_secret(line) {
            left_out.insert(LeftOut { first: line, last: line, quotes: 0 }).add(line);
        } else {
            left_out = None;
            kept.push_str(line);
        }
    }
    Some(kept)
}

/// Lines that are left out one after the other: a value can go on below its name.
struct LeftOut<'a> {
    first: &'a str,
    last: &'a str,
    /// How many of [`QUOTES`] stand in them.
    quotes: usize,
}

impl<'a> LeftOut<'a> {
    fn add(&mut self, line: &'a str) {
        self.last = line;
        self.quotes += QUOTES.iter().map(|quotes| line.matches(quotes).count()).sum::<usize>();
    }

    fn go_on_in(&self, line: &str) -> bool {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let is_head = |line: &str| line.trim_start().starts_with('[');
        let is_below = line.trim().is_empty() || indent(line) > indent(self.first);
        let is_in_section = is_head(self.first) && !is_head(line);
        is_below || is_in_section || self.quotes % 2 == 1 || self.last.trim_end().ends_with('\\')
    }
}

/// What begins and ends a text of several lines in TOML.
const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// A part of an address with so many characters, of which some are digits, is taken for a key.
const SHORTEST_KEY: usize = 20;

/// Names of yarn's and git's beside which a name and a password stand.
const SIGN_IN: [&str; 2] = ["authident", "extraheader"];

/// Whether a line may hold a secret, though it has no form of one. In doubt it may.
fn is_secret(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.split(['=', ' ', '\t']).next().unwrap_or_default();
    let name = name.trim_end_matches([':', '[', ']']).trim_matches(['"', '\'']);
    let last = name.rsplit([':', '.']).next().unwrap_or_default();
    let (small, whole) = (last.to_ascii_lowercase(), line.to_ascii_lowercase());
    let is_sign_in = small.contains("auth") && !small.contains("author") && !small.contains("authentication");
    // npm keeps all that belongs to signing in at a registry under the registry's address.
    let is_npm = line.starts_with("//") || last.starts_with('_');
    let signs_in = is_npm || is_sign_in || SIGN_IN.iter().any(|name| whole.contains(name));
    let mut words = line.split_whitespace();
    signs_in || sounds_secret(name) || sounds_secret(last) || words.any(|word| has_user(word) || has_key(word))
}

/// `name:password@host`, in an address or alone.
fn has_user(word: &str) -> bool {
    word.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'))
}

/// An address with a key in it, as keepers of packages give them out: `https://host/t/KEY/channel`.
fn has_key(word: &str) -> bool {
    let is_key = |part: &str| {
        let has = |is: fn(char) -> bool| part.contains(is);
        part == "t" || part.len() >= SHORTEST_KEY && has(|it| it.is_ascii_digit()) && has(|it| it.is_ascii_alphabetic())
    };
    let mut addresses = word.split("://").skip(1);
    addresses.any(|address| address.split(|it: char| !it.is_ascii_alphanumeric() && it != '_' && it != '-').any(is_key))
}

/// How a copy comes to its place.
pub struct Copy {
    /// Where it lies in the frame, alone or in a folder of its own kind.
    pub stored: PathBuf,
    /// Where it is shown.
    pub place: PathBuf,
}

impl Draft<'_> {
    /// Puts copies of what is there, and programs would not see, into the frame. To be called when all else is shown.
    pub fn copy_settings(&mut self) {
        let mut room = ALL;
        let home = &self.bounds.home;
        // Where the home is seen by a link, the copies belong where that leads; a private home stands at the path itself.
        let is_behind_link = self.is_linked(home) || self.is_of_the_disk(home);
        let home = if is_behind_link { self.looks.real(home) } else { Some(home.clone()) };
        for place in files(&home.unwrap_or_default(), &self.looks) {
            // Nothing is written through a link: behind it may lie the file itself.
            if self.is_linked(&place) {
                continue;
            }
            if let Some(text) = self.text_of(&place).filter(|text| text.len() <= room) {
                room -= text.len();
                self.copy(place, &text);
            }
        }
    }

    fn copy(&mut self, place: PathBuf, text: &str) {
        let number = self.copies.len();
        let (stored, place) = match self.nearest(&place) {
            // The frame has its folder, or can have it.
            None => return self.write(&place, text),
            Some(shown) if self.bounds.private().holds(&shown.from) => {
                let below = place.strip_prefix(&shown.at).expect("it lies in what is shown");
                if self.bounds.private().make_mount_point(&shown.from.join(below), false).is_err() {
                    return;
                }
                (store(number), place)
            }
            Some(_) => match self.covered_folder_of(&place) {
                // Nothing can be mounted in what is covered: all copies that belong there come as one folder.
                Some(folder) => {
                    let known = self.copies.iter().find(|copy| copy.place == folder).map(|copy| copy.stored.clone());
                    let stored = known.clone().unwrap_or_else(|| store(number));
                    let below = place.strip_prefix(&folder).expect("it lies in the folder");
                    self.write(&stored.join(below), text);
                    if known.is_none() {
                        self.copies.push(Copy { stored, place: folder });
                    }
                    return;
                }
                None => (store(number), place),
            },
        };
        self.write(&stored, text);
        self.copies.push(Copy { stored, place });
    }

    /// A file of the frame.
    fn write(&mut self, path: &Path, text: &str) {
        self.folder(path.parent().unwrap_or(Path::new("/")));
        self.frame.push(Step::File(at(path)));
        let text = CString::new(text).expect("a text with a NUL is no settings");
        self.frame.push(Step::Say { text, at: at(path) });
    }

    /// The text for programs, of a file that they do not see themselves. A link to another denied place brings nothing out
    /// of it.
    fn text_of(&self, place: &Path) -> Option<String> {
        let real = self.looks.real(place)?;
        if self.is_of_the_disk(place) && !self.bounds.denies(&real) {
            return None;
        }
        let is_of_system = place.starts_with(SYSTEM);
        let base = if is_of_system { PathBuf::from(SYSTEM) } else { self.looks.real(&self.bounds.home)? };
        let below = place.strip_prefix(&self.bounds.home).unwrap_or(place);
        let may = [place, &real].iter().all(|path| !self.bounds.is_denied_by_settings(path))
            && !self.is_of_another(&real)
            && (base.join(below) == real || self.bounds.may_show_tool(&real));
        let (bytes, mode) = may.then(|| self.looks.content(&real, &base, LONGEST)).flatten()?;
        // What the system keeps from some of its users it keeps from a superuser's commands, too.
        let is_for_all = mode & FOR_ALL != 0;
        (is_for_all || !is_of_system).then(|| without_secrets(&bytes)).flatten()
    }

    /// Whether a path leads into another denied place, which was moved there or is mounted there.
    fn is_of_another(&self, real: &Path) -> bool {
        let mut holding = self.bounds.present.iter().filter(|it| it.denial.reading_too && real.starts_with(&it.path));
        holding.any(|it| self.looks.real(&it.denial.path).as_ref() != Some(&it.path))
    }

    /// The folder, of those that nobody sees into, that a place lies in.
    fn covered_folder_of(&self, place: &Path) -> Option<PathBuf> {
        let covered = self.bounds.present.iter().filter(|it| it.kind == Kind::Folder && it.denial.reading_too);
        let above = covered.map(|it| &it.path).filter(|folder| place.starts_with(folder) && place != *folder);
        above.min_by_key(|folder| folder.components().count()).cloned()
    }

    /// Shows the copies over what covers their places; where that fails, nothing is shown there.
    pub fn show_copies(&self) -> Vec<Step> {
        self.copies.iter().map(|copy| Step::Offer { from: at(&copy.stored), at: at(&copy.place) }).collect()
    }
}

fn store(number: usize) -> PathBuf {
    Path::new(STORE).join(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_secrets_are_left_out_and_the_others_kept() {
        for (text, kept) in [
            (
                "registry=https://r.example.org/\n//r.example.org/:_authToken=abc\nsave-exact=true\n",
                "registry=https://r.example.org/\nsave-exact=true\n",
            ),
            ("_auth = YTpi\n@acme:registry=https://npm.acme.org\n", "@acme:registry=https://npm.acme.org\n"),
            ("//r/:_password=eA==\n//r/:username=ada\n_password=x\nemail=a@b.c\n", "email=a@b.c\n"),
            ("proxy=http://ada:pw@proxy:80\nhttps-proxy=http://proxy:80\n", "https-proxy=http://proxy:80\n"),
            (
                "[user]\n\tname = Ada\n[url \"https://x:tok@h/\"]\n\tinsteadOf = a\n[pull]\n\tff = only\n",
                "[user]\n\tname = Ada\n[pull]\n\tff = only\n",
            ),
            ("[http]\n\textraHeader = Authorization: Basic YTpi\n", "[http]\n"),
            ("[http]\n\textraHeader = X: \\\nYTpi\n\tproxy = a:b@proxy:80\n\tversion = 2\n", "[http]\n\tversion = 2\n"),
            ("r: { npmAuthIdent: \"ada:pw\" }\nb: 1\n", "b: 1\n"),
            ("token = \"\"\"\nabc\n\"\"\"\njobs = 2\n", "jobs = 2\n"),
            ("npmAuthIdent:\n  \"ada:pw\"\nnodeLinker: pnp\n", "nodeLinker: pnp\n"),
            ("a:\n  npmAuthToken: >-\n    abc\n\n  b: 1\n", "a:\n  b: 1\n"),
            ("\"@a\" = { token = \"abcdef0123456789\", url = \"https://r\" }\nb = 1\n", "b = 1\n"),
            ("@a:registry=https://u:p=/w@h/\nproxy = u:p@h:80\n", ""),
            ("- https://conda.example.org/t/ab-12/main\n- https://p.io/0a1b2c3d4e5f60718293/apt\n- main\n", "- main\n"),
            ("PubkeyAuthentication yes\nProxyJump ada@h\n", "PubkeyAuthentication yes\nProxyJump ada@h\n"),
            ("[github]\n\ttoken = 0123\n\tuser = ada\n", "[github]\n\tuser = ada\n"),
            ("npmAuthToken: \"npm_x\"\nnodeLinker: pnp\n", "nodeLinker: pnp\n"),
            (
                "deb https://a:b@deb.example.org stable main\ndeb http://deb.debian.org stable main\n",
                "deb http://deb.debian.org stable main\n",
            ),
            (
                "[registries.x]\ntoken = \"abc\"\nindex = \"sparse+https://x/\"\n",
                "[registries.x]\nindex = \"sparse+https://x/\"\n",
            ),
            ("Host h\n  User git\n  IdentityFile ~/.ssh/id_h\n", "Host h\n  User git\n  IdentityFile ~/.ssh/id_h\n"),
        ] {
            assert_eq!(without_secrets(text.as_bytes()).as_deref(), Some(kept), "{text}");
        }
        let key = "a=1\nkey=\"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\nq3x\n-----END RSA PRIVATE KEY-----\"\nb=2\n";
        assert!(!without_secrets(key.as_bytes()).unwrap().contains("MIIE"));
        assert_eq!(without_secrets(b"a\0b"), None);
        assert_eq!(without_secrets(b"\xff"), None);
    }

    #[test]
    fn each_line_of_the_list_is_a_path_and_says_who_reads_it() {
        for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (path, who) = line.split_once("  ").unwrap_or_else(|| panic!("{line}"));
            assert!((path.starts_with("~/") || path.starts_with("/etc/")) && !who.trim().is_empty(), "{line}");
            assert!(!path.contains('*') || path.ends_with("/*"), "{line}");
        }
    }
}
