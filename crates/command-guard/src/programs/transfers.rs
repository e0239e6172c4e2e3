//! Programs that bring files from elsewhere.

use crate::effects::{Call, Effects, Write};
use crate::options::Options;
use crate::values::{Data, Field, Origin, Part};

pub(super) const NAMES: &[&str] = &["curl", "wget", "fetch", "aria2c"];

/// A download becomes a file from the network, which no shell may then run.
pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let (names, valued): (&[&str], &[&str]) = if call.name == "wget" {
        (&["-O", "--output-document"], &["-O", "--output-document", "-P", "-o", "-U", "--header", "-t", "-T", "-e"])
    } else {
        (
            &["-o", "--output", "-O"],
            &["-o", "--output", "-H", "-d", "-X", "-u", "-A", "-e", "-b", "-c", "-F", "-T", "-w", "-x", "-m", "-C"],
        )
    };
    let options = Options::read(call.arguments, valued);
    let fetched = Data::Opaque(Origin::Fetched);
    let files: Vec<Field> = options.values(names).filter(|file| !file.is("-")).cloned().collect();
    for file in &files {
        effects.writes(call.name, file, Write::Replace);
        effects.holds(file, fetched.clone(), false);
    }
    // `curl -O URL`, `wget URL`: the file is named as the URL ends.
    let by_name = options.has(&["-O", "--remote-name"]) || call.name != "curl" && files.is_empty();
    let folder = options.value(&["-P", "--directory-prefix", "--output-dir"]);
    if let Some(folder) = &folder {
        effects.writes(call.name, folder, Write::Replace);
    }
    for url in options.operands.iter().filter(|_| by_name && files.is_empty()) {
        let url = url.visible();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if let Some(name) = path.rsplit('/').next().filter(|name| !name.is_empty()) {
            let mut file = folder.clone().unwrap_or_default();
            file.push(Part::Text(if folder.is_some() { format!("/{name}") } else { name.to_owned() }));
            effects.holds(&file, fetched.clone(), false);
        }
    }
}
