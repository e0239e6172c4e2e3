//! Pictures, sounds and documents of an answer: as blocks that fit a model's context, and named beside them, since many
//! clients show a model only the structured part.

use super::cut::{self, fair_share};
use crate::{caller::MemoryBudget, capability::Medium, error::Error};
use base64::{Engine, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder};
use rmcp::model::{ContentBlock, ResourceContents};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Cursor;

/// More dots are not decoded, only to be made fewer: 64 megapixels are more than any camera of a phone gives.
const MAX_DOTS: u64 = 64 * 1024 * 1024;

/// What decoding may take of memory, in bytes for each dot: the picture, and what its decoder and scaler need.
const BYTES_A_DOT: u64 = 12;

/// Fewer dots on its longer side show nothing.
const LEAST_SIDE: u32 = 48;

/// Good enough for the labels of a plot.
const JPEG_QUALITY: u8 = 80;

/// What the structured answer says of a medium.
#[derive(JsonSchema, Serialize)]
pub struct NamedMedium {
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
pub struct Shown {
    /// The blocks, in order.
    pub blocks: Vec<ContentBlock>,
    /// What the structured answer says of each medium.
    pub named: Vec<NamedMedium>,
}

impl Shown {
    /// Whether each medium is there whole.
    pub fn is_whole(&self) -> bool {
        self.named.iter().all(|medium| medium.note.is_none())
    }
}

/// How long media are as they are sent, in bytes.
pub fn length(media: &[Medium]) -> usize {
    media.iter().map(sent).sum()
}

/// A medium in at most `budget` bytes, made smaller where it must be.
///
/// # Errors
/// [`Error::TooLarge`] when nothing sensible fits.
pub async fn fitting(medium: Medium, budget: usize, holding: &MemoryBudget) -> Result<Medium, Error> {
    if sent(&medium) <= budget {
        return Ok(medium);
    }
    match reduced(medium, budget, holding).await {
        Ok((medium, _)) => Ok(medium),
        Err(why) => Err(Error::TooLarge(format!("It cannot be shown whole, and {why}"))),
    }
}

/// Shows media in at most `budget` bytes together. `first` is the place of the first block in the content.
pub async fn show(media: Vec<Medium>, budget: usize, first: usize, holding: &MemoryBudget) -> Shown {
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
            let size = reader(&bytes).and_then(|reader| reader.into_dimensions().ok());
            let (width, height) = size.ok_or(TOO_LARGE)?;
            let dots = u64::from(width) * u64::from(height);
            if dots > MAX_DOTS || holding.more(dots * BYTES_A_DOT).await.is_err() {
                return Err("it has too many dots to be scaled down");
            }
            // A decoder that panics has found no picture.
            let work = tokio::task::spawn_blocking(move || scaled(&bytes, budget / 4 * 3));
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

struct Scaled {
    jpeg: Vec<u8>,
    width: u32,
    height: u32,
}

fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.format().filter(ImageFormat::reading_enabled)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DOTS * BYTES_A_DOT);
    reader.limits(limits);
    Some(reader)
}

/// The picture as a JPEG of at most `budget` bytes, as large as that allows.
fn scaled(bytes: &[u8], budget: usize) -> Option<Scaled> {
    let whole = on_white(&upright(reader(bytes)?)?);
    let mut scale = (budget as f64 / bytes.len() as f64).sqrt().min(1.0);
    loop {
        let side = |length: u32| ((f64::from(length) * scale) as u32).max(1);
        let (width, height) = (side(whole.width()), side(whole.height()));
        if width.max(height) < LEAST_SIDE {
            return None;
        }
        let small = whole.thumbnail_exact(width, height);
        let mut jpeg = Vec::new();
        small.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)).ok()?;
        if jpeg.len() <= budget {
            return Some(Scaled { jpeg, width, height });
        }
        scale *= (budget as f64 / jpeg.len() as f64).sqrt().clamp(0.5, 0.9);
    }
}

/// As a viewer shows it: a camera notes how it was held, and a JPEG made of the dots alone does not.
fn upright(reader: ImageReader<Cursor<&[u8]>>) -> Option<DynamicImage> {
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Some(picture)
}

/// Without transparency, which JPEG does not have and which would become black.
fn on_white(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8().into();
    }
    let mut dots = picture.to_rgba8();
    for dot in dots.pixels_mut() {
        let alpha = u32::from(dot[3]);
        for channel in 0..3 {
            dot[channel] = ((u32::from(dot[channel]) * alpha + 255 * (255 - alpha)) / 255) as u8;
        }
    }
    DynamicImage::from(dots).to_rgb8().into()
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
