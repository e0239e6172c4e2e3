//! Archives whose programs have options of their own kind: tar and 7z.

use crate::effects::{Call, Effects, Write};
use crate::options::Options;
use crate::values::Field;

pub(super) const NAMES: &[&str] = &["tar", "bsdtar", "gtar", "7z", "7za", "7zz", "7zr"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    if call.name.starts_with('7') { seven_zip(call, effects) } else { tar(call, effects) }
}

fn tar(call: &Call<'_>, effects: &mut Effects) {
    // `tar xzf file`: the first word is a cluster of options without a dash.
    let mut words = call.arguments.to_vec();
    if let Some(first) = words.first_mut()
        && let Some(text) = first.known().filter(|text| !text.starts_with('-') && !text.contains('/'))
    {
        *first = Field::text(format!("-{text}"));
    }
    let options = Options::read(&words, &["-f", "--file", "-C", "--directory", "-T", "-X", "-I", "--exclude", "-b"]);
    if options.has(&["-c", "--create", "-r", "--append", "-u", "--update"]) {
        for file in options.values(&["-f", "--file"]) {
            effects.writes("tar", file, Write::Replace);
        }
        if options.has(&["--remove-files"]) {
            options.operands.iter().for_each(|source| effects.removes("tar --remove-files", source));
        }
    } else if options.has(&["-x", "--extract", "--get"]) {
        let here = Field::text(".");
        let places: Vec<Field> = options.values(&["-C", "--directory"]).cloned().collect();
        let over = options.has(&["--overwrite", "-U", "--unlink-first", "--recursive-unlink"]);
        for place in places.iter().chain(places.is_empty().then_some(&here)) {
            effects.unpacks("tar", place, over);
        }
    }
}

fn seven_zip(call: &Call<'_>, effects: &mut Effects) {
    if call.has_word(&["-sdel"]) {
        let sources = Options::read(call.arguments, &[]).operands;
        return sources.iter().skip(2).for_each(|source| effects.removes("7z -sdel", source));
    }
    let named = call.arguments.iter().filter_map(|argument| argument.after("-o"));
    let mut places: Vec<Field> = named.filter(|place| !place.0.is_empty()).collect();
    let over = call.has_word(&["-aoa", "-y"]) && (call.first_is("x") || call.first_is("e"));
    if places.is_empty() && over {
        places.push(Field::text("."));
    }
    places.iter().for_each(|place| effects.unpacks(call.name, place, over));
}
