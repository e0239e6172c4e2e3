//! Archives that say much of themselves in few bytes.

use crate::{
    program::Program,
    server::{KEY, Server},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use std::io::Write;

fn header(kind: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_path("x").unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_cksum();
    header
}

/// A compressed tar whose first entry is of this kind and has so many mebibytes.
fn archive(kind: u8, mebibytes: u64) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(header(kind, mebibytes << 20).as_bytes()).unwrap();
    let text = if kind == b'x' { b"9".repeat(1 << 20) } else { b"n".repeat(1 << 20) };
    (0..mebibytes).for_each(|_| gzip.write_all(&text).unwrap());
    gzip.write_all(header(b'0', 0).as_bytes()).unwrap();
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

/// A sparse file whose table of holes goes on and on.
fn table_of_holes(blocks: usize) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut first = header(b'S', 0);
    let gnu = first.as_gnu_mut().unwrap();
    gnu.isextended[0] = 1;
    first.set_cksum();
    gzip.write_all(first.as_bytes()).unwrap();
    let mut more = tar::GnuExtSparseHeader::new();
    for sparse in &mut more.sparse {
        sparse.set_offset(0);
        sparse.set_length(0);
    }
    for number in 0..blocks {
        more.isextended[0] = u8::from(number + 1 < blocks);
        gzip.write_all(more.as_bytes()).unwrap();
    }
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn what_a_small_archive_says_of_itself_takes_no_more_memory_than_it_may() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    for (name, bytes) in [
        ("long-name.tgz", archive(b'L', 300)),
        ("long-link.tgz", archive(b'K', 300)),
        ("attributes.tgz", archive(b'x', 300)),
        ("holes.tgz", table_of_holes(400_000)),
    ] {
        assert!(bytes.len() < 2 << 20, "{name} has {} bytes", bytes.len());
        std::fs::write(server.path(name), bytes).unwrap();
        let arguments = json!({"path": name, "to": "out", "max_bytes": 1 << 30});
        let reply = server.post("/filesystem/extract", KEY, &arguments).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
        assert!(reply.detail().contains("1 MiB"), "{name}: {}", reply.text);
        let peak = server.peak_memory();
        assert!(peak < idle + 100, "{name}: {idle}, then {peak} MiB");
        assert!(!server.path("out").exists());
    }
}

#[tokio::test]
async fn long_names_and_large_parts_that_are_passed_over_are_unpacked_as_before() {
    let server = Server::start().await;
    let mut tar = tar::Builder::new(Vec::new());
    let name = format!("{}/end.txt", ["a".repeat(200), "b".repeat(200)].join("/"));
    let mut of_file = header(b'0', 2);
    tar.append_data(&mut of_file, &name, &b"ok"[..]).unwrap();
    // A device with content, which no one reads, then a file.
    let mut device = header(b'3', 3 << 20);
    tar.append_data(&mut device, "device", &vec![7; 3 << 20][..]).unwrap();
    let mut last = header(b'0', 4);
    tar.append_data(&mut last, "last.txt", &b"last"[..]).unwrap();
    std::fs::write(server.path("a.tar"), tar.into_inner().unwrap()).unwrap();
    let answer = server.call("filesystem_extract", json!({"path": "a.tar", "to": "out"})).await;
    assert_eq!((&answer["skipped_names"], &answer["size"]), (&json!(["device"]), &json!(6)));
    assert_eq!(std::fs::read(server.path("out").join(name)).unwrap(), b"ok");
    assert_eq!(std::fs::read(server.path("out/last.txt")).unwrap(), b"last");
}
