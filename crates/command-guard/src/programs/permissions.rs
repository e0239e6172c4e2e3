//! Permissions, owners and attributes.

use crate::effects::{Call, Effects};
use crate::options::Options;
use crate::places::Place;

use crate::targets::Target;
use crate::values::Field;

pub(super) const NAMES: &[&str] =
    &["chmod", "chown", "chgrp", "chattr", "setfacl", "setcap", "chflags", "restorecon", "chcon"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let name = call.name;
    // A mode may begin with a dash: `chmod -x file`.
    let options =
        Options::read(call.arguments, &["-m", "-M", "-x", "-X", "--modify", "--reference", "--from", "-n", "-v"]);
    let options = if matches!(name, "chmod" | "chown" | "chgrp") {
        Options::read(call.arguments, &["--reference", "--from"])
    } else {
        options
    };
    if name == "setcap" && !options.has(&["-r"]) {
        return effects.refuse("permissions", "`setcap` would give a program the powers of root");
    }
    let all = options.has(&["-R", "--recursive"]);
    let mut operands = options.operands.as_slice();
    let mut mode = String::new();
    let own_mode = name.starts_with("ch") && !options.has(&["--reference"]);
    let dashed = name == "chmod" && call.arguments.iter().any(is_dashed_mode);
    if own_mode && !dashed {
        let Some((first, rest)) = operands.split_first() else {
            return;
        };
        mode = first.visible();
        operands = rest;
    }
    for operand in operands {
        for (target, place) in call.places(operand) {
            let change = Change { name, mode: &mode, all: all || target.below, own: own_name(call, &mode) };
            change.judge(&target, place, effects);
        }
    }
}

fn is_dashed_mode(argument: &Field) -> bool {
    let text = argument.visible();
    text.len() > 1 && text.starts_with('-') && text[1..].chars().all(|c| "rwxXst".contains(c))
}

fn own_name(call: &Call<'_>, mode: &str) -> bool {
    let user = mode.split([':', '.']).next().unwrap_or_default();
    !user.is_empty() && (user == call.context.user() || user == "1000")
}

struct Change<'c> {
    name: &'c str,
    mode: &'c str,
    /// With everything below.
    all: bool,
    /// The new owner is the user himself.
    own: bool,
}

impl Change<'_> {
    fn judge(&self, target: &Target, place: Place, effects: &mut Effects) {
        // Others can reach what lies in a place for temporary files, and with it the owner's rights.
        let inside = place == Place::Workspace || place == Place::Scratch && !gives_owner(self.mode);
        if self.name == "chmod" && gives_identity(self.mode) && !inside {
            return effects
                .refuse("account", format!("`chmod` would let everybody act as the owner of {}", target.shown()));
        }
        let refused = match place {
            Place::Root => self.all || self.loosens() || self.locks() || self.name == "chattr",
            Place::System | Place::Kernel => {
                let usual = self.mode.starts_with("root") || self.is_harmless_mode();
                self.all || !usual || !matches!(self.name, "chmod" | "chown" | "chgrp")
            }
            Place::Disk => true,
            Place::Home => self.all && !self.own || self.loosens() || self.locks(),
            Place::Protected => true,
            Place::UserData if self.name == "chmod" => self.loosens() && secret(target) || self.all && self.locks(),
            Place::UserData => self.name == "chown" && !self.own && self.all,
            _ => false,
        };
        if refused {
            let what = format!("change who may use {}, {}", target.shown(), place.about());
            effects.refuse("permissions", format!("`{}` would {what}", self.name));
        }
    }

    /// Opens something to everybody.
    fn loosens(&self) -> bool {
        let digits = self.mode.trim_start_matches('0');
        digits.len() == 3 && digits.ends_with(['2', '3', '6', '7'])
            || ["a+w", "o+w", "ugo+rwx", "a+rwx", "o+rwx", "+rwx", "a=rwx", "o=rwx", "ugo+w", "go+w"]
                .contains(&self.mode)
    }

    /// Locks the owner out.
    fn locks(&self) -> bool {
        let octal = !self.mode.is_empty() && self.mode.chars().all(|c| c.is_digit(8));
        octal && self.mode.trim_start_matches('0').len() < 3
            || ["a-rwx", "u-rwx", "a=", "a-x", "u-x"].contains(&self.mode)
    }

    /// Making something readable or runnable, as after an installation by hand.
    fn is_harmless_mode(&self) -> bool {
        ["+x", "a+x", "a+r", "+r", "755", "0755", "644", "0644", "a+rx", "go+r", "u+x", "440", "0440", "o-w", "go-w"]
            .contains(&self.mode)
    }
}

/// The setuid bit.
fn gives_owner(mode: &str) -> bool {
    let octal = mode.len() == 4 && mode.chars().all(|c| c.is_digit(8));
    let clause = |clause: &str| {
        clause
            .split_once(['+', '='])
            .is_some_and(|(who, bits)| bits.contains('s') && (who.is_empty() || who.contains(['u', 'a'])))
    };
    if octal { matches!(mode.as_bytes()[0], b'4'..=b'7') } else { mode.split(',').any(clause) }
}

/// The setuid and setgid bits.
pub(super) fn gives_identity(mode: &str) -> bool {
    let octal = mode.len() == 4 && mode.chars().all(|c| c.is_digit(8));
    if octal {
        return matches!(mode.as_bytes()[0], b'2' | b'4' | b'6' | b'3' | b'5' | b'7');
    }
    mode.split(',')
        .any(|clause| clause.split_once(['+', '=']).is_some_and(|(who, bits)| bits.contains('s') && !who.contains('o')))
}

fn secret(target: &Target) -> bool {
    let path = target.shown();
    ["/.ssh", "/.gnupg", "/.aws", "/.kube"].iter().any(|part| path.contains(part))
}
