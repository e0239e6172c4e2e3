//! From an operand to the places on disk that it can mean.

use super::patterns::{Atom, atoms, matches};
use super::scope::Scope;
use super::values::{Field, Origin, Part};

/// An absolute path whose components may be patterns; without components it is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub components: Vec<Vec<Atom>>,
    /// Everything below is meant, not the path itself.
    pub below: bool,
}

impl Target {
    pub(crate) fn of(path: &str) -> Self {
        let mut target = Self { components: Vec::new(), below: false };
        for name in path.split('/') {
            target.enter(name.chars().map(Atom::Char).collect());
        }
        target
    }

    fn enter(&mut self, component: Vec<Atom>) {
        let name: String = component.iter().filter_map(character).collect();
        let literal = !component.iter().any(Atom::is_wild);
        match name.as_str() {
            "" | "." if literal => {}
            ".." if literal => {
                self.components.pop();
            }
            _ => self.components.push(component),
        }
    }

    /// Whether removing what this names removes `path`: it is the path, a parent of it, or a pattern for one.
    pub(crate) fn covers(&self, path: &[&str]) -> bool {
        self.components.len() <= path.len() && (!self.below || self.components.len() < path.len()) && self.agrees(path)
    }

    /// Whether this names something below `path` (or can, if it is a pattern).
    pub(crate) fn is_inside(&self, path: &[&str]) -> bool {
        let deeper = self.components.len() > path.len();
        let below = self.below && self.components.len() == path.len();
        (deeper || below) && self.agrees(path)
    }

    /// Inside, with every component of `path` written out: a pattern could also mean its neighbours.
    pub(crate) fn is_surely_inside(&self, path: &[&str]) -> bool {
        self.components.len() >= path.len()
            && path.iter().zip(&self.components).all(|(name, component)| is_literally(component, name))
    }

    fn agrees(&self, path: &[&str]) -> bool {
        self.components.iter().zip(path).all(|(component, name)| matches(component, name))
    }

    pub(crate) fn is_root(&self) -> bool {
        self.components.is_empty()
    }

    /// The names of a path without patterns.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        self.components.iter().map(|component| literal(component)).collect()
    }

    /// The literal name at a depth.
    pub(crate) fn name(&self, depth: usize) -> Option<String> {
        self.components.get(depth).and_then(|component| literal(component))
    }

    pub(crate) fn ends_in_pattern(&self) -> bool {
        self.below || self.components.last().is_some_and(|component| component.iter().any(Atom::is_wild))
    }

    /// The path as a person would write it.
    pub(crate) fn shown(&self) -> String {
        let mut path = String::new();
        for component in &self.components {
            path.push('/');
            path.extend(component.iter().map(|atom| match atom {
                Atom::Char(character) => *character,
                _ => '*',
            }));
        }
        if path.is_empty() || self.below {
            path.push('/');
        }
        path
    }
}

fn character(atom: &Atom) -> Option<char> {
    match atom {
        Atom::Char(character) => Some(*character),
        _ => None,
    }
}

fn is_literally(component: &[Atom], name: &str) -> bool {
    component.iter().map(character).eq(name.chars().map(Some))
}

fn literal(component: &[Atom]) -> Option<String> {
    component.iter().map(character).collect()
}

/// The names of a literal path.
pub(super) fn names(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

/// Every place that `field` can mean in `scope`; none when nothing of it is known.
pub(super) fn resolve(field: &Field, scope: &Scope) -> Vec<Target> {
    let mut targets = Vec::new();
    for directory in &scope.directories {
        let Some(target) = resolve_from(field, directory.as_deref()) else {
            continue;
        };
        let through = field.visible().ends_with('/');
        for target in through_mounts(follow_links(target, through, scope), scope) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    targets
}

/// `None`: the beginning is not known, so it can be anywhere.
fn resolve_from(field: &Field, directory: Option<&str>) -> Option<Target> {
    let absolute = match field.0.first()? {
        Part::Text(text) | Part::Glob(text) => text.starts_with('/'),
        Part::Below => false,
        // An unset variable before a slash leaves the slash: `"$dir/"*` is `/*`.
        Part::Unknown(Origin::Unset) => return resolve_unset(field),
        Part::Unknown(_) => return None,
    };
    let mut target = if absolute { Target::of("/") } else { Target::of(directory?) };
    let mut component = Vec::new();
    for part in &field.0 {
        let piece = match part {
            Part::Text(text) => text.chars().map(Atom::Char).collect(),
            Part::Glob(text) => atoms(text),
            Part::Below => {
                target.enter(std::mem::take(&mut component));
                target.below = true;
                return Some(target);
            }
            Part::Unknown(_) => vec![Atom::Any],
        };
        for atom in piece {
            if atom == Atom::Char('/') {
                target.enter(std::mem::take(&mut component));
            } else {
                component.push(atom);
            }
        }
    }
    target.enter(component);
    Some(target)
}

/// The reading with the variable empty counts only where it is the well-known accident: the root.
fn resolve_unset(field: &Field) -> Option<Target> {
    let mut rest = field.clone();
    while matches!(rest.0.first(), Some(Part::Unknown(Origin::Unset))) {
        rest.0.remove(0);
    }
    let Some(Part::Text(text) | Part::Glob(text)) = rest.0.first() else {
        return None;
    };
    if !text.starts_with('/') {
        return None;
    }
    let target = resolve_from(&rest, None)?;
    let everything = target.components.iter().all(|component| component.as_slice() == [Atom::Any]);
    (everything && target.components.len() <= 1).then_some(target)
}

/// Follows the links that the same line made: `ln -s / x; rm -rf x/*`.
fn follow_links(mut target: Target, through: bool, scope: &Scope) -> Target {
    for (link, meaning) in scope.links.iter().rev() {
        let link = names(link);
        // The link itself is not what it points to, unless something below it is meant.
        if target.is_surely_inside(&link) && (target.components.len() > link.len() || target.below || through) {
            let tail = target.components.split_off(link.len());
            let below = target.below;
            target = Target::of(meaning);
            target.components.extend(tail);
            target.below = below;
        }
    }
    target
}

/// In a container or another root: what of the host is meant, if anything.
fn through_mounts(target: Target, scope: &Scope) -> Vec<Target> {
    let Some(mounts) = &scope.mounts else {
        return vec![target];
    };
    let mut targets = Vec::new();
    for (inside, outside) in mounts {
        let inside: Vec<&str> = names(inside);
        if target.is_surely_inside(&inside) {
            let mut host = Target::of(outside);
            host.components.extend(target.components[inside.len()..].iter().cloned());
            host.below = target.below;
            targets.push(host);
        } else if target.covers(&inside) {
            // The whole container goes, and with it what is mounted below.
            let mut host = Target::of(outside);
            host.below = true;
            targets.push(host);
        }
    }
    targets
}
