//! Pictures, sounds and documents of an answer: as blocks that fit a model's context, and named beside them, since many
//! clients show a model only the structured part.

use super::{
    cut::{self, fair_share},
    pictures::{BYTES_A_DOT, MAX_DOTS, dimensions, scaled},
};
use crate::{blocking::blocking, caller::MemoryBudget, capability::Medium, error::Error};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::model::{ContentBlock, ResourceContents};
use schemars::JsonSchema;
use serde::Serialize;

/// What the structured answer says of a medium.
#[derive(JsonSchema, Serialize)]
pub(crate) struct NamedMedium {
    /// `image`, `audio` or `document`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What kind of one: `image/png`.
    mime_type: String,
    /// How large the whole of it is, in bytes.
    size: usize,
    /// Its place in the content of this result, counted from 0; null when it was left out.
    content: Option<usize>,
    /// What was done to it so that it fits, or why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What is shown of an answer's media.
pub(crate) struct Shown {
    /// The blocks, in order.
    pub blocks: Vec<ContentBlock>,
    /// What the structured answer says of each medium.
    pub named: Vec<NamedMedium>,
}

impl Shown {
    /// Whether each medium is there whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.named.iter().all(|medium| medium.note.is_none())
    }
}

/// How long media are as they are sent, in bytes.
pub(crate) fn length(media: &[Medium]) -> usize {
    media.iter().map(sent).sum()
}

/// A medium in at most `budget` bytes, made smaller where it must be.
///
/// # Errors
/// [`Error::TooLarge`] when nothing sensible fits.
pub(crate) async fn fitting(medium: Medium, budget: usize, holding: &MemoryBudget) -> Result<Medium, Error> {
    if sent(&medium) <= budget {
        return Ok(medium);
    }
    match reduced(medium, budget, holding).await {
        Ok((medium, _)) => Ok(medium),
        Err(why) => Err(Error::TooLarge(format!("It cannot be shown whole, and {why}"))),
    }
}

/// Shows media in at most `budget` bytes together. `first` is the place of the first block in the content.
pub(crate) async fn show(media: Vec<Medium>, budget: usize, first: usize, holding: &MemoryBudget) -> Shown {
    let share = fair_share(media.iter().map(sent).collect(), budget);
    let mut shown = Shown { blocks: Vec::new(), named: Vec::new() };
    for medium in media {
        let mut named = name(&medium);
        let fitting = if sent(&medium) <= share { Ok((medium, None)) } else { reduced(medium, share, holding).await };
        match fitting {
            Ok((medium, note)) => {
                named.content = Some(first + shown.blocks.len());
                named.note = note;
                shown.blocks.push(block(medium));
            }
            Err(why) => named.note = Some(format!("left out: {why}")),
        }
        shown.named.push(named);
    }
    shown
}

fn sent(medium: &Medium) -> usize {
    match medium {
        Medium::Image { base64: text, .. } | Medium::Audio { base64: text, .. } | Medium::Document { text, .. } => {
            text.len()
        }
    }
}

/// What it is and how large.
fn name(medium: &Medium) -> NamedMedium {
    let (kind, mime_type, size) = match medium {
        Medium::Image { mime_type, base64 } => ("image", mime_type, decoded_length(base64)),
        Medium::Audio { mime_type, base64 } => ("audio", mime_type, decoded_length(base64)),
        Medium::Document { mime_type, text, .. } => ("document", mime_type, text.len()),
    };
    NamedMedium { kind, mime_type: mime_type.clone(), size, content: None, note: None }
}

fn decoded_length(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

/// Less of a medium, with what was done to it; the error is why nothing sensible fits.
async fn reduced(
    medium: Medium,
    budget: usize,
    holding: &MemoryBudget,
) -> Result<(Medium, Option<String>), &'static str> {
    const TOO_LARGE: &str = "it is larger than MCP_MAX_RESULT_BYTES allows";
    match medium {
        Medium::Image { base64, .. } => {
            let bytes = BASE64_STANDARD.decode(base64).map_err(|_| "it is not base64")?;
            let (width, height) = dimensions(&bytes).ok_or(TOO_LARGE)?;
            let dots = u64::from(width) * u64::from(height);
            if dots > MAX_DOTS || holding.more(dots * BYTES_A_DOT).await.is_err() {
                return Err("it has too many dots to be scaled down");
            }
            // A decoder that panics has found no picture.
            let work = blocking(move || scaled(&bytes, budget / 4 * 3));
            let scaled = work.await.ok().flatten().ok_or(TOO_LARGE)?;
            let note = format!("scaled down from {width}x{height} to {}x{}", scaled.width, scaled.height);
            let base64 = BASE64_STANDARD.encode(scaled.jpeg);
            Ok((Medium::Image { mime_type: "image/jpeg".to_owned(), base64 }, Some(note)))
        }
        Medium::Document { uri, mime_type, text } => {
            let (text, _) = cut::shortened(text, budget);
            Ok((Medium::Document { uri, mime_type, text }, Some("cut".to_owned())))
        }
        Medium::Audio { .. } => Err(TOO_LARGE),
    }
}

fn block(medium: Medium) -> ContentBlock {
    match medium {
        Medium::Image { mime_type, base64 } => ContentBlock::image(base64, mime_type),
        Medium::Audio { mime_type, base64 } => ContentBlock::audio(base64, mime_type),
        Medium::Document { uri, mime_type, text } => {
            ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(mime_type))
        }
    }
}
