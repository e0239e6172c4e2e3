//! The roots and the denied places.

use super::{
    Denial, Denials, Directory, Found, Identity, Intent, Pattern, PatternSet, Present, Spared,
    asked::{Asked, check_commas},
    denials::without_links,
    held::Held,
    patterns::Fitting,
    places::{OWN_FILES, canonical, entries, lies_under},
    scope::Scope,
    secrets,
};
use crate::settings::Settings;
use anyhow::{Context, ensure};
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where callers may go: inside the roots, and not into the denied places.
#[derive(Debug)]
pub struct Workspace {
    start: PathBuf,
    roots: Vec<PathBuf>,
    pub(super) denials: Denials,
    /// What `MCP_DENIED_PATHS` names, with and without links.
    asked: Vec<PathBuf>,
    patterns: PatternSet,
    /// The only part of the roots that may be changed; none: all of it.
    writable: Option<Scope>,
    held: Held,
    spared: Spared,
    directory: PathBuf,
    pub(super) top: Directory,
    top_identity: Identity,
}

impl Workspace {
    /// Takes the settings' roots and denials, and those that always hold, for a server in `directory`.
    ///
    /// # Errors
    /// When a root is not there or is no directory.
    pub fn open(settings: &Settings, directory: &Path) -> anyhow::Result<Arc<Self>> {
        let directory = without_links(directory, &mut HashMap::new());
        let roots =
            settings.allowed_dirs.iter().map(|root| open_root(root, &directory)).collect::<Result<Vec<_>, _>>()?;
        let start = match roots.first() {
            Some(first) if !roots.iter().any(|root| lies_under(&directory, root)) => first.clone(),
            _ => directory.clone(),
        };
        check_commas("MCP_ALLOWED_DIRS", &settings.allowed_dirs, std::slice::from_ref(&directory))?;
        check_commas(
            "MCP_DENIED_PATHS",
            &settings.denied_paths,
            &[std::slice::from_ref(&directory), roots.as_slice()].concat(),
        )?;
        let asked = Asked::of("MCP_DENIED_PATHS", &settings.denied_paths, &directory, &roots)?;
        let writable = Scope::of_settings(&settings.writable_paths, &directory, &roots)?;
        let spared = Spared::new(&roots, &directory);
        let named = asked.places.iter().flat_map(|place| [place.clone(), without_links(place, &mut HashMap::new())]);
        let named: Vec<PathBuf> = named.collect();
        let denials = Denials::of_settings(asked.places, &settings.command_rules, &directory, &spared)?;
        for root in roots.iter().filter(|root| denials.deny(root, Intent::Read)) {
            tracing::warn!(
                "{} is allowed by MCP_ALLOWED_DIRS but lies in a denied place: it stays denied",
                root.display()
            );
        }
        let top = Directory::top().context("the root of the file system cannot be opened")?;
        let top_identity = top.fstat().context("the root of the file system cannot be looked at")?.identity;
        let (patterns, held) = (PatternSet::new(asked.patterns), Held::default());
        let asked = named;
        let workspace =
            Self { start, roots, denials, asked, patterns, writable, held, spared, directory, top, top_identity };
        if let Err(error) = workspace.denied_now(workspace.denials.list(), &[]) {
            // No command is started before that can be told.
            tracing::error!("what is denied cannot be found: {error}");
        }
        if !workspace.allows(workspace.start(), Intent::Read) {
            let start = workspace.start().display();
            tracing::error!("{start} is denied: neither relative paths nor commands work; start the bridge elsewhere");
        }
        Ok(Arc::new(workspace))
    }

    /// The server's own directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where relative paths start: the server's directory, or the first root when that lies in none.
    pub fn start(&self) -> &Path {
        &self.start
    }

    /// The only places that may be reached, without links in them; none: the whole disk.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The places that may not be reached although they lie in a root.
    pub fn denials(&self) -> &[Denial] {
        self.denials.list()
    }

    /// What of homes has come since the start: places, which are denied as well, and folders in which this user may not look
    /// for some now.
    ///
    /// # Errors
    /// When it cannot be told what is there.
    pub fn new_denials(&self) -> io::Result<Fitting> {
        self.denials.new_of_homes()
    }

    /// What is denied by pattern, beside [`Self::denials`]: of what is there when a command starts, and of what comes.
    pub fn patterns(&self) -> &[Pattern] {
        self.patterns.patterns()
    }

    /// Whether nothing of the place `real` may be known: a way must not lead through it.
    pub(super) fn hides(&self, real: &Path) -> bool {
        self.denials.hide(real) || self.patterns.covers(real)
    }

    /// Where the denied places are now that were found so far; `denials` are looked at first, for what has come into
    /// being. `barred` are folders that could not be looked through.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn denied_now(&self, denials: &[Denial], barred: &[PathBuf]) -> io::Result<Vec<Present>> {
        self.held.look_again(denials, barred, &self.spared)
    }

    /// Whether something is a denied place, wherever it was moved to.
    pub(super) fn is_denied_place(&self, identity: Identity, intent: Intent) -> bool {
        self.held.denies(identity, intent)
    }

    /// Whether a directory is a denied place or lies in one, wherever that was moved to.
    pub(super) fn lies_in_denied_place(&self, directory: &Directory, intent: Intent) -> bool {
        self.held.reaches_down_to(directory, self.top_identity, intent)
    }

    /// Whether something that really lies at `real` (no links, no dots) may be reached for this.
    pub fn allows(&self, real: &Path, intent: Intent) -> bool {
        let by_pattern = || self.patterns.covers(real);
        self.is_in_roots(real)
            && (intent == Intent::Read || self.is_writable(real))
            && !self.denials.deny(real, intent)
            && !by_pattern()
    }

    /// Whether the settings let a place be changed, where it is not denied.
    pub(super) fn is_writable(&self, real: &Path) -> bool {
        self.writable.as_ref().is_none_or(|writable| writable.holds(real))
    }

    /// The only part of the roots that may be changed; none: all of it.
    pub(crate) fn writable(&self) -> Option<&Scope> {
        self.writable.as_ref()
    }

    /// Where callers may do as they like: the places that they may change, or else the roots.
    pub fn changeable(&self) -> &[PathBuf] {
        let writable = self.writable.as_ref().map(Scope::places);
        writable.filter(|places| !places.is_empty()).unwrap_or(&self.roots)
    }

    /// Whether a place is one that callers have as a whole, or holds one.
    pub fn holds_a_root(&self, real: &Path) -> bool {
        let writable = self.writable.as_ref().map(Scope::places).unwrap_or_default();
        self.roots.iter().chain(writable).any(|root| root.starts_with(real))
    }

    /// Whether `MCP_DENIED_PATHS` names a place or what it lies in.
    pub fn is_denied_by_settings(&self, real: &Path) -> bool {
        self.asked.iter().any(|place| lies_under(real, place)) || self.patterns.covers(real)
    }

    /// Whether a place is denied as a secret of somebody's home.
    pub fn is_of_homes(&self, real: &Path) -> bool {
        self.denials.are_of_homes(real)
    }

    /// Whether a place is denied whatever the settings say.
    pub fn is_always_denied(&self, real: &Path) -> bool {
        let mut system = secrets::SYSTEM.iter().map(Path::new);
        self.is_own(real) || system.any(|place| lies_under(real, place)) || self.is_of_homes(real)
    }

    /// Whether a place is one of the bridge's own secrets.
    pub fn is_own(&self, real: &Path) -> bool {
        let mut own = OWN_FILES.into_iter().chain(["memory"]).map(|name| self.directory.join(name));
        own.any(|place| lies_under(real, &place))
    }

    /// Whether a place that may not be changed lies in the directory `real`, so that it may not go as a whole.
    pub fn holds_denied(&self, real: &Path) -> bool {
        let holds = |pattern: &Pattern| {
            let found = pattern.found(&[real.to_owned()], &mut entries);
            // What cannot be looked through may hold anything.
            found.map_or(true, |found| found.places.iter().chain(&found.barred).any(|path| lies_under(path, real)))
        };
        let names = self.denials.lie_in(real);
        let moved = || self.held.paths().is_none_or(|paths| paths.iter().any(|(path, _)| lies_under(path, real)));
        names || self.patterns.patterns().iter().any(holds) || moved()
    }

    /// Whether something at `real`, which need not be there any more, lies where a denied place was moved to.
    pub fn lies_in_moved(&self, real: &Path) -> bool {
        let moved = self.held.paths();
        moved.is_none_or(|paths| paths.iter().any(|(path, hides)| *hides && lies_under(real, path)))
    }

    pub(super) fn is_in_roots(&self, real: &Path) -> bool {
        self.roots.is_empty() || self.roots.iter().any(|root| lies_under(real, root))
    }

    /// Whether a file is one of [`OWN_FILES`] under another name. Only one with several names can be.
    pub(super) fn is_own_file(&self, found: &Found) -> bool {
        if found.names < 2 || !found.is_file() {
            return false;
        }
        let Ok(below) = self.directory.strip_prefix("/") else { return false };
        let Some(directory) = self.top.descend_without_links(below) else { return false };
        OWN_FILES.iter().any(|name| directory.look(name.as_ref()).is_ok_and(|own| own.identity == found.identity))
    }
}

fn open_root(text: &str, directory: &Path) -> anyhow::Result<PathBuf> {
    let path = directory.join(text);
    let real = canonical(&path).with_context(|| {
        format!("MCP_ALLOWED_DIRS names {text:?}, which is not there: make the folder or take it out")
    })?;
    ensure!(real.is_dir(), "MCP_ALLOWED_DIRS names {text:?}, which is no folder: name the folder it lies in");
    Ok(real)
}
