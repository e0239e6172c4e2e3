//! Programs that write, copy, move and link files, and redirections.

use super::{archives, edits, transfers};
use crate::Refusal;
use crate::effects::{Write, starts_by_itself};
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::syntax::{Kind, Word};
use crate::targets::resolve;
use crate::values::{Data, Field, Origin, Part};

pub(super) const NAMES: &[&str] = &[
    "tee",
    "sponge",
    "truncate",
    "cp",
    "mv",
    "install",
    "ln",
    "dd",
    "dcfldd",
    "dc3dd",
    "sed",
    "gsed",
    "rsync",
    "tar",
    "bsdtar",
    "gtar",
    "unzip",
    "7z",
    "7za",
    "7zz",
    "7zr",
    "curl",
    "wget",
    "fetch",
    "aria2c",
    "sort",
    "patch",
    "ed",
    "ex",
    "fallocate",
    "gzip",
    "bzip2",
    "xz",
    "zstd",
    "split",
    "pv",
    "ddrescue",
    "mkfifo",
    "mknod",
    "rename",
    "mmv",
    "scp",
    "zip",
    "cpio",
    "xxd",
    "dos2unix",
    "unix2dos",
    "strip",
    "upx",
    "patchelf",
    "rclone",
];

/// A redirection to `target` of what the command prints.
pub(in super::super) fn redirect(
    judge: &mut Judge<'_>,
    target: &Field,
    append: bool,
    written: &Data,
    scope: &Scope,
) -> Judged<()> {
    let how = match written {
        _ if append => Write::Append,
        Data::Nothing => Write::Empty,
        written if is_blank(written) => Write::Empty,
        _ => Write::Replace,
    };
    judge.writes("a redirection", target, how, scope)?;
    runs_later(judge, target, written, scope)
}

/// `printf '' > file`, `echo > file`
fn is_blank(written: &Data) -> bool {
    matches!(written, Data::Text(text) if text.known().is_some_and(|text| text.trim().is_empty()))
}

/// What is written where a shell or git will run it unasked is judged as if it ran now.
fn runs_later(judge: &mut Judge<'_>, target: &Field, written: &Data, scope: &Scope) -> Judged<()> {
    if !judge.places(target, scope).iter().any(|(target, _)| starts_by_itself(&target.shown())) {
        return Ok(());
    }
    match shells::run_file(judge, written, &[], &mut scope.clone()) {
        Err(refusal) if refusal.rule != "unparsable" => Err(refusal),
        _ => Ok(()),
    }
}

/// Commands that print without end, into a file.
pub(in super::super) fn fills_the_disk(command: &Kind, target: &Field) -> Judged<()> {
    let Kind::Simple(simple) = command else {
        return Ok(());
    };
    let words: Vec<String> = simple.words.iter().filter_map(Word::literal).collect();
    let endless = match words.first().map(String::as_str) {
        Some("yes") => true,
        Some("cat" | "pv") => words[1..].iter().any(|file| ENDLESS.contains(&file.as_str())),
        _ => false,
    };
    if endless && !target.visible().starts_with("/dev/") && target.known().is_some() {
        return Err(Refusal::new("disk-full", "the command would write without end; bound it, as with `head -c`"));
    }
    Ok(())
}

/// Devices that can be read without end.
const ENDLESS: &[&str] = &["/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let arguments = &call.arguments;
    match call.name.as_str() {
        "tee" | "sponge" => tee(judge, call, scope),
        "truncate" | "fallocate" => resize(judge, call, scope),
        "cp" | "install" | "scp" => copy(judge, call, scope),
        "mv" | "rename" | "mmv" => moves(judge, call, scope),
        "ln" => link(judge, arguments, scope),
        "dd" | "dcfldd" | "dc3dd" => dd(judge, arguments, scope),
        "sed" | "gsed" => edits::sed(judge, arguments, scope),
        "rclone" => transfers::rclone(judge, arguments, scope),
        "rsync" => transfers::rsync(judge, arguments, scope),
        "tar" | "bsdtar" | "gtar" => archives::tar(judge, arguments, scope),
        "unzip" | "7z" | "7za" | "7zz" | "7zr" | "zip" => archives::archive(judge, call, scope),
        "curl" | "wget" | "fetch" | "aria2c" => transfers::download(judge, call, scope),
        "gzip" | "bzip2" | "xz" | "zstd" => compress(judge, call, scope),
        "dos2unix" | "unix2dos" | "strip" | "upx" | "patchelf" => {
            let valued = ["-o", "-n", "--set-rpath", "--set-interpreter", "--add-needed", "--remove-section", "-R"];
            each(judge, call, &valued, Write::Edit, scope)
        }
        "xxd" => {
            let operands = Options::read(arguments, &["-l", "-s", "-c", "-g", "-o", "-n"]).operands;
            operands.get(1).map_or(Ok(()), |to| judge.writes("xxd", to, Write::Replace, scope))
        }
        "cpio" => archives::cpio(judge, arguments, scope),
        "sort" | "pv" => output_option(judge, call, &["-o", "--output"], scope),
        "patch" => {
            output_option(judge, call, &["-d", "--directory", "-o"], scope)?;
            each(judge, call, &["-i", "-p", "-d", "--directory", "-o"], Write::Edit, scope)
        }
        "ed" | "ex" => each(judge, call, &["-i", "-p", "-d", "-c", "-o"], Write::Edit, scope),
        "mkfifo" => {
            // Whoever is at its other end decides what a shell would read from it.
            for fifo in Options::read(arguments, &["-m", "--mode"]).operands {
                scope.write_file(&fifo, Data::Opaque(Origin::Fetched), false);
            }
            Ok(())
        }
        "ddrescue" => {
            let operands = Options::read(arguments, &[]).operands;
            operands.get(1).map_or(Ok(()), |to| judge.writes("ddrescue", to, Write::Replace, scope))
        }
        _ => Ok(()),
    }
}

fn each(judge: &Judge<'_>, call: &Invocation, valued: &[&str], how: Write, scope: &Scope) -> Judged<()> {
    for operand in Options::read(&call.arguments, valued).operands {
        judge.writes(&call.name, &operand, how, scope)?;
    }
    Ok(())
}

/// What only grows loses nothing: `truncate -s 1G disk.img`, `fallocate -l 1G disk.img`.
fn resize(judge: &Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    let valued = ["-s", "--size", "-r", "-l", "-o"];
    let options = Options::read(&call.arguments, &valued);
    let length = options.value(&["-l"]).map(|length| length.visible()).unwrap_or_default();
    if call.name == "fallocate" && length.contains(['T', 'P', 'E', 't', 'p']) {
        return Err(Refusal::new("disk-full", "`fallocate` would fill the disk"));
    }
    let grows = if call.name == "fallocate" {
        !options.has(&["-c", "--collapse-range", "-p", "--punch-hole", "-z", "--zero-range"])
    } else {
        let size = options.value(&["-s", "--size"]).map(|size| size.visible()).unwrap_or_default();
        size.starts_with(['+', '>'])
            || size.starts_with(|c: char| c.is_ascii_digit() && c != '0') && size.ends_with(['M', 'G', 'T', 'B'])
    };
    each(judge, call, &valued, if grows { Write::Append } else { Write::Empty }, scope)
}

fn output_option(judge: &Judge<'_>, call: &Invocation, names: &[&str], scope: &Scope) -> Judged<()> {
    for file in Options::read(&call.arguments, names).values(names) {
        judge.writes(&call.name, file, Write::Replace, scope)?;
    }
    Ok(())
}

fn tee(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &[]);
    let append = options.has(&["-a", "--append"]);
    let input = scope.stdin.clone();
    for operand in &options.operands {
        let how = match append {
            true => Write::Append,
            false if is_blank(&input) => Write::Empty,
            false => Write::Replace,
        };
        judge.writes(&call.name, operand, how, scope)?;
        runs_later(judge, operand, &input, scope)?;
        scope.write_file(operand, input.clone(), append);
    }
    Ok(())
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

fn copy(judge: &Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
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
    let options = Options::read(&call.arguments, valued);
    let (sources, destinations) = destinations(&options);
    let remote = |field: &Field| {
        let text = field.visible();
        call.name == "scp" && text.find(':').is_some_and(|at| !text[..at].contains('/'))
    };
    let gives_rights = call.name == "install"
        && options.value(&["-m", "--mode"]).is_some_and(|mode| super::permissions::gives_identity(&mode.visible()));
    if gives_rights {
        return Err(Refusal::new("account", "`install` would let everybody act as the owner of what it installs"));
    }
    let empty = sources.iter().any(|source| source.is("/dev/null") || source.is("/dev/zero"));
    for (index, destination) in destinations.iter().enumerate() {
        if remote(destination) {
            continue;
        }
        let how = if empty { Write::Empty } else { Write::Replace };
        directory_or_file(judge, &call.name, destination, index == 0, how, scope)?;
        if let [source] = sources.as_slice() {
            let content = scope.file(source).unwrap_or_else(Data::local);
            scope.write_file(destination, content, false);
            scope.name_program(source, destination);
        }
    }
    Ok(())
}

/// The first destination may be a directory, into which files are put; a directory of the system is
/// judged by what is put there.
pub(super) fn directory_or_file(
    judge: &Judge<'_>,
    program: &str,
    destination: &Field,
    may_be_directory: bool,
    how: Write,
    scope: &Scope,
) -> Judged<()> {
    let slash = destination.visible().ends_with('/');
    if may_be_directory && slash && !judge.is_disk(destination, scope) {
        return Ok(());
    }
    judge.writes(program, destination, how, scope)
}

fn moves(judge: &Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-t", "--target-directory", "-S", "--suffix"]);
    let (sources, destinations) = destinations(&options);
    for source in &sources {
        judge.moves_away(source, scope)?;
    }
    for (index, destination) in destinations.iter().enumerate() {
        // As root, `mv x /dev/null` replaces the device; for everybody it loses x.
        if destination.is("/dev/null") {
            return Err(Refusal::new("overwrite", "`mv` onto /dev/null destroys what is moved"));
        }
        directory_or_file(judge, &call.name, destination, index == 0, Write::Replace, scope)?;
        if let [source] = sources.as_slice()
            && let Some(content) = scope.file(source)
        {
            scope.write_file(destination, content, false);
        }
    }
    Ok(())
}

fn link(judge: &Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-t", "--target-directory", "-S", "--suffix"]);
    let forced = options.has(&["-f", "--force"]);
    let (sources, destinations) = destinations(&options);
    let how = if sources.iter().any(|source| source.is("/dev/null")) { Write::Empty } else { Write::Replace };
    for destination in destinations.iter().filter(|_| forced) {
        judge.writes("ln", destination, how, scope)?;
    }
    // What is later done through the link is done to what it points to.
    for source in &sources {
        let meaning = resolve(source, scope).into_iter().next();
        let place = destinations.last().unwrap_or(source);
        let named = if destinations.len() > 1 { &destinations[..] } else { std::slice::from_ref(place) };
        for link in named {
            if let (Some(meaning), Some(link)) = (&meaning, resolve(link, scope).first())
                && meaning != link
            {
                scope.links.push((link.shown(), meaning.shown()));
            }
            scope.name_program(source, link);
        }
    }
    Ok(())
}

fn dd(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let operand = |name: &str| arguments.iter().find_map(|argument| argument.after(name));
    let Some(output) = operand("of=") else {
        return Ok(());
    };
    let nothing = operand("if=").is_some_and(|input| input.is("/dev/null"));
    let keeps = operand("conv=").is_some_and(|how| how.visible().contains("notrunc"));
    let how = if nothing && !keeps { Write::Empty } else { Write::Replace };
    judge.writes("dd", &output, how, scope)?;
    let endless = operand("if=").and_then(|input| input.known()).is_some_and(|input| ENDLESS.contains(&input.as_str()));
    let harmless = judge.places(&output, scope).iter().all(|(target, _)| target.shown().starts_with("/dev/"));
    if endless && operand("count=").is_none() && !harmless {
        return Err(Refusal::new("disk-full", "`dd` would write without end; give it a count"));
    }
    Ok(())
}

/// Compression replaces the file that it is given.
fn compress(judge: &Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-S", "-T", "-o"]);
    let keeps = options.has(&["-k", "--keep", "-c", "--stdout", "-l", "--list", "-t", "--test", "-d"]);
    for operand in options.operands.iter().filter(|_| !keeps && call.name != "zstd") {
        judge.moves_away(operand, scope)?;
    }
    Ok(())
}
