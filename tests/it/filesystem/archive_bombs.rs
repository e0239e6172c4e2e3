//! Archives that hold little and say that it is much.

use crate::{
    program::Program,
    server::{KEY, Reply, Server},
};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder},
};
use serde_json::json;
use std::{
    io::Write,
    time::{Duration, Instant},
};

/// Archives are refused in no more time than this, also by a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// What the list of a ZIP says of one file.
struct Listed {
    name: String,
    /// Where it starts, and how many bytes it has in the archive and outside.
    start: u32,
    packed: u32,
    size: u32,
    extra: Vec<u8>,
}

fn shorts(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The header before a file's content. `method` 0 is as it is, 8 deflated.
fn local(name: &str, method: u16, packed: u32, size: u32) -> Vec<u8> {
    let sizes = [0, packed, size].map(u32::to_le_bytes).concat();
    [b"PK\x03\x04", &*shorts(&[20, 0, method, 0, 33]), &sizes, &shorts(&[name.len() as u16, 0]), name.as_bytes()]
        .concat()
}

/// The list of these files, behind `content`.
fn listed(content: &[u8], method: u16, files: impl Iterator<Item = Listed>) -> Vec<u8> {
    let (mut list, mut count) = (Vec::new(), 0_u64);
    for file in files {
        count += 1;
        let sizes = [0, file.packed, file.size].map(u32::to_le_bytes).concat();
        let lengths = shorts(&[file.name.len() as u16, file.extra.len() as u16, 0, 0, 0, 0, 0]);
        list.extend([b"PK\x01\x02", &*shorts(&[20, 20, 0, method, 0, 33]), &sizes, &lengths].concat());
        list.extend(file.start.to_le_bytes());
        list.extend([file.name.as_bytes(), &file.extra].concat());
    }
    let (start, length) = (content.len() as u64, list.len() as u64);
    let end = start + length;
    let mut zip = [content, &list].concat();
    let long = [44_u64.to_le_bytes().to_vec(), shorts(&[45, 45, 0, 0, 0, 0])].concat();
    zip.extend([b"PK\x06\x06", &*long, &[count, count, length, start].map(u64::to_le_bytes).concat()].concat());
    zip.extend([b"PK\x06\x07", &[0; 4][..], &end.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    let few = u16::try_from(count).unwrap_or(u16::MAX);
    zip.extend([b"PK\x05\x06", &*shorts(&[0, 0, few, few])].concat());
    zip.extend([(length as u32).to_le_bytes(), (start as u32).to_le_bytes()].concat());
    zip.extend([0; 2]);
    zip
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// So many files that are all the same bytes.
fn all_in_one_place(count: usize) -> Vec<u8> {
    let content = deflated(&[0; 8192]);
    let packed = content.len() as u32;
    let file = [local("00000", 8, packed, 8192), content].concat();
    let names = (0..count).map(|number| format!("{number:05}"));
    let files = names.map(|name| Listed { name, start: 0, packed, size: 8192, extra: vec![] });
    listed(&file, 8, files)
}

/// So many files each of which holds all that follow.
fn one_in_the_other(count: usize) -> Vec<u8> {
    let header = local("0000", 0, 0, 0).len() as u32;
    let packed = |number: usize| (count - number - 1) as u32 * header + 4096;
    let name = |number: usize| format!("{number:04}");
    let mut content: Vec<u8> =
        (0..count).flat_map(|number| local(&name(number), 0, packed(number), packed(number))).collect();
    content.extend([b'x'; 4096]);
    let files = (0..count).map(|number| Listed {
        name: name(number),
        start: number as u32 * header,
        packed: packed(number),
        size: packed(number),
        extra: vec![],
    });
    listed(&content, 0, files)
}

/// One file whose long form says that it has so many bytes.
fn of_size(packed: u64, size: u64) -> Vec<u8> {
    let extra = [shorts(&[1, 16]), size.to_le_bytes().to_vec(), packed.to_le_bytes().to_vec()].concat();
    let file = [local("long", 0, 4, 4), b"long".to_vec()].concat();
    let long = Listed { name: "long".into(), start: 0, packed: u32::MAX, size: u32::MAX, extra };
    listed(&file, 0, [long].into_iter())
}

/// So many files of which there is nothing but the list.
fn nothing_but_a_list(count: usize, name: fn(usize) -> String) -> Vec<u8> {
    let file = local("0", 0, 0, 0);
    listed(&file, 0, (0..count).map(|at| Listed { name: name(at), start: 0, packed: 0, size: 0, extra: vec![] }))
}

/// A compressed tar of `thousands` times the same thousand empty files.
fn empty_files(thousands: usize, name: fn(usize) -> String) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for number in 0..1000 {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        tar.append_data(&mut header, name(number), &b""[..]).unwrap();
    }
    let entries = tar.into_inner().unwrap();
    let entries = &entries[..entries.len() - 1024];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(entries).unwrap();
    gzip.finish().unwrap().repeat(thousands)
}

/// Files with names such as `name(0)`, in a ZIP.
fn named(count: usize, name: impl Fn(usize) -> String) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in 0..count {
        zip.start_file(name(number), zip::write::SimpleFileOptions::default()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

async fn extract(server: &Program, name: &str) -> (Reply, Duration) {
    let started = Instant::now();
    let reply = server.post("/filesystem/extract", KEY, &json!({"path": name, "to": "out"})).await;
    (reply, started.elapsed())
}

async fn is_refused(server: &Program, name: &str, bytes: &[u8], status: u16, words: &str) {
    std::fs::write(server.path(name), bytes).unwrap();
    let (reply, took) = extract(server, name).await;
    assert_eq!(reply.status, status, "{name}: {}", reply.text);
    assert!(reply.detail().contains(words), "{name}: {}", reply.text);
    assert!(took < SOON, "{name} took {took:?}");
    assert!(!server.path("out").exists(), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_whose_entries_lie_over_each_other_is_refused_before_anything_is_written() {
    let server = Program::start(&[]);
    let over = "lie over each other";
    is_refused(&server, "one-place.zip", &all_in_one_place(60_000), 400, over).await;
    is_refused(&server, "nested.zip", &one_in_the_other(5_000), 400, over).await;
    is_refused(&server, "two.zip", &all_in_one_place(2), 400, over).await;
    let peak = server.peak_memory();
    assert!(peak < 200, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_archive_is_unpacked_while_a_hostile_one_is_looked_through() {
    let server = Program::start(&[]);
    std::fs::write(server.path("bomb.zip"), all_in_one_place(60_000)).unwrap();
    std::fs::write(server.path("good.zip"), named(3, |number| format!("{number}.txt"))).unwrap();
    let (bomb, good) = (extract(&server, "bomb.zip"), async {
        let started = Instant::now();
        let asked = json!({"path": "good.zip", "to": "good"});
        (server.post("/filesystem/extract", KEY, &asked).await, started.elapsed())
    });
    let ((bomb, _), (good, took)) = tokio::join!(bomb, good);
    assert_eq!((bomb.status, good.status), (400, 200), "{} {}", bomb.text, good.text);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_too_long_or_says_what_cannot_be_is_refused() {
    let server = Program::start(&[]);
    is_refused(&server, "list.zip", &nothing_but_a_list(1_000_000, |at| at.to_string()), 413, "more than 100000").await;
    is_refused(&server, "same.zip", &nothing_but_a_list(1_000_000, |_| "same".into()), 413, "more than 100000").await;
    let long = |at: usize| format!("{at:0>4000}");
    is_refused(&server, "names.zip", &nothing_but_a_list(20_000, long), 413, "make several").await;
    is_refused(&server, "many.zip", &nothing_but_a_list(110_000, |at| at.to_string()), 413, "more than 100000").await;
    for (number, (packed, size)) in
        [(4, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 40, 4), (1 << 40, 4)].into_iter().enumerate()
    {
        let name = format!("sizes{number}.zip");
        std::fs::write(server.path(&name), of_size(packed, size)).unwrap();
        let (reply, took) = extract(&server, &name).await;
        assert!([400, 413].contains(&reply.status), "{name}: {}", reply.text);
        assert!(took < SOON && !server.path("out").exists());
    }
    let peak = server.peak_memory();
    assert!(peak < 200, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tar_of_a_million_empty_files_is_refused_whatever_they_are_called() {
    let server = Program::start(&[]);
    let many = "more than 100000";
    is_refused(&server, "million.tgz", &empty_files(1000, |at| at.to_string()), 413, many).await;
    is_refused(&server, "same.tgz", &empty_files(1000, |_| "same".into()), 413, many).await;
    let long = |at: usize| format!("{}/{at}", ["d".repeat(200), "e".repeat(200)].join("/"));
    is_refused(&server, "long-names.tgz", &empty_files(1000, long), 413, many).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_path_can_have_are_refused_and_deep_ones_are_unpacked() {
    let server = Program::start(&[]);
    let deep = named(200, |at| format!("{}{at}", "a/".repeat(30_000)));
    is_refused(&server, "deep.zip", &deep, 400, "longer than the 4095 bytes").await;
    let folders = named(1000, |at| format!("{}{at}", "a/".repeat(1000)));
    is_refused(&server, "folders.zip", &folders, 400, "deeper than 256").await;
    is_refused(&server, "deep.tgz", &empty_files(1, |at| format!("{}{at}", "a/".repeat(3000))), 400, "4095").await;
    let nested = named(200, |at| format!("{}{at}", "abcdefg/".repeat(100)));
    std::fs::write(server.path("nested.zip"), nested).unwrap();
    assert_eq!(extract(&server, "nested.zip").await.0.ok()["count"], 200);
}

#[tokio::test]
async fn an_archive_that_names_something_below_a_file_is_refused_wherever_it_stands() {
    let server = Server::start().await;
    for (number, names) in [["a", "a/b"], ["a/b", "a"], ["a", "a/b/c"], ["a!", "a"]].into_iter().enumerate() {
        let file = format!("{number}.zip");
        std::fs::write(server.path(&file), named(2, |at| names[at].to_owned())).unwrap();
        let reply = server.post("/filesystem/extract", json!({"path": file, "to": format!("out{number}")})).await;
        assert_eq!(reply.status, if number < 3 { 400 } else { 200 }, "{names:?}: {}", reply.text);
    }
}
