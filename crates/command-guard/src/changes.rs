//! What may be done to a place, whatever does it.

use super::Refusal;
use super::effects::{Extent, Write};
use super::judge::{Judge, Judged};
use super::patterns::Atom;
use super::places::{Place, places, users_own};
use super::scope::Scope;
use super::targets::{Target, names};
use super::values::Field;
use super::words::words;

impl Judge<'_> {
    pub(crate) fn places(&self, field: &Field, scope: &Scope) -> Vec<(Target, Place)> {
        places(field, scope, self.context)
    }

    /// Removing what `field` names.
    pub(crate) fn removes(&self, program: &str, field: &Field, extent: Extent, scope: &Scope) -> Judged<()> {
        let whole = extent != Extent::Itself;
        for (target, place) in self.places(field, scope) {
            let rule = match place {
                Place::Root => "rm-root",
                _ if scope.is_elsewhere && is_all_of_the_root(&target) => "rm-root",
                Place::System if scope.is_elsewhere && !is_vital_anywhere(&target) => continue,
                Place::System if !whole && is_application_file(&target) => continue,
                Place::System | Place::Kernel => "rm-system",
                Place::Disk => "disk",
                Place::HarmlessDevice if !is_stream(&target) => "rm-system",
                Place::Home => "rm-home",
                Place::Protected => "protected-path",
                Place::UserData | Place::Elsewhere | Place::Served
                    if extent == Extent::Whole || !whole && !is_temp_artifact(&target) =>
                {
                    "rm-outside"
                }
                _ => continue,
            };
            return Err(Refusal::new(rule, format!("`{program}` would remove {}, {}", target.shown(), place.about())));
        }
        Ok(())
    }

    /// Moving what `field` names to another place.
    pub(crate) fn moves_away(&self, field: &Field, scope: &Scope) -> Judged<()> {
        for (target, place) in self.places(field, scope) {
            let top = target.components.len() <= self.home_depth() + 1 && target.ends_in_pattern();
            let rule = match place {
                Place::Root => "rm-root",
                Place::System if scope.is_elsewhere && !is_vital_anywhere(&target) => continue,
                Place::System | Place::Kernel | Place::Disk | Place::HarmlessDevice => "rm-system",
                Place::Home => "rm-home",
                Place::UserData if top || opens_the_account(&target) || self.is_users_folder(&target) => "rm-home",
                Place::Protected => "protected-path",
                _ => continue,
            };
            return Err(Refusal::new(rule, format!("it would move {} away, {}", target.shown(), place.about())));
        }
        Ok(())
    }

    fn home_depth(&self) -> usize {
        names(self.context.home).len()
    }

    /// One of the folders that every home has, or everything in one that is not for passing things through.
    fn is_users_folder(&self, target: &Target) -> bool {
        let depth = self.home_depth();
        let name = target.name(depth).unwrap_or_default();
        let rest = &target.components[(depth + 1).min(target.components.len())..];
        let everything = target.below && rest.is_empty() || rest.len() == 1 && rest[0].iter().all(Atom::is_wild);
        let passing = ["Downloads", "Public"].contains(&name.as_str());
        words("users-folders").contains(&name.as_str()) && (rest.is_empty() && !target.below || everything && !passing)
    }

    /// Unpacking over what lies in the home, or in one of its folders, without being asked.
    fn unpacks_over(&self, program: &str, field: &Field, scope: &Scope) -> Judged<()> {
        let depth = self.home_depth();
        let is_wide = |target: &Target| target.components.len() <= depth || self.is_users_folder(target);
        match users_own(field, scope, self.context).filter(is_wide) {
            Some(target) => {
                let what = format!("`{program}` would write over files in {}", target.shown());
                Err(Refusal::new("overwrite", what + ", outside of the workspace"))
            }
            None => Ok(()),
        }
    }

    /// Writing to the file that `field` names.
    pub(crate) fn writes(&self, program: &str, field: &Field, how: Write, scope: &Scope) -> Judged<()> {
        for (target, place) in self.places(field, scope) {
            let rule = match place {
                Place::Disk => "disk",
                Place::Kernel => kernel_file(&target),
                Place::Root => "overwrite",
                Place::System => system_file(&target, how),
                Place::Protected => "protected-path",
                Place::Home | Place::UserData => user_file(&target, how, self.home_depth()),
                Place::Elsewhere | Place::Served if how == Write::Empty => "overwrite",
                _ => "",
            };
            if !rule.is_empty() {
                return Err(Refusal::new(
                    rule,
                    format!("`{program}` would write to {}, {}", target.shown(), place.about()),
                ));
            }
        }
        Ok(())
    }

    /// Unpacking into a directory replaces what lies there under the same names; `over`: without asking.
    pub(crate) fn unpacks(&self, program: &str, field: &Field, over: bool, scope: &Scope) -> Judged<()> {
        let by_hand = |(target, _): &(Target, Place)| UNPACKED_INTO.contains(&target.shown().as_str());
        if !self.places(field, scope).iter().any(by_hand) {
            self.writes(program, field, Write::Replace, scope)?;
        }
        if over { self.unpacks_over(program, field, scope) } else { Ok(()) }
    }
}

/// Directories into which administrators unpack what is installed by hand.
const UNPACKED_INTO: &[&str] = &["/usr/local", "/opt", "/srv"];

/// `/*`
fn is_all_of_the_root(target: &Target) -> bool {
    target.components.len() == 1 && target.components[0].iter().all(Atom::is_wild)
}

/// A directory without which nothing runs, in whatever container or on whatever machine.
fn is_vital_anywhere(target: &Target) -> bool {
    let whole =
        target.components.len() == 1 || target.components.len() == 2 && target.components[1].iter().all(Atom::is_wild);
    let name = target.name(0).unwrap_or_default();
    whole && ["bin", "boot", "etc", "lib", "lib64", "sbin", "usr", "var"].contains(&name.as_str())
}

/// Keys and settings in the home, as a whole.
fn opens_the_account(target: &Target) -> bool {
    let path = target.shown();
    let name = path.rsplit('/').next().unwrap_or_default();
    [".ssh", ".gnupg", ".aws", ".kube", ".config", ".local", ".mozilla", ".password-store"].contains(&name)
}

/// One file of an application's settings, which administrators exchange.
fn is_application_file(target: &Target) -> bool {
    let path = target.shown();
    !target.ends_in_pattern() && words("applications").iter().any(|known| path.starts_with(known))
}

fn is_stream(target: &Target) -> bool {
    target.components.len() > 2
}

/// Files that editors, tools and systems leave behind.
fn is_temp_artifact(target: &Target) -> bool {
    let last = target.components.len().checked_sub(1);
    let name: String = last
        .map(|at| {
            target.components[at]
                .iter()
                .filter_map(|atom| match atom {
                    Atom::Char(character) => Some(*character),
                    _ => None,
                })
                .collect()
        })
        .unwrap_or_default();
    words("leftover-endings").iter().any(|ending| name.ends_with(ending))
}

/// Writing to `/proc` and `/sys`: a few settings that people change while they measure.
fn kernel_file(target: &Target) -> &'static str {
    let path = target.shown();
    if path.starts_with("/proc/sysrq") || path.ends_with("sysrq") {
        return "power";
    }
    if words("kernel-settings").iter().any(|known| path.starts_with(known)) { "" } else { "kernel" }
}

/// Files of the system that administrators edit in the course of their work.
fn system_file(target: &Target, how: Write) -> &'static str {
    let path = target.shown();
    if path == "/etc/hosts" && how != Write::Empty && how != Write::Replace {
        return "";
    }
    if how != Write::Empty && words("applications").iter().any(|known| path.starts_with(known)) {
        return "";
    }
    // `cp file /usr/local/bin` names the directory.
    if path == "/usr/local/bin" || path == "/usr/local/lib" || path == "/tmp" || path == "/var/tmp" {
        return "";
    }
    "overwrite"
}

/// The user's own files: what starts programs or opens the account, and what is emptied.
fn user_file(target: &Target, how: Write, home_depth: usize) -> &'static str {
    let path = target.shown();
    let file = path.rsplit('/').next().unwrap_or_default();
    if path.contains("/.ssh/") && file != "known_hosts" && file != "config" {
        return "account";
    }
    if how == Write::Empty {
        return "overwrite";
    }
    let secret = ["/.gnupg/", "/.aws/", "/.kube/", "/.password-store/", "/.config/autostart/"];
    // Right in the home, where shells look: `cp ~/.bashrc ~/.bashrc.bak` is a copy.
    let starts = words("account-files").contains(&file) && target.components.len() <= home_depth.max(2) + 1;
    let grave = starts || secret.iter().any(|part| path.contains(part));
    // Files that nobody named, all edited at once; settings are the exception, which come in pieces.
    let many = how == Write::Edit && target.ends_in_pattern() && !path.contains("/.");
    if how == Write::Replace && grave || many { "overwrite" } else { "" }
}

/// Files whose text a shell or git runs without being told to.
pub(super) fn starts_by_itself(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    words("shell-startup").contains(&file) || path.contains("/.git/hooks/") || path.contains("/.husky/")
}
