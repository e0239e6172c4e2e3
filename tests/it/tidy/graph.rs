//! Which file uses which, through every re-export, and the circles in that.

use super::imports::{Module, ModulePath, modules};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// That a file names what another module defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) from: ModulePath,
    pub(super) file: PathBuf,
    pub(super) to: ModulePath,
    /// As it is written.
    pub(super) path: String,
}

/// The children of one module that lead to each other, by the module's path and their names.
pub(super) type Circle = (ModulePath, BTreeSet<String>);

/// The modules of one crate.
pub(super) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// More re-exports than this lie behind no name.
const LONGEST_CHAIN: usize = 12;

impl Crate {
    /// The crate whose root is this file.
    pub(super) fn read(root: &Path) -> Self {
        Self { modules: modules(root) }
    }

    /// The files of a module, one for each kind of system that it differs on.
    pub(super) fn files(&self, module: &ModulePath) -> &[PathBuf] {
        &self.modules[module].files
    }

    /// Every use of what another file defines.
    pub(super) fn uses(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        for (module, content) in &self.modules {
            for (file, path) in &content.paths {
                for target in self.resolve(module, path, LONGEST_CHAIN) {
                    let (from, to) = (self.in_file(module), self.in_file(&target));
                    if from != to {
                        uses.insert(Use { from, file: file.clone(), to, path: path.join("::") });
                    }
                }
            }
        }
        uses
    }

    /// The module with a file of its own that a module lies in, or is.
    fn in_file(&self, module: &ModulePath) -> ModulePath {
        let mut module = module.clone();
        while self.files(&module).is_empty() {
            module.pop();
        }
        module
    }

    /// The modules that define what `path` names in `module`; none of what comes from other crates.
    fn resolve(&self, module: &ModulePath, path: &[String], chain: usize) -> Vec<ModulePath> {
        let (mut start, mut rest) = (module.clone(), path);
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => start.clear(),
                "self" => {}
                "super" => drop(start.pop()),
                _ => break,
            }
            rest = others;
        }
        let is_within = rest.len() < path.len();
        // What is not seen here, as a macro makes it, is taken to be where it is looked for.
        self.walk(&start, rest, chain).unwrap_or_else(|| if is_within { vec![start] } else { Vec::new() })
    }

    /// The same of a path without `crate`, `self` and `super`; none where its first name is not known.
    fn walk(&self, module: &ModulePath, path: &[String], chain: usize) -> Option<Vec<ModulePath>> {
        let Some((first, rest)) = path.split_first() else { return Some(vec![module.clone()]) };
        let content = self.modules.get(module)?;
        let chain = chain.checked_sub(1)?;
        // A module, a function and a macro may share a name.
        let mut found = None::<Vec<ModulePath>>;
        let child = [module.as_slice(), std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            let below = self.walk(&child, rest, chain).unwrap_or_else(|| vec![child]);
            found.get_or_insert_default().extend(below);
        }
        if content.items.contains(first) {
            found.get_or_insert_default().push(module.clone());
        }
        for (_, target) in content.imported.iter().filter(|(name, target)| name == first && target.as_slice() != path) {
            let target = [target.as_slice(), rest].concat();
            found.get_or_insert_default().extend(self.resolve(module, &target, chain));
        }
        found.or_else(|| {
            let mut globs = content.globs.iter().flat_map(|glob| self.resolve(module, glob, chain));
            globs.find_map(|of| if of == *module { None } else { self.walk(&of, path, chain) })
        })
    }
}

/// Where two modules meet: the module that holds both, and the child of it in which each lies. None where one holds the
/// other, as a module and what it declares are one room.
pub(super) fn siblings(one: &Use) -> Option<(ModulePath, String, String)> {
    let common = one.from.iter().zip(&one.to).take_while(|(from, to)| from == to).count();
    Some((one.from[..common].to_vec(), one.from.get(common)?.clone(), one.to.get(common)?.clone()))
}

/// The circles among the children of each module, and the uses that close them.
pub(super) fn circles<'a>(uses: impl IntoIterator<Item = &'a Use>) -> BTreeMap<Circle, Vec<&'a Use>> {
    let uses: Vec<_> = uses.into_iter().filter_map(|one| Some((siblings(one)?, one))).collect();
    let mut reached = BTreeMap::<_, BTreeSet<(String, String)>>::new();
    for ((parent, from, to), _) in &uses {
        reached.entry(parent.clone()).or_default().insert((from.clone(), to.clone()));
    }
    reached.values_mut().for_each(close);
    let mut circles = BTreeMap::<_, Vec<_>>::new();
    for ((parent, from, to), one) in uses {
        let pairs = &reached[&parent];
        let are_mutual = |one: &String, other: &String| {
            let leads = |from: &String, to: &String| pairs.contains(&(from.clone(), to.clone()));
            leads(one, other) && leads(other, one)
        };
        if are_mutual(&from, &to) {
            let names = pairs.iter().map(|(name, _)| name);
            let members = names.filter(|name| are_mutual(&from, name)).cloned().collect();
            circles.entry((parent, members)).or_default().push(one);
        }
    }
    circles
}

/// Adds every pair that others lead to.
fn close(pairs: &mut BTreeSet<(String, String)>) {
    let names: BTreeSet<String> = pairs.iter().map(|(from, _)| from.clone()).collect();
    for middle in &names {
        let into: Vec<String> = pairs.iter().filter(|(_, to)| to == middle).map(|(from, _)| from.clone()).collect();
        let out: Vec<String> = pairs.iter().filter(|(from, _)| from == middle).map(|(_, to)| to.clone()).collect();
        pairs.extend(into.iter().flat_map(|from| out.iter().map(move |to| (from.clone(), to.clone()))));
    }
}
