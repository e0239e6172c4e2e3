//! Signals to processes, and what lists them.

use crate::effects::{Call, Effects};
use crate::values::{Data, Field};

/// `-1` is a signal where a signal may stand, and every process where a process may.
pub(super) fn kill(call: &Call<'_>, effects: &mut Effects) {
    let mut signal_given = false;
    let mut arguments = call.arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.visible();
        if !signal_given && text.starts_with('-') && text.len() > 1 {
            match text.as_str() {
                "-l" | "-L" | "--list" | "--table" => return,
                "-s" | "-n" | "--signal" => {
                    arguments.next();
                }
                "--" => {}
                // `kill -1` alone has no process to signal.
                "-1" if call.arguments.len() == 1 => {}
                _ => {}
            }
            signal_given = true;
            continue;
        }
        if argument.is("-1") || argument.is("1") || argument.is("-0") {
            return effects.refuse("kill-all", "`kill` would end every process, or the one that holds the system");
        }
    }
}

/// A pattern that every process fits.
pub(in super::super) fn means_everything(pattern: &Field) -> bool {
    pattern.known().is_some_and(|pattern| {
        matches!(
            pattern.as_str(),
            "." | ".*" | "" | "*" | "^" | "$" | ".+" | "[a-z]" | "[a-z]*" | "-1" | "^.*" | "[[:alpha:]]"
        )
    })
}

/// The numbers of all processes, as the one that stands for them: the first, which holds the system.
pub(in super::super) fn every_process() -> Data {
    Data::Names(vec![Field::text("1")])
}

/// `ps aux`, `ps -e`
pub(in super::super) fn lists_all(arguments: &[Field]) -> bool {
    arguments.iter().map(Field::visible).any(|text| match text.strip_prefix('-') {
        Some(options) => options.starts_with(['e', 'A', 'a']),
        None => text.starts_with('a') && text.chars().all(|c| "auxwfl".contains(c)),
    })
}
