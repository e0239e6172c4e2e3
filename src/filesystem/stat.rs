//! Tells what is known of a path.

use super::{Files, about::Place, digest, read::mime_type};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::Result,
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Kind, Named, Times, spelled},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{io::Read, path::PathBuf};

/// Look at a file or directory.
///
/// Whether it is there, its type, size, permissions, owner and times of change; its checksum (SHA-256) when asked.
#[derive(Deserialize, JsonSchema)]
pub struct StatPath {
    /// The file or directory.
    path: String,
    /// Whether a link is followed; otherwise the link itself is looked at.
    #[serde(default = "yes")]
    follow: bool,
    /// Whether to read the file for its SHA-256.
    #[serde(default)]
    digest: bool,
}

fn yes() -> bool {
    true
}

/// What is known of a path.
#[derive(Serialize, JsonSchema)]
pub struct StatOutput {
    /// The path as sent.
    path: String,
    /// Where it really is: absolute, without links.
    real_path: String,
    /// `file`, `directory`, `link` or `special` (FIFO, socket, device).
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its size in bytes; null for a directory.
    size: Option<u64>,
    /// Its permission bits, in octal: `0644`.
    mode: String,
    /// The number of the user it belongs to.
    uid: u32,
    /// The number of the group it belongs to.
    gid: u32,
    /// How many names it has.
    links: u64,
    /// When its content was last changed.
    modified: String,
    /// When it was last read, as far as the disk notes that.
    accessed: String,
    /// When anything about it was last changed, its name and mode included.
    changed: String,
    /// Whether the path as sent names a link, followed or not.
    is_link: bool,
    /// What the link says, as it is stored; null for anything else.
    link_target: Option<String>,
    /// What kind of file it is: `text/markdown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    /// SHA-256 of its bytes, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Capability for StatPath {
    const NAME: &'static str = "filesystem_stat";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "README.md"}"#;
    type Service = Files;
    type Output = StatOutput;

    fn aside(_: &StatOutput) -> &'static [&'static str] {
        &["path", "real_path", "uid", "gid", "links", "accessed", "changed"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let place = Place::read(&self.path);
        files.about(needs, [if self.follow { place } else { place.itself() }])
    }

    async fn run(self, files: &Files, context: &Context) -> Result<StatOutput> {
        files.look(context, |files, _| self.stat(files)).await
    }
}

impl StatPath {
    /// The text of the link that the path names; `None` for anything else.
    fn link_target(&self, files: &Files) -> Option<String> {
        let link = files.workspace.resolve_link(&self.path, Named::File, Intent::Read).ok()?;
        link.found().filter(|found| found.kind == Kind::Link)?;
        link.holder().ok()?.read_link(link.name()).ok().map(spelled)
    }

    fn stat(self, files: &Files) -> Result<StatOutput> {
        let path = match self.follow {
            true => files.workspace.resolve(&self.path, Named::File, Intent::Read)?,
            false => files.workspace.resolve_link(&self.path, Named::File, Intent::Read)?,
        };
        let found = *path.existing()?;
        let link_target = self.link_target(files);
        let (mut sha256, mut kind_of_file) = (None, None);
        if found.is_file() {
            let (mut file, _) = path.open()?;
            let mut start = Vec::new();
            file.by_ref().take(8192).read_to_end(&mut start)?;
            kind_of_file = Some(mime_type(&path.name().to_string_lossy(), &start));
            if self.digest {
                sha256 = Some(digest::of_reader(start.chain(file))?.0);
            }
        }
        let time = |nanoseconds| clock::timestamp_of(Times { accessed: 0, modified: nanoseconds }.modified());
        Ok(StatOutput {
            path: self.path,
            // The root of the file system is `/.` for who walks.
            real_path: spelled(path.real().components().collect::<PathBuf>()),
            kind: match found.kind {
                Kind::File => "file",
                Kind::Folder => "directory",
                Kind::Link => "link",
                Kind::Special => "special",
            },
            size: (!found.is_folder()).then_some(found.size),
            mode: format!("{:04o}", found.mode),
            uid: found.owner.0,
            gid: found.owner.1,
            links: found.names,
            modified: time(found.times.modified),
            accessed: time(found.times.accessed),
            changed: time(found.changed),
            is_link: link_target.is_some(),
            link_target,
            mime_type: kind_of_file,
            sha256,
        })
    }
}
