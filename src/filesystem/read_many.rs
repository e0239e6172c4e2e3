//! Reads many files in one call.

use super::{
    Files,
    about::Place,
    go_on,
    read::{Form, LARGE_MEDIA, ReadFile, default_encoding},
};
use crate::{
    caller::{Access, MemoryBudget},
    capability::{Capability, Context, Medium},
    envelope::Envelope,
    error::Result,
    permissions::{Needs, Subjects},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Read many files at once.
///
/// Saves a call for each: when you know which files you need. One that cannot be read does not fail the others.
#[derive(Deserialize, JsonSchema)]
pub struct ReadMany {
    /// The files, at most 200.
    #[schemars(length(min = 1, max = 200))]
    paths: Vec<String>,
    /// How their bytes become text, by Python's name.
    #[serde(default = "default_encoding")]
    encoding: String,
    /// The first line of each, from 1; negative from the end.
    start_line: Option<i64>,
    /// The last line of each, included. Negative from the end.
    end_line: Option<i64>,
    /// The most to return of each file, in bytes.
    #[schemars(range(min = 1))]
    max_bytes: Option<u64>,
    /// As in filesystem_read. `text`, `base64`, `auto` or `document`.
    #[serde(default, rename = "as")]
    form: Form,
}

/// What was read.
#[derive(Serialize, JsonSchema)]
pub struct ReadManyOutput {
    /// How many could be read.
    count: usize,
    /// For each path, in the order sent, what filesystem_read answers or why it could not be read.
    items: Vec<OneRead>,
}

/// One file of many.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneRead {
    /// It was read.
    Read(Box<Envelope<ReadFile>>),
    /// It could not be read.
    Failed {
        /// Always false.
        success: bool,
        /// The path as sent.
        path: String,
        /// Why it could not be read.
        error: String,
    },
}

impl Capability for ReadMany {
    const NAME: &'static str = "filesystem_read_many";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"paths": ["README.md", "CHANGELOG.md"], "end_line": 20}"#;
    const FULL_MEDIA: Option<&'static str> = Some(LARGE_MEDIA);
    const SUCCESS: &'static str = "Whether all could be read.";
    type Service = Files;
    type Output = ReadManyOutput;

    fn aside(_: &ReadManyOutput) -> &'static [&'static str] {
        &[
            "items.success",
            "items.timestamp",
            "items.encoding",
            "items.as",
            "items.size",
            "items.sha256",
            "items.total_lines",
        ]
    }

    fn succeeded(output: &ReadManyOutput) -> bool {
        output.count == output.items.len()
    }

    fn media(output: &mut ReadManyOutput) -> Vec<Medium> {
        let read = output.items.iter_mut().filter_map(|one| match one {
            OneRead::Read(read) => read.output.medium(),
            OneRead::Failed { .. } => None,
        });
        read.collect()
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        files.about(needs, self.paths.iter().map(|path| Place::read(path)))
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ReadManyOutput> {
        let holding = context.holding.clone();
        files.look(context, move |files, cancelled| self.read(files, cancelled, &holding)).await
    }
}

impl ReadMany {
    fn read(self, files: &Files, cancelled: &CancellationToken, holding: &MemoryBudget) -> Result<ReadManyOutput> {
        let (mut items, mut held) = (Vec::new(), 0);
        for path in &self.paths {
            go_on(cancelled)?;
            // All together stay within what one call may hold.
            let read = self.one(path).read_within(files, files.max_read.saturating_sub(held), holding, cancelled);
            items.push(match read {
                Ok(read) => {
                    held += read.held();
                    OneRead::Read(Box::new(Envelope::around(read)))
                }
                Err(error) => OneRead::Failed { success: false, path: path.clone(), error: error.to_string() },
            });
        }
        let count = items.iter().filter(|one| matches!(one, OneRead::Read(_))).count();
        Ok(ReadManyOutput { count, items })
    }

    fn one(&self, path: &str) -> ReadFile {
        ReadFile {
            path: path.to_owned(),
            encoding: self.encoding.clone(),
            start_line: self.start_line,
            end_line: self.end_line,
            max_bytes: self.max_bytes,
            offset: None,
            digest: false,
            form: self.form,
        }
    }
}
