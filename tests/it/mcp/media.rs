//! Pictures and sounds of a result: named where a client looks, and no larger than a model's context takes.

use super::{params, text};
use crate::server::{Server, nothing};
use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ImageFormat, RgbaImage, codecs::jpeg::JpegEncoder};
use rmcp::model::{CallToolResult, ReadResourceRequestParams, ResourceContents};
use serde_json::{Value, json};
use std::io::Cursor;

/// A picture that hardly compresses, with a transparent left half.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let picture = RgbaImage::from_fn(width, height, |x, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        image::Rgba([a, b, c, if x < width / 2 { 0 } else { 255 }])
    });
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).unwrap();
    png.into_inner()
}

async fn read(server: &Server, path: &str) -> CallToolResult {
    let client = server.client().await;
    client.call_tool(params("filesystem_read", json!({"path": path, "as": "auto"}))).await.unwrap()
}

fn media(result: &CallToolResult) -> Value {
    result.structured_content.as_ref().unwrap()["media"].clone()
}

/// All that a client gets of a result, in bytes.
fn whole_size(result: &CallToolResult) -> usize {
    json!(result.content).to_string().len()
}

#[tokio::test]
async fn a_picture_is_named_in_the_structured_content_with_its_place() {
    let server = Server::start().await.with_file("p.png", noise(4, 4));
    let result = read(&server, "p.png").await;
    let size = std::fs::metadata(server.path("p.png")).unwrap().len();
    let named = json!([{"type": "image", "mime_type": "image/png", "size": size, "content": 1}]);
    assert_eq!(media(&result), named);
    assert!(result.content[1].as_image().is_some());
    let structured = result.structured_content.as_ref().unwrap();
    assert!(structured["content"].as_str().unwrap().contains("see media"), "{structured}");
    assert!(text(&result).contains("image/png"), "a client that shows the text alone says it too");
}

#[tokio::test]
async fn a_tool_without_media_says_nothing_of_them_and_one_with_them_publishes_it() {
    let server = Server::start().await;
    let client = server.client_at("/mcp/all").await;
    let result = client.call_tool(params("memory_tags", nothing())).await.unwrap();
    assert_eq!(media(&result), Value::Null);
    for tool in client.list_all_tools().await.unwrap() {
        let published = json!(tool.output_schema)["properties"]["media"]["items"]["properties"]["content"].is_object();
        let shows = ["filesystem_read", "sandbox_run", "sandbox_notebook", "sandbox_session_run", "internet_fetch"];
        assert!(published || !shows.contains(&&*tool.name), "{}", tool.name);
    }
}

#[tokio::test]
async fn a_picture_too_large_for_a_result_is_scaled_down_and_says_so() {
    let server = Server::start().await.with_file("p.png", noise(900, 600));
    let result = read(&server, "p.png").await;
    let picture = result.content[1].as_image().expect("it is shown");
    assert_eq!(picture.mime_type, "image/jpeg");
    let jpeg = BASE64_STANDARD.decode(&picture.data).unwrap();
    let small = image::load_from_memory(&jpeg).unwrap().to_rgb8();
    assert!(small.width() < 900 && small.width() > 100 && small.height() * 3 / 2 <= small.width() + 3, "{small:?}");
    assert!(small.get_pixel(3, 3).0.iter().all(|channel| *channel > 200), "what was transparent is white");
    assert!(whole_size(&result) <= 52_000, "{} bytes", whole_size(&result));
    let named = media(&result);
    assert!(named[0]["note"].as_str().unwrap().starts_with("scaled down from 900x600 to "), "{named}");
    assert!(named[0]["size"].as_u64().unwrap() > 1_000_000, "{named}");
    let hint = result.structured_content.as_ref().unwrap()["media_hint"].as_str().unwrap();
    assert!(hint.contains("offset"), "{hint}");
}

#[tokio::test]
async fn a_photo_that_a_camera_took_on_its_side_stays_upright() {
    let mut jpeg = Vec::new();
    let picture = image::load_from_memory(&noise(400, 300)).unwrap().to_rgb8();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 95)).unwrap();
    // EXIF (CIPA DC-008), after the JPEG's first two bytes: one entry, orientation 6, "turn it clockwise".
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let photo = [&jpeg[..2], &exif[..], &jpeg[2..]].concat();
    let server = Server::start().await.with_file("p.jpg", photo);
    let result = read(&server, "p.jpg").await;
    let shown = BASE64_STANDARD.decode(&result.content[1].as_image().expect("it is shown").data).unwrap();
    let shown = image::load_from_memory(&shown).unwrap();
    assert!(shown.height() > shown.width(), "{}x{}", shown.width(), shown.height());
}

#[tokio::test]
async fn pictures_of_one_result_share_its_room() {
    let server = Server::with_settings(&[("MCP_MAX_RESULT_BYTES", "100000")]).await;
    let server =
        server.with_file("a.png", noise(300, 300)).with_file("b.png", noise(200, 200)).with_file("c.png", noise(5, 5));
    let client = server.client().await;
    let arguments = json!({"paths": ["a.png", "b.png", "c.png"], "as": "auto"});
    let result = client.call_tool(params("filesystem_read_many", arguments)).await.unwrap();
    let kinds: Vec<&str> = result.content[1..].iter().map(|block| &*block.as_image().unwrap().mime_type).collect();
    assert_eq!(kinds, ["image/jpeg", "image/jpeg", "image/png"]);
    assert!(whole_size(&result) <= 105_000, "{} bytes", whole_size(&result));
}

#[tokio::test]
async fn what_cannot_be_made_smaller_is_left_out_and_the_way_to_it_named() {
    let no_picture = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[7; 90_000]].concat();
    let sound = [&b"RIFF\0\0\0\0WAVEfmt "[..], &[7; 90_000]].concat();
    let server = Server::start().await.with_file("p.png", no_picture).with_file("s.wav", sound);
    for (path, kind) in [("p.png", "image"), ("s.wav", "audio")] {
        let result = read(&server, path).await;
        assert_eq!(result.content.len(), 1, "{path}");
        let named = media(&result);
        assert_eq!((&named[0]["type"], &named[0]["content"]), (&json!(kind), &Value::Null), "{named}");
        assert!(named[0]["note"].as_str().unwrap().contains("MCP_MAX_RESULT_BYTES"), "{named}");
        assert!(text(&result).contains("max_bytes"), "{}", text(&result));
    }
}

#[tokio::test]
async fn a_picture_of_a_billion_dots_is_not_decoded() {
    // A PNG says its size in its first bytes; what follows is never looked at.
    let mut png = noise(200, 200);
    png[16..24].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
    png.resize(120_000, 0);
    let checksum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let server = Server::start().await.with_file("p.png", png);
    let result = read(&server, "p.png").await;
    let named = media(&result);
    assert!(named[0]["note"].as_str().unwrap().contains("too many dots"), "{named}");
}

/// The checksum of a chunk (PNG specification, section 5.5).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[tokio::test]
async fn a_part_of_a_picture_is_bytes_and_no_picture() {
    let server = Server::start().await.with_file("p.png", noise(20, 20));
    let client = server.client().await;
    let bytes = std::fs::read(server.path("p.png")).unwrap();
    for (offset, max) in [(0, 100), (100, 1_000_000)] {
        let arguments = json!({"path": "p.png", "as": "base64", "offset": offset, "max_bytes": max});
        let result = client.call_tool(params("filesystem_read", arguments)).await.unwrap();
        let content = result.structured_content.unwrap()["content"].as_str().unwrap().to_owned();
        let part = BASE64_STANDARD.decode(content).unwrap();
        assert_eq!(part, bytes[offset..(offset + max).min(bytes.len())]);
        assert_eq!(result.content.len(), 1);
    }
}

#[tokio::test]
async fn a_picture_that_is_attached_as_a_resource_fits_too_and_other_bytes_name_the_way() {
    let server = Server::start().await.with_file("p.png", noise(900, 600)).with_file("x.bin", [0, 255].repeat(40_000));
    let client = server.client().await;
    let ask = |name: &str| ReadResourceRequestParams::new(format!("file://{}", server.at(name)));
    let read = client.read_resource(ask("p.png")).await.unwrap();
    let ResourceContents::BlobResourceContents { blob, mime_type, .. } = &read.contents[0] else { panic!("{read:?}") };
    assert_eq!(mime_type.as_deref(), Some("image/jpeg"));
    assert!(blob.len() <= 50_000, "{}", blob.len());
    let refused = client.read_resource(ask("x.bin")).await.unwrap_err().to_string();
    assert!(refused.contains("filesystem_read") && refused.contains("max_bytes"), "{refused}");
}
