//! Programs that copy, move and link files, and redirections.

use crate::effects::{Call, Effects, Write};
use crate::options::Options;
use crate::places::Place;
use crate::values::{Data, Field, Origin, Part};

pub(super) const NAMES: &[&str] =
    &["tee", "sponge", "cp", "install", "scp", "mv", "rename", "mmv", "ln", "dd", "dcfldd", "dc3dd", "mkfifo"];

/// A redirection to `target` of what the command prints.
pub(in super::super) fn redirect(target: &Field, append: bool, written: &Data, effects: &mut Effects) {
    effects.writes("a redirection", target, how_written(append, written));
    effects.runs_later(target, written);
}

fn how_written(append: bool, written: &Data) -> Write {
    match written {
        _ if append => Write::Append,
        Data::Nothing => Write::Empty,
        written if is_blank(written) => Write::Empty,
        _ => Write::Replace,
    }
}

/// `printf '' > file`, `echo > file`
fn is_blank(written: &Data) -> bool {
    matches!(written, Data::Text(text) if text.known().is_some_and(|text| text.trim().is_empty()))
}

/// Devices that can be read without end.
pub(in super::super) const ENDLESS: &[&str] = &["/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    match call.name {
        "tee" | "sponge" => tee(call, effects),
        "cp" | "install" | "scp" => copy(call, effects),
        "mv" | "rename" | "mmv" => moves(call, effects),
        "ln" => link(call, effects),
        "mkfifo" => {
            // Whoever is at its other end decides what a shell would read from it.
            for fifo in Options::read(call.arguments, &["-m", "--mode"]).operands {
                effects.holds(&fifo, Data::Opaque(Origin::Fetched), false);
            }
        }
        _ => dd(call, effects),
    }
}

fn tee(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &[]);
    let append = options.has(&["-a", "--append"]);
    let input = &call.scope.stdin;
    for operand in &options.operands {
        // What flows in from elsewhere may be anything.
        let how = if *input == Data::Nothing && !append { Write::Replace } else { how_written(append, input) };
        effects.writes(call.name, operand, how);
        effects.runs_later(operand, input);
        effects.holds(operand, input.clone(), append);
    }
}

/// The sources, and the destination with each source's name below it.
fn destinations(options: &Options) -> (Vec<Field>, Vec<Field>) {
    let mut operands = options.operands.clone();
    let target = options.value(&["-t", "--target-directory"]);
    let Some(last) = target.or_else(|| (operands.len() > 1).then(|| operands.pop()).flatten()) else {
        return (operands, Vec::new());
    };
    let mut all = vec![last.clone()];
    for source in &operands {
        if let Some(name) = source.known().as_deref().and_then(|text| text.rsplit('/').next()) {
            let mut inside = last.clone();
            inside.push(Part::Text(format!("/{name}")));
            all.push(inside);
        }
    }
    (operands, all)
}

fn copy(call: &Call<'_>, effects: &mut Effects) {
    let valued = [
        "-t",
        "--target-directory",
        "-m",
        "--mode",
        "-o",
        "--owner",
        "-g",
        "--group",
        "-S",
        "--suffix",
        "-P",
        "-i",
        "-F",
        "-l",
    ];
    let valued = if call.name == "cp" { &valued[..2] } else { &valued[..] };
    let options = Options::read(call.arguments, valued);
    let (sources, destinations) = destinations(&options);
    let remote = |field: &Field| {
        let text = field.visible();
        call.name == "scp" && text.find(':').is_some_and(|at| !text[..at].contains('/'))
    };
    let gives_rights = call.name == "install"
        && options.value(&["-m", "--mode"]).is_some_and(|mode| super::permissions::gives_identity(&mode.visible()));
    if gives_rights {
        return effects.refuse("account", "`install` would let everybody act as the owner of what it installs");
    }
    let empty = sources.iter().any(|source| source.is("/dev/null") || source.is("/dev/zero"));
    for (index, destination) in destinations.iter().enumerate() {
        if remote(destination) {
            continue;
        }
        let how = if empty { Write::Empty } else { Write::Replace };
        directory_or_file(call, destination, index == 0, how, effects);
        if let [source] = sources.as_slice() {
            let content = call.scope.file(source).unwrap_or_else(Data::local);
            effects.holds(destination, content, false);
            effects.names_program(source, destination);
        }
    }
}

/// The first destination may be a directory, into which files are put; a directory of the system is
/// judged by what is put there.
fn directory_or_file(call: &Call<'_>, destination: &Field, may_be_directory: bool, how: Write, effects: &mut Effects) {
    let is_disk = || call.places(destination).iter().any(|(_, place)| *place == Place::Disk);
    if !may_be_directory || !destination.visible().ends_with('/') || is_disk() {
        effects.writes(call.name, destination, how);
    }
}

fn moves(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-t", "--target-directory", "-S", "--suffix"]);
    let (sources, destinations) = destinations(&options);
    for source in &sources {
        effects.moves_away(source);
    }
    for (index, destination) in destinations.iter().enumerate() {
        // As root, `mv x /dev/null` replaces the device; for everybody it loses x.
        if destination.is("/dev/null") {
            return effects.refuse("overwrite", "`mv` onto /dev/null destroys what is moved");
        }
        directory_or_file(call, destination, index == 0, Write::Replace, effects);
        if let [source] = sources.as_slice()
            && let Some(content) = call.scope.file(source)
        {
            effects.holds(destination, content, false);
        }
    }
}

fn link(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-t", "--target-directory", "-S", "--suffix"]);
    let forced = options.has(&["-f", "--force"]);
    let (sources, destinations) = destinations(&options);
    let how = if sources.iter().any(|source| source.is("/dev/null")) { Write::Empty } else { Write::Replace };
    for destination in destinations.iter().filter(|_| forced) {
        effects.writes("ln", destination, how);
    }
    // What is later done through the link is done to what it points to.
    for source in &sources {
        let place = destinations.last().unwrap_or(source);
        let named = if destinations.len() > 1 { &destinations[..] } else { std::slice::from_ref(place) };
        for link in named {
            effects.links(link, source);
            effects.names_program(source, link);
        }
    }
}

fn dd(call: &Call<'_>, effects: &mut Effects) {
    let operand = |name: &str| call.arguments.iter().find_map(|argument| argument.after(name));
    let Some(output) = operand("of=") else {
        return;
    };
    let nothing = operand("if=").is_some_and(|input| input.is("/dev/null"));
    let keeps = operand("conv=").is_some_and(|how| how.visible().contains("notrunc"));
    let how = if nothing && !keeps { Write::Empty } else { Write::Replace };
    effects.writes("dd", &output, how);
    let endless = operand("if=").and_then(|input| input.known()).is_some_and(|input| ENDLESS.contains(&input.as_str()));
    let harmless = call.places(&output).iter().all(|(target, _)| target.shown().starts_with("/dev/"));
    if endless && operand("count=").is_none() && !harmless {
        effects.refuse("disk-full", "`dd` would write without end; give it a count");
    }
}
