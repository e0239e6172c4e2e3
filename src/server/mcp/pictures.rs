//! Pictures made smaller.

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder};
use std::io::Cursor;

/// More dots are not decoded, only to be made fewer: 64 megapixels are more than any camera of a phone gives.
pub(crate) const MAX_DOTS: u64 = 64 * 1024 * 1024;

/// What decoding may take of memory, in bytes for each dot: the picture, and what its decoder and scaler need.
pub(crate) const BYTES_A_DOT: u64 = 12;

/// Fewer dots on its longer side show nothing.
const LEAST_SIDE: u32 = 48;

/// Good enough for the labels of a plot.
const JPEG_QUALITY: u8 = 80;

/// A picture that was made smaller.
pub(crate) struct Scaled {
    /// Its bytes.
    pub jpeg: Vec<u8>,
    /// Its width, in dots.
    pub width: u32,
    /// Its height, in dots.
    pub height: u32,
}

/// How wide and how high a picture is, in dots; `None` for what is none.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    reader(bytes)?.into_dimensions().ok()
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
pub(crate) fn scaled(bytes: &[u8], budget: usize) -> Option<Scaled> {
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
