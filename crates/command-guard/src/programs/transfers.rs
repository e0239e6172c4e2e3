//! Programs that bring files from elsewhere, or mirror one place into another.

use super::writing::directory_or_file;
use crate::effects::Write;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::{Data, Field, Origin, Part};

pub(super) fn rsync(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let options =
        Options::read(arguments, &["-e", "--rsh", "-f", "--filter", "-T", "-M", "-B", "--exclude", "--include"]);
    let mirrors = options.options.iter().any(|option| option.name.starts_with("--del"));
    let dry = options.has(&["-n", "--dry-run", "--list-only"]);
    let Some((destination, sources)) = options.operands.split_last() else {
        return Ok(());
    };
    if dry || sources.is_empty() {
        return Ok(());
    }
    if options.has(&["--remove-source-files"]) {
        for source in sources {
            judge.removes("rsync", source, true, scope)?;
        }
    }
    if is_remote(destination) {
        return Ok(());
    }
    if mirrors {
        return judge.removes("rsync --delete", destination, true, scope);
    }
    directory_or_file(judge, "rsync", destination, true, Write::Replace, scope)
}

/// `host:path`, `rsync://…`
fn is_remote(field: &Field) -> bool {
    let text = field.visible();
    text.find(':').is_some_and(|at| !text[..at].contains('/'))
}

/// A download becomes a file from the network, which no shell may then run.
pub(super) fn download(judge: &Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let (names, valued): (&[&str], &[&str]) = if call.name == "wget" {
        (&["-O", "--output-document"], &["-O", "--output-document", "-P", "-o", "-U", "--header", "-t", "-T", "-e"])
    } else {
        (
            &["-o", "--output", "-O"],
            &["-o", "--output", "-H", "-d", "-X", "-u", "-A", "-e", "-b", "-c", "-F", "-T", "-w", "-x", "-m", "-C"],
        )
    };
    let options = Options::read(&call.arguments, valued);
    let fetched = Data::Opaque(Origin::Fetched);
    let files: Vec<Field> = options.values(names).filter(|file| !file.is("-")).cloned().collect();
    for file in &files {
        judge.writes(&call.name, file, Write::Replace, scope)?;
        scope.write_file(file, fetched.clone(), false);
    }
    // `curl -O URL`, `wget URL`: the file is named as the URL ends.
    let by_name = options.has(&["-O", "--remote-name"]) || call.name != "curl" && files.is_empty();
    let folder = options.value(&["-P", "--directory-prefix", "--output-dir"]);
    if let Some(folder) = &folder {
        judge.writes(&call.name, folder, Write::Replace, scope)?;
    }
    for url in options.operands.iter().filter(|_| by_name && files.is_empty()) {
        let url = url.visible();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if let Some(name) = path.rsplit('/').next().filter(|name| !name.is_empty()) {
            let mut file = folder.clone().unwrap_or_default();
            file.push(Part::Text(if folder.is_some() { format!("/{name}") } else { name.to_owned() }));
            scope.write_file(&file, fetched.clone(), false);
        }
    }
    Ok(())
}

/// `rclone purge`, `delete`, `sync`: of a local place.
pub(super) fn rclone(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let operands = Options::read(arguments, &[]).operands;
    let Some((task, places)) = operands.split_first() else {
        return Ok(());
    };
    let place = match task.visible().as_str() {
        "purge" | "delete" | "deletefile" | "rmdirs" => places.first(),
        "sync" => places.get(1),
        _ => None,
    };
    place.filter(|place| !is_remote(place)).map_or(Ok(()), |place| judge.removes("rclone", place, true, scope))
}
