//! Archives: what unpacking overwrites and what packing takes away.

use crate::effects::Write;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::Field;

pub(super) fn tar(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    // `tar xzf file`: the first word is a cluster of options without a dash.
    let mut words = arguments.to_vec();
    if let Some(first) = words.first_mut()
        && let Some(text) = first.known().filter(|text| !text.starts_with('-') && !text.contains('/'))
    {
        *first = Field::text(format!("-{text}"));
    }
    let options = Options::read(&words, &["-f", "--file", "-C", "--directory", "-T", "-X", "-I", "--exclude", "-b"]);
    let creates = options.has(&["-c", "--create", "-r", "--append", "-u", "--update"]);
    if creates {
        for file in options.values(&["-f", "--file"]) {
            judge.writes("tar", file, Write::Replace, scope)?;
        }
        if options.has(&["--remove-files"]) {
            for source in &options.operands {
                judge.removes("tar --remove-files", source, true, scope)?;
            }
        }
    } else if options.has(&["-x", "--extract", "--get"]) {
        let here = Field::text(".");
        let places: Vec<Field> = options.values(&["-C", "--directory"]).cloned().collect();
        let over = options.has(&["--overwrite", "-U", "--unlink-first", "--recursive-unlink"]);
        for place in places.iter().chain(places.is_empty().then_some(&here)) {
            unpacks(judge, "tar", place, scope)?;
            if over {
                judge.unpacks_over("tar", place, scope)?;
            }
        }
    }
    Ok(())
}

/// `cpio -i` unpacks into `-D`, or here.
pub(super) fn cpio(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-D", "--directory", "-F", "-E", "-H", "-I", "-O"]);
    let place = options.value(&["-D", "--directory"]).unwrap_or_else(|| Field::text("."));
    if !options.has(&["-i", "--extract", "-p"]) {
        return Ok(());
    }
    unpacks(judge, "cpio", &place, scope)?;
    if options.has(&["-u", "--unconditional"]) { judge.unpacks_over("cpio", &place, scope) } else { Ok(()) }
}

/// Unpacking into a directory of the system replaces what lies there under the same names.
fn unpacks(judge: &Judge<'_>, program: &str, place: &Field, scope: &Scope) -> Judged<()> {
    let known = judge
        .places(place, scope)
        .iter()
        .any(|(target, _)| ["/usr/local", "/opt", "/srv"].contains(&target.shown().as_str()));
    if known {
        return Ok(());
    }
    judge.writes(program, place, Write::Replace, scope)
}

pub(super) fn archive(judge: &Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-d", "-x", "-P"]);
    if call.name == "zip" {
        let deletes = options.has(&["-m", "--move"]);
        for source in options.operands.iter().skip(1).filter(|_| deletes) {
            judge.removes("zip -m", source, true, scope)?;
        }
        return Ok(());
    }
    if call.arguments.iter().any(|argument| argument.is("-sdel")) {
        for source in options.operands.iter().skip(2) {
            judge.removes("7z -sdel", source, true, scope)?;
        }
        return Ok(());
    }
    let mut places: Vec<Field> = options.values(&["-d"]).cloned().collect();
    places.extend(call.arguments.iter().filter_map(|argument| argument.after("-o")));
    places.retain(|place| !place.0.is_empty());
    for place in &places {
        unpacks(judge, &call.name, place, scope)?;
    }
    let lists = options.has(&["-l", "-t", "-p", "-Z", "-v"]);
    let over = if call.name == "unzip" {
        options.has(&["-o"]) && !lists
    } else {
        ["-aoa", "-y"].iter().any(|text| call.arguments.iter().any(|argument| argument.is(text)))
            && call.arguments.first().is_some_and(|task| task.is("x") || task.is("e"))
    };
    let here = Field::text(".");
    let places = if places.is_empty() { std::slice::from_ref(&here) } else { &places[..] };
    places.iter().filter(|_| over).try_for_each(|place| judge.unpacks_over(&call.name, place, scope))
}
