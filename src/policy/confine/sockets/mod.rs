//! Sockets on the disk behind which somebody listens who is no command of this bridge: agents that hold keys, screens,
//! engines, other people's tmux. A view covers each of them but those that the settings name.
//!
//! A command's own servers stay reachable for later ones: their sockets are open in a process of a tree that the bridge
//! started. All others are foreign, and held open here, so that they are found wherever a command moved them.

mod environment;
mod file;
mod listed;
mod pattern;

pub(crate) use environment::hidden as hidden_variables;
pub(crate) use pattern::Pattern;

use super::trees::{Trees, descendants, open_sockets};
use file::{Identity, SocketFile, Stamp};
use listed::{Listed, ListedFile};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What is looked for beside what the kernel lists.
const KNOWN: &str = include_str!("known.txt");

/// What of the sockets on the disk concerns a view.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Foreign ones, to be covered.
    covered: BTreeMap<PathBuf, Identity>,
    /// Those that the settings name and that are there, without links in their paths.
    shown: BTreeMap<PathBuf, Identity>,
}

impl Reach {
    /// The foreign sockets: where they are, and which files.
    pub fn covered(&self) -> impl Iterator<Item = (&Path, (u64, u64))> {
        self.covered.iter().map(|(place, identity)| (place.as_path(), identity.file()))
    }

    /// The sockets that are to be reachable.
    pub fn shown(&self) -> impl Iterator<Item = &Path> {
        self.shown.keys().map(PathBuf::as_path)
    }
}

/// The sockets on the disk.
#[derive(Debug)]
pub(crate) struct Sockets {
    trees: Arc<Trees>,
    /// Those that the settings name.
    allowed: Vec<Pattern>,
    known: Vec<Pattern>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the kernel listed last; none before anything was looked at. A list may be empty.
    listed: Option<Vec<Listed>>,
    /// The numbers of our commands' own.
    own: HashSet<u64>,
    foreign: HashMap<Key, SocketFile>,
    /// Listed ones that were looked for, found or not.
    sought: HashSet<u64>,
    /// Known places of sockets behind which nobody listens; nobody ever will, as long as they are the same files.
    dead: HashSet<Identity>,
    /// The folders that all of it hangs on, as they were.
    folders: BTreeMap<PathBuf, Option<Stamp>>,
    reach: Arc<Reach>,
}

/// What tells a foreign socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// Its number in the kernel's list.
    Listed(u64),
    /// Its file: it listens in another network namespace.
    Known(Identity),
}

impl Sockets {
    /// Those that `allowed` names are to be reachable, by patterns; `~` is `home`.
    ///
    /// # Errors
    /// When one of them is no pattern of an absolute path.
    pub(crate) fn open(allowed: &[String], home: &Path, trees: &Arc<Trees>) -> Result<Self, String> {
        let known = KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let known = known.map(|line| line.split_once("  ").map_or(line, |(pattern, _)| pattern));
        let parse = |text: &str| Pattern::parse(text, home);
        Ok(Self {
            trees: trees.clone(),
            allowed: allowed.iter().map(|text| parse(text)).collect::<Result<_, _>>()?,
            known: known.map(parse).collect::<Result<_, _>>()?,
            state: Mutex::default(),
        })
    }

    /// What concerns a view now; the same as before when nothing has changed.
    ///
    /// # Errors
    /// When the system does not say which sockets there are.
    pub(crate) fn reach(&self) -> io::Result<Arc<Reach>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = listed::listed()?;
        if state.listed.as_ref() != Some(&listed) {
            self.sort(&mut state, listed)?;
        } else if state.folders.iter().all(|(folder, was)| file::stamp(folder) == *was) {
            return Ok(state.reach.clone());
        }
        let looked = self.look(&mut state);
        if looked.is_err() {
            // What is half known is looked for again.
            state.listed = None;
        }
        let reach = looked?;
        if reach != *state.reach {
            state.reach = Arc::new(reach);
        }
        Ok(state.reach.clone())
    }

    /// Whether a path leads to a socket that is shown, as it was last looked at.
    pub(crate) fn shows(&self, path: &Path) -> bool {
        let reach = self.state.lock().unwrap_or_else(PoisonError::into_inner).reach.clone();
        file::real(path).is_some_and(|real| reach.shown.contains_key(&real))
    }

    /// Whether a socket that fits a pattern is shown, as it was last looked at.
    pub(crate) fn shows_any(&self, pattern: &str, home: &Path) -> bool {
        let pattern = Pattern::parse(pattern, home);
        let found = pattern.map(|pattern| pattern.expand(&mut BTreeMap::new()).unwrap_or_default());
        found.is_ok_and(|found| found.iter().any(|path| self.shows(path)))
    }

    /// Whether a path leads to a socket that commands do not reach, as it was last looked at.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let reach = self.state.lock().unwrap_or_else(PoisonError::into_inner).reach.clone();
        file::real(path).is_some_and(|real| reach.covered.contains_key(&real))
    }

    /// Tells our commands' own from foreign ones in a new list, and finds the files of these.
    fn sort(&self, state: &mut State, listed: Vec<Listed>) -> io::Result<()> {
        let processes = self.trees.running().into_iter().flat_map(|(_, tree)| descendants(tree.root));
        let open: io::Result<Vec<_>> = processes.map(open_sockets).collect();
        let open: HashSet<u64> = open?.into_iter().flatten().collect();
        let numbers: HashSet<u64> = listed.iter().map(|socket| socket.number).collect();
        // Until all of it was looked at, none of it is known.
        state.listed = None;
        state.own.retain(|number| numbers.contains(number));
        state.sought.retain(|number| numbers.contains(number));
        state.foreign.retain(|key, _| !matches!(key, Key::Listed(number) if !numbers.contains(number)));
        for socket in &listed {
            if open.contains(&socket.number) {
                state.own.insert(socket.number);
                state.foreign.remove(&Key::Listed(socket.number));
            } else if !state.own.contains(&socket.number) && !state.sought.contains(&socket.number) {
                let file = SocketFile::of(socket)?.map(|file| (Key::Listed(socket.number), file));
                state.foreign.extend(file);
                state.sought.insert(socket.number);
            }
        }
        state.listed = Some(listed);
        Ok(())
    }

    /// Looks at the disk: where the foreign ones are now, and what there is in known places.
    fn look(&self, state: &mut State) -> io::Result<Reach> {
        let mut folders = BTreeMap::new();
        let mut expand = |patterns: &[Pattern]| {
            let found: io::Result<Vec<_>> = patterns.iter().map(|pattern| pattern.expand(&mut folders)).collect();
            found.map(|found| found.into_iter().flatten().collect::<BTreeSet<PathBuf>>())
        };
        let (allowed, known) = (expand(&self.allowed)?, expand(&self.known)?);
        let allowed = allowed.iter().filter_map(|path| file::real(path));
        let shown: BTreeMap<_, _> = allowed.filter_map(|path| file::identity(&path).map(|file| (path, file))).collect();
        let elsewhere = self.own_elsewhere();
        for path in known.difference(&elsewhere) {
            state.judge(path)?;
        }
        state.foreign.retain(|key, file| matches!(key, Key::Listed(_)) || file.place().is_some());
        let mut covered = BTreeMap::new();
        for (place, file) in state.foreign.values().filter_map(|file| file.place_in(&mut folders)) {
            if !shown.contains_key(&place) {
                covered.insert(place, file);
            }
        }
        state.folders = folders;
        Ok(Reach { covered, shown })
    }

    /// Where our commands listen in networks of their own.
    fn own_elsewhere(&self) -> BTreeSet<PathBuf> {
        let ours = file::network("self");
        let is_elsewhere = |root: &u32| file::network(&root.to_string()).is_some_and(|network| Some(network) != ours);
        let roots = self.trees.running().into_iter().map(|(_, tree)| tree.root).filter(is_elsewhere);
        roots.flat_map(listed::listed_for).map(|socket| socket.name).collect()
    }
}

impl State {
    /// Takes in what is at a known place: foreign when somebody listens there whom no list has.
    fn judge(&mut self, path: &Path) -> io::Result<()> {
        let Some(file) = SocketFile::open(path)? else { return Ok(()) };
        let identity = file.identity();
        let is_known = self.dead.contains(&identity) || self.foreign.contains_key(&Key::Known(identity));
        let at_path = identity.listed();
        // Another file system has files of the same numbers; where programs are told of another device, the name tells.
        let is_at_path = |socket: &Listed| {
            let is_it = |file: ListedFile| file.number == at_path.number;
            socket.file.is_some_and(|file| file == at_path || (is_it(file) && socket.name == path))
        };
        if is_known || self.listed.iter().flatten().any(is_at_path) {
            return Ok(());
        }
        if file.is_alive() {
            self.foreign.insert(Key::Known(identity), file);
        } else {
            self.dead.insert(identity);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    #[expect(unsafe_code, reason = "a thread's network is changed")]
    fn where_the_kernel_lists_none_the_known_places_are_looked_at_all_the_same() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().canonicalize().unwrap().join("agent.1");
        let _outside = UnixListener::bind(&path).unwrap();
        let known = vec![Pattern::parse(&format!("{}/agent.*", scratch.path().display()), Path::new("/")).unwrap()];
        let sockets = Sockets { trees: Arc::default(), allowed: Vec::new(), known, state: Mutex::default() };
        let elsewhere = move || {
            // SAFETY: descriptors and memory stay as they are.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.ok()?;
            assert_eq!(listed::listed().unwrap(), []);
            Some(sockets.reach().unwrap().covered().map(|(place, _)| place.to_owned()).collect::<Vec<_>>())
        };
        match std::thread::spawn(elsewhere).join().unwrap() {
            None => eprintln!("not tried: only the superuser has a network of their own"),
            Some(covered) => assert_eq!(covered, [path]),
        }
    }
}
