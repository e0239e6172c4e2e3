//! What a place on disk is to the user and to the system.

use super::Context;
use super::scope::Scope;
use super::targets::{Target, names, resolve};
use super::values::Field;
use super::words::words;

/// What would be lost with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    /// A part of the system, or a directory that holds one.
    System,
    /// A home directory, or what holds the workspace.
    Home,
    /// The user's own files outside the workspace.
    UserData,
    /// What the policy denies to the file routes too.
    Protected,
    /// A device that holds data.
    Disk,
    /// A device that takes anything without harm, as `/dev/null`.
    HarmlessDevice,
    /// `/proc` and `/sys`.
    Kernel,
    /// Installed by hand below `/usr/local`.
    Local,
    /// Added packages and served data: below `/opt`, `/srv`, `/var/www`, or mounted.
    Served,
    /// Temporary directories and caches, remade on demand.
    Scratch,
    Workspace,
    /// Outside of all that is known.
    Elsewhere,
}

impl Place {
    /// What a person is told about it.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Root => "the whole system",
            Self::System => "a part of the system",
            Self::Kernel => "an interface of the kernel",
            Self::Home => "a home directory or what holds the workspace",
            Self::UserData | Self::Elsewhere | Self::Served | Self::Local => "outside of the workspace",
            Self::Protected => "which the policy protects",
            Self::Disk | Self::HarmlessDevice => "a device",
            Self::Scratch | Self::Workspace => "inside the workspace",
        }
    }
}

/// Every place that `field` can mean, and what it is.
pub(super) fn places(field: &Field, scope: &Scope, context: &Context<'_>) -> Vec<(Target, Place)> {
    let kinds = |target: Target| {
        let kind = place(&target, context);
        (target, kind)
    };
    resolve(field, scope).into_iter().map(kinds).collect()
}

/// What `field` means of the user's own outside of the workspace: a home, or something in one.
pub(super) fn users_own(field: &Field, scope: &Scope, context: &Context<'_>) -> Option<Target> {
    let roots = context.workspaces();
    places(field, scope, context).into_iter().find_map(|(target, place)| {
        let is_root = roots.iter().any(|root| target.components.len() == root.len() && target.is_surely_inside(root));
        (matches!(place, Place::Home | Place::UserData) && !is_root).then_some(target)
    })
}

/// What `target` is; a pattern is the gravest thing that it can mean.
pub(super) fn place(target: &Target, context: &Context) -> Place {
    if target.is_root() {
        return Place::Root;
    }
    let guarded = |path: &String| {
        let path = names(path);
        target.covers(&path) && !is_all_of_scratch(target) || target.is_surely_inside(&path)
    };
    if context.protected.iter().any(guarded) {
        return Place::Protected;
    }
    let home = names(context.home);
    if !home.is_empty() && target.covers(&home) {
        return Place::Home;
    }
    // A home that is the workspace itself may be worked in, not emptied.
    let right_below = target.components.len() == home.len() + 1 && target.is_inside(&home);
    if right_below && target.name(home.len()).is_none() && broad(target, home.len()) {
        return Place::Home;
    }
    let roots = context.workspaces();
    if roots.iter().any(|root| target.is_surely_inside(root)) {
        return Place::Workspace;
    }
    if let Some(place) = special(target) {
        return place;
    }
    if let Some(place) = on_windows(target).or_else(|| in_a_home(target, context)) {
        return place;
    }
    if roots.iter().any(|root| target.covers(root)) {
        return Place::Home;
    }
    if words("top-directories").iter().any(|top| target.covers(&[top])) {
        return Place::System;
    }
    below_the_top(target)
}

/// `/tmp/*`: temporary directories are emptied and filled by habit, and whoever keeps a server there knows it.
fn is_all_of_scratch(target: &Target) -> bool {
    let all_of = |path: &&str| {
        let path = names(path);
        let depth = target.components.len();
        target.is_surely_inside(&path)
            && (depth == path.len()
                || depth == path.len() + 1 && target.name(depth - 1).is_none() && broad(target, depth - 1))
    };
    words("scratch").iter().any(all_of)
}

fn special(target: &Target) -> Option<Place> {
    let inside = |path: &&str| target.is_inside(&names(path)) && target.is_surely_inside(&names(path));
    if words("scratch").iter().any(inside) || words("system-caches").iter().any(inside) {
        return Some(Place::Scratch);
    }
    if target.is_surely_inside(&["run", "user"]) && target.components.len() > 3 {
        return Some(Place::Scratch);
    }
    if target.is_inside(&["dev"]) && target.is_surely_inside(&["dev"]) {
        return Some(device(target));
    }
    let kernel = [["proc"], ["sys"]].iter().any(|path| target.is_surely_inside(path));
    (kernel && target.components.len() > 1).then_some(Place::Kernel)
}

/// Devices by the names that Linux and macOS give them.
fn device(target: &Target) -> Place {
    let name: String = target.components[1]
        .iter()
        .map_while(|atom| match atom {
            super::patterns::Atom::Char(character) => Some(*character),
            _ => None,
        })
        .collect();
    // A name whose beginning is a pattern can be a disk.
    let harmless = words("harmless-devices").iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| {
            rest.is_empty() || known.ends_with('.') || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        })
    });
    if harmless { Place::HarmlessDevice } else { Place::Disk }
}

/// The drives of Windows as the subsystem for Linux has them: `/mnt/c`.
fn on_windows(target: &Target) -> Option<Place> {
    const SYSTEM: &[&str] =
        &["windows", "program files", "program files (x86)", "programdata", "boot", "efi", "recovery", "users"];
    let drive = target.name(1).filter(|name| name.len() == 1)?;
    if !target.is_surely_inside(&["mnt", &drive]) || !drive.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let depth = target.components.len();
    let top = target.name(2).unwrap_or_default().to_lowercase();
    match depth {
        0..=2 => Some(Place::System),
        3 if target.name(2).is_none() && broad(target, 2) => Some(Place::System),
        _ if top == "temp" || top == "tmp" => (depth > 3 || target.below).then_some(Place::Scratch),
        3 | 4 if top == "users" && (target.below || target.name(depth - 1).is_none()) => Some(Place::Home),
        4 if top == "users" => Some(Place::Home),
        _ if top == "users" && depth > 4 => Some(in_home_at(target, 4)),
        _ => SYSTEM.contains(&top.as_str()).then_some(Place::System),
    }
}

/// A home directory, or something in one.
fn in_a_home(target: &Target, context: &Context) -> Option<Place> {
    let own = names(context.home);
    let others = [["home", "*"], ["Users", "*"]];
    if target.covers(&["root"]) {
        return Some(Place::Home);
    }
    let depth = if !own.is_empty() && target.is_inside(&own) {
        own.len()
    } else if target.is_surely_inside(&["root"]) {
        1
    } else if others.iter().any(|base| target.is_surely_inside(&base[..1])) && target.components.len() > 1 {
        2
    } else {
        return None;
    };
    if target.components.len() == depth {
        return Some(Place::Home);
    }
    Some(in_home_at(target, depth))
}

/// `depth`: how many components the home itself has.
fn in_home_at(target: &Target, depth: usize) -> Place {
    let literal: Vec<Option<String>> = (depth..target.components.len()).map(|at| target.name(at)).collect();
    let below = literal.iter().map_while(Option::as_deref).collect::<Vec<_>>().join("/");
    if words("home-caches").iter().any(|cache| below.starts_with(cache)) {
        return Place::Scratch;
    }
    let remade = literal.iter().flatten().any(|name| {
        let lower = name.to_lowercase();
        words("regenerated").contains(&name.as_str()) || lower.contains("cache") || lower == "tmp" || lower == "temp"
    });
    if remade {
        return Place::Scratch;
    }
    // `~/*` and `~/.*` empty the home as surely as its own name does.
    if literal.len() == 1 && literal[0].is_none() && broad(target, depth) {
        return Place::Home;
    }
    Place::UserData
}

/// A pattern that names nothing in particular.
fn broad(target: &Target, depth: usize) -> bool {
    target.components[depth].iter().filter(|atom| !atom.is_wild()).all(|atom| *atom == super::patterns::Atom::Char('.'))
}

fn below_the_top(target: &Target) -> Place {
    let named_below =
        |path: &[&str]| target.is_surely_inside(path) && target.name(path.len()).is_some_and(|name| !name.is_empty());
    if named_below(&["usr", "local"]) {
        // The standard directories stay system; what is in them was put there by hand.
        let name = target.name(2).unwrap_or_default();
        let deep = target.components.len() > 3 && target.name(3).is_some();
        if deep || !words("local-directories").contains(&name.as_str()) {
            return Place::Local;
        }
    }
    if words("served").iter().any(|path| named_below(&names(path))) {
        return Place::Served;
    }
    if words("top-directories").iter().any(|top| target.is_inside(&[top])) {
        return Place::System;
    }
    Place::Elsewhere
}

/// Whether nothing below a top-level name can be a workspace, whatever directory a command is started in.
pub(super) fn is_core(name: &str) -> bool {
    ["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "sys", "System"].contains(&name)
}

/// Whether a top-level name belongs to the system.
pub(super) fn is_system(name: &str) -> bool {
    words("top-directories").contains(&name)
}
