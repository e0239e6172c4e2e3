//! Editing files in place: what is changed, and what is thrown away.

use crate::effects::{Call, Effects, Write};
use crate::options::Options;
use crate::values::Field;

pub(super) fn sed(call: &Call<'_>, effects: &mut Effects) {
    let valued = ["-e", "--expression", "-f", "--file", "-l", "-E"];
    let mut options = Options::read(call.arguments, &valued);
    if options.has(&["-E"]) {
        options = Options::read(call.arguments, &valued[..5]);
    }
    let in_place = options.options.iter().find(|option| option.name == "-i" || option.name.starts_with("--in-place"));
    let Some(in_place) = in_place else {
        return;
    };
    // The sed of macOS has the suffix in an argument of its own: `sed -i '' d file`.
    let scripted = options.has(&["-e", "--expression", "-f", "--file"]);
    let suffixed = scripted || options.operands.len() > 2;
    options.operands.retain(|operand| !suffixed || !operand.is(""));
    let mut scripts: Vec<String> = options.values(&["-e", "--expression"]).map(Field::visible).collect();
    scripts.extend(options.operands.first().filter(|_| !scripted).map(Field::visible));
    let keeps = in_place.value.is_some() || call.arguments.iter().any(|argument| keeps_a_copy(&argument.visible()));
    let quiet = options.has(&["-n", "--quiet", "--silent"]);
    let empties = scripts.iter().any(|script| empties_by_sed(script))
        || quiet && !scripts.is_empty() && !scripts.iter().any(|script| script.contains(['p', 'P', 'w']));
    let how = if empties && !keeps { Write::Empty } else { Write::Edit };
    for file in options.operands.iter().skip(usize::from(!scripted)) {
        effects.writes("sed -i", file, how);
    }
}

/// `-i.bak`, `--in-place=.bak`: the file as it was stays beside the new one.
pub(super) fn keeps_a_copy(option: &str) -> bool {
    let suffix = option.strip_prefix("--in-place=").or_else(|| {
        let (letters, suffix) = option.strip_prefix('-')?.split_once('i')?;
        letters.chars().all(|c| c.is_ascii_alphanumeric()).then_some(suffix)
    });
    suffix.is_some_and(|suffix| suffix.starts_with(['.', '~', '_']) || suffix.contains('*'))
}

/// `d`, `1,$d`, `/.*/d`, `s/.*//`: nothing of any line stays.
fn empties_by_sed(script: &str) -> bool {
    script.split(['\n', ';']).map(str::trim).any(|command| {
        let everything = ["", "1,$", "0,$", "/.*/", "/./", "/^/", "/$/", "//"];
        let deletes = command.strip_suffix(['d', 'D']).is_some_and(|address| everything.contains(&address.trim()));
        deletes || empties_by_substitution(command.strip_prefix("1,$").unwrap_or(command)) || command == "Q"
    })
}

/// `s/.*//` with any delimiter and flags.
fn empties_by_substitution(command: &str) -> bool {
    let Some(rest) = command.trim().strip_prefix('s') else {
        return false;
    };
    let Some(delimiter) = rest.chars().next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()) else {
        return false;
    };
    // Perl's `s{.*}{}` closes what it opens.
    let closing = match delimiter {
        '{' => '}',
        '(' => ')',
        '[' => ']',
        other => other,
    };
    let parts: Vec<&str> = rest[delimiter.len_utf8()..].split([delimiter, closing]).collect();
    let whole = |pattern: &str| {
        let plain = pattern.replace("\\(", "").replace("\\)", "").replace(['(', ')'], "");
        let pattern = plain.trim_start_matches('^').trim_end_matches('$');
        [".*", ".+", ".*?", "[\\s\\S]*"].contains(&pattern)
    };
    match parts.as_slice() {
        [pattern, rest @ ..] => whole(pattern) && rest.first().is_some_and(|with| with.is_empty()),
        [] => false,
    }
}

/// Code of `perl -pi -e`: `s/.*//`, `$_ = ""`, `undef $_`, and with `-n` code that prints nothing.
pub(super) fn empties_by_code(code: &str, is_quiet: bool) -> bool {
    let code = code.trim();
    let compact: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let forgets = ["$_=\"\"", "$_=''", "$_=undef", "undef$_", "undef($_)", "$_=q()"];
    code.split(';').any(empties_by_substitution)
        || forgets.iter().any(|text| compact.contains(text))
        || is_quiet && !["print", "say", "puts", "write"].iter().any(|word| code.contains(word))
}
