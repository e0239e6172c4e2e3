//! Archives, both ways.

use crate::server::Server;
use serde_json::json;
use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

#[tokio::test]
async fn a_folder_comes_back_from_each_kind_of_archive_with_modes_links_and_times() {
    let server =
        Server::start().await.with_file("d/run.sh", "#!/bin/sh\n").with_file("d/deep/é.txt", "x".repeat(100_000));
    fs::set_permissions(server.path("d/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(server.path("d/empty")).unwrap();
    std::os::unix::fs::symlink("deep/é.txt", server.path("d/link")).unwrap();
    for name in ["a.zip", "a.tar", "a.tar.gz"] {
        let packed = server.call("filesystem_archive", json!({"path": "d", "to": name})).await;
        assert_eq!((&packed["count"], &packed["skipped"]), (&json!(5), &json!(0)), "{name}");
        assert_eq!(packed["size"], fs::metadata(server.path(name)).unwrap().len());
        let to = format!("out-{name}");
        let unpacked = server.call("filesystem_extract", json!({"path": name, "to": to})).await;
        assert_eq!((&unpacked["count"], &unpacked["size"]), (&json!(5), &json!(100_010)), "{name}");
        let at = |below: &str| server.path(&format!("{to}/{below}"));
        assert_eq!(fs::read(at("deep/é.txt")).unwrap(), fs::read(server.path("d/deep/é.txt")).unwrap());
        assert_eq!(fs::metadata(at("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_link(at("link")).unwrap().to_str().unwrap(), "deep/é.txt");
        assert!(at("empty").is_dir());
        let (old, new) = (fs::metadata(server.path("d/run.sh")).unwrap(), fs::metadata(at("run.sh")).unwrap());
        assert!((old.mtime() - new.mtime()).abs() <= 2, "{name}: {} {}", old.mtime(), new.mtime());
        let again = server.post("/filesystem/extract", json!({"path": name, "to": to})).await;
        assert_eq!(again.status, 409);
        server.call("filesystem_extract", json!({"path": name, "to": to, "overwrite": true})).await;
        server.call("filesystem_undo", json!({"id": unpacked["change_id"]})).await;
        assert!(!server.path(&to).exists(), "{name}: the unpacking is undone");
    }
    let taken = server.post("/filesystem/archive", json!({"path": "d", "to": "a.zip"})).await;
    assert_eq!(taken.status, 409);
    assert_eq!(server.post("/filesystem/archive", json!({"path": "d", "to": "a.rar"})).await.status, 422);
}

#[tokio::test]
async fn archives_of_the_systems_own_tools_are_read() {
    let server = Server::start().await.with_file("d/f", "content");
    assert!(Command::new("tar").args(["czf", "t.tgz", "d"]).current_dir(server.path("")).status().unwrap().success());
    server.call("filesystem_extract", json!({"path": "t.tgz", "to": "out"})).await;
    assert_eq!(fs::read_to_string(server.path("out/d/f")).unwrap(), "content");
}

#[tokio::test]
async fn an_archive_made_in_its_own_folder_holds_neither_itself_nor_anything_of_the_bridges() {
    let server = Server::start().await.with_file("d/f", "x".repeat(1000));
    for name in ["d/o.zip", "d/o.tar"] {
        for overwrite in [false, true] {
            let packed =
                server.call("filesystem_archive", json!({"path": "d", "to": name, "overwrite": overwrite})).await;
            let to = format!("out{}{overwrite}", packed["size"]);
            server.call("filesystem_extract", json!({"path": name, "to": to})).await;
            let names: Vec<_> = fs::read_dir(server.path(&to)).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!((names, &packed["count"]), (vec!["f".into()], &json!(1)), "{name}");
        }
        fs::remove_file(server.path(name)).unwrap();
    }
}

#[tokio::test]
async fn hard_links_become_copies_and_what_is_left_out_is_named() {
    let server = Server::start().await.with_file("d/a", "same");
    fs::hard_link(server.path("d/a"), server.path("d/b")).unwrap();
    assert!(Command::new("tar").args(["cf", "t.tar", "d"]).current_dir(server.path("")).status().unwrap().success());
    let reply = server.call("filesystem_extract", json!({"path": "t.tar", "to": "out"})).await;
    assert_eq!((&reply["skipped"], reply.get("skipped_names")), (&json!(0), None));
    assert_eq!(["a", "b"].map(|name| fs::read_to_string(server.path("out/d").join(name)).unwrap()), ["same", "same"]);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    for (kind, name, target) in [
        (tar::EntryType::Link, "secret", "/etc/passwd"),
        (tar::EntryType::Link, "other", "not-there"),
        (tar::EntryType::Symlink, "away", "/tmp"),
    ] {
        header.set_entry_type(kind);
        tar.append_link(&mut header, name, target).unwrap();
    }
    fs::write(server.path("h.tar"), tar.into_inner().unwrap()).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "h.tar", "to": "h"})).await;
    assert_eq!((&reply["skipped"], &reply["skipped_names"]), (&json!(3), &json!(["secret", "other", "away"])));
}

#[tokio::test]
async fn an_archive_that_contradicts_itself_is_told_so_and_an_empty_one_makes_its_folder() {
    let server = Server::start().await;
    for (name, archive, member) in
        [("file.zip", zip_with(&["d/a", "d"], None), "d/a"), ("link.zip", zip_with(&["l/f"], Some(("l", "d"))), "l/f")]
    {
        fs::write(server.path(name), archive).unwrap();
        let reply = server.post("/filesystem/extract", json!({"path": name, "to": "out"})).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert!(reply.detail().starts_with(&format!("The archive names {member}")), "{}", reply.detail());
        assert!(!server.path("out").exists());
    }
    fs::write(server.path("empty.zip"), zip_with(&[], None)).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "empty.zip", "to": "new/empty"})).await;
    assert_eq!(reply["count"], 0);
    assert!(server.path("new/empty").is_dir());
}

fn zip_with(names: &[&str], link: Option<(&str, &str)>) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    if let Some((name, target)) = link {
        zip.add_symlink(name, target, options).unwrap();
    }
    for name in names {
        zip.start_file(*name, options).unwrap();
        zip.write_all(b"hostile").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tar_with(name: &[u8], kind: tar::EntryType) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append(&header, std::io::empty()).unwrap();
    tar.into_inner().unwrap()
}

#[tokio::test]
async fn an_archive_cannot_write_outside_its_folder() {
    let server = Server::start().await;
    for (name, archive) in [
        ("up.zip", zip_with(&["fine", "../escaped"], None)),
        ("absolute.zip", zip_with(&["/tmp/escaped-from-zip"], None)),
        ("up.tar", tar_with(b"../escaped", tar::EntryType::Regular)),
        ("absolute.tar", tar_with(b"/tmp/escaped-from-tar", tar::EntryType::Regular)),
    ] {
        fs::write(server.path(name), archive).unwrap();
        let reply = server.post("/filesystem/extract", json!({"path": name, "to": "out"})).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
        assert!(!server.path("out").exists() && !server.path("escaped").exists(), "{name}");
    }
    // A link that leads outside is left out; what was to go through it lands inside.
    fs::write(server.path("link.zip"), zip_with(&["l/escaped"], Some(("l", "../..")))).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "link.zip", "to": "out"})).await;
    assert_eq!(reply["skipped"], 1);
    assert!(server.path("out/l/escaped").exists() && !server.path("escaped").exists());
    fs::write(server.path("device.tar"), tar_with(b"device", tar::EntryType::Char)).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "device.tar", "to": "out2"})).await;
    assert_eq!((&reply["count"], &reply["skipped"]), (&json!(0), &json!(1)));
    // One that leads inside is made, but nothing is unpacked through it.
    fs::write(server.path("inner.zip"), zip_with(&["l/x"], Some(("l", "elsewhere")))).unwrap();
    let reply = server.post("/filesystem/extract", json!({"path": "inner.zip", "to": "out3"})).await;
    assert!((400..500).contains(&reply.status), "{}", reply.text);
    assert!(!server.path("out3").exists(), "all of it or nothing");
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_fills_the_disk() {
    let server = Server::start().await;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("zeros", zip::write::SimpleFileOptions::default()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..128 {
        zip.write_all(&zeros).unwrap();
    }
    let archive = zip.finish().unwrap().into_inner();
    assert!(archive.len() < 1 << 20);
    fs::write(server.path("bomb.zip"), archive).unwrap();
    for bomb in
        [json!({"path": "bomb.zip", "to": "out", "max_bytes": 1_000_000}), json!({"path": "bomb.zip", "to": "out"})]
    {
        let reply = server.post("/filesystem/extract", bomb).await;
        assert_eq!(reply.status, 413, "{}", reply.text);
        assert!(reply.detail().contains("max_bytes"), "{}", reply.text);
    }
    let left: Vec<_> = fs::read_dir(server.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".bridge-") || name == "out"), "{left:?}");
    let trusted = json!({"path": "bomb.zip", "to": "out", "max_bytes": 128 << 20});
    assert_eq!(server.call("filesystem_extract", trusted).await["size"], 128 << 20);
    fs::write(server.path("broken.zip"), b"PK\x03\x04 nothing").unwrap();
    assert_eq!(server.post("/filesystem/extract", json!({"path": "broken.zip", "to": "out"})).await.status, 400);
}
