//! Archives whose links try to lead out of the folder they are unpacked into.

use super::undo::tree;
use crate::server::{Server, scratch};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

/// An entry of an archive.
#[derive(Clone, Debug)]
enum Entry {
    Folder(String),
    File(String),
    Link(String, String),
    /// In a ZIP, which has none, a file.
    HardLink(String, String),
}

fn link(name: &str, target: &str) -> Entry {
    Entry::Link(name.into(), target.into())
}

fn file(name: &str) -> Entry {
    Entry::File(name.into())
}

fn zip_of(entries: &[Entry]) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for entry in entries {
        // Of a name that comes twice, a writer of ZIPs refuses the second.
        let _ = match entry {
            Entry::Folder(name) => zip.add_directory(name.as_str(), options),
            Entry::Link(name, target) => zip.add_symlink(name.as_str(), target.as_str(), options),
            Entry::File(name) | Entry::HardLink(name, _) => zip
                .start_file(name.as_str(), options)
                .map(|()| zip.write_all(b"from the archive").expect("a vector takes all")),
        };
    }
    zip.finish().unwrap().into_inner()
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(0);
        let (kind, name, target) = match entry {
            Entry::Folder(name) => (tar::EntryType::Directory, name, None),
            Entry::File(name) => (tar::EntryType::Regular, name, None),
            Entry::Link(name, target) => (tar::EntryType::Symlink, name, Some(target)),
            Entry::HardLink(name, target) => (tar::EntryType::Link, name, Some(target)),
        };
        header.set_entry_type(kind);
        match target {
            Some(target) => tar.append_link(&mut header, name, target).unwrap(),
            None if kind == tar::EntryType::Regular => {
                header.set_size(16);
                tar.append_data(&mut header, name, &b"from the archive"[..]).unwrap();
            }
            None => tar.append_data(&mut header, name, std::io::empty()).unwrap(),
        }
    }
    tar.into_inner().unwrap()
}

/// A server with something outside of the folder `esc`.
async fn with_canaries() -> Server {
    Server::start().await.with_file("outside/secret.txt", "secret").with_file("secret.txt", "secret")
}

/// Unpacks as ZIP and as tar into folders that begin alike, and gives each folder's name with its answer.
async fn unpack(server: &Server, prepare: impl Fn(&Path), entries: &[Entry]) -> Vec<(String, Value)> {
    let mut replies = Vec::new();
    for (name, archive) in [("a.zip", zip_of(entries)), ("a.tar", tar_of(entries))] {
        let to = format!("esc-{name}");
        let _ = fs::remove_dir_all(server.path(&to));
        fs::create_dir(server.path(&to)).unwrap();
        prepare(&server.path(&to));
        fs::write(server.path(name), archive).unwrap();
        let arguments = json!({"path": name, "to": to, "overwrite": true});
        replies.push((to, server.call("filesystem_extract", arguments).await));
    }
    replies
}

/// The links below a folder that lead out of it, or would if what is missing were there.
fn links_outside(folder: &Path) -> Vec<String> {
    let real = folder.canonicalize().unwrap();
    let links =
        walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(walkdir::DirEntry::path_is_symlink);
    let leads_out = |path: &Path| path.canonicalize().is_ok_and(|end| !end.starts_with(&real));
    links.filter(|link| leads_out(link.path())).map(|link| link.path().display().to_string()).collect()
}

#[tokio::test]
async fn a_chain_of_links_of_an_archive_cannot_lead_out_of_its_folder() {
    let server = with_canaries().await;
    let chain = [
        link("p/q/x", "../.."),
        link("y", "p/q/x/.."),
        link("y2", "y/.."),
        link("o", "y2/../outside/secret.txt"),
        file("fine.txt"),
    ];
    for (to, reply) in unpack(&server, |_| (), &chain).await {
        assert_eq!((&reply["skipped"], &reply["skipped_names"]), (&json!(3), &json!(["o", "y", "y2"])), "{to}");
        assert!(server.path(&to).join("p/q/x").canonicalize().unwrap().ends_with(&to), "{to}: it stays inside");
        assert!(server.path(&to).join("fine.txt").is_file() && links_outside(&server.path(&to)).is_empty(), "{to}");
        // What is unpacked to where the link was to be stays inside, too.
        fs::write(server.path("b.zip"), zip_of(&[file("planted")])).unwrap();
        server.call("filesystem_extract", json!({"path": "b.zip", "to": format!("{to}/y")})).await;
        assert!(server.path(&to).join("y/planted").is_file() && !server.path("planted").exists(), "{to}");
    }
}

#[tokio::test]
async fn links_that_could_come_to_lead_outside_are_left_out_whatever_comes_after_them() {
    let server = with_canaries().await;
    let long = "x/".repeat(3000);
    let many: Vec<Entry> = (0..60).map(|n| link(&format!("l{n:02}"), &format!("l{:02}", n + 1))).collect();
    let cases: Vec<(&str, Vec<Entry>, Vec<&str>)> = vec![
        (
            "a link made before what it goes through",
            vec![link("a", "b/../x"), link("b", "d/e"), file("d/e/f")],
            vec!["a"],
        ),
        ("up behind a link", vec![link("b", "d/e"), link("a", "b/../../.."), file("d/e/f")], vec!["a"]),
        ("up behind a link, a level on", vec![link("b", "d"), link("a", "b/e/../.."), file("d/e/f")], vec!["a"]),
        ("up through nothing", vec![link("a", "missing/../../secret.txt")], vec!["a"]),
        ("up through a file", vec![file("f"), link("a", "f/../../secret.txt")], vec!["a"]),
        ("absolute", vec![link("a", "/tmp"), link("b", "//tmp/.."), link("c", "a/x")], vec!["a", "b", "c"]),
        ("a circle", vec![link("a", "b"), link("b", "a"), link("c", "c/..")], vec!["a", "b", "c"]),
        ("too long", vec![link("a", &long)], vec!["a"]),
        (
            "a folder that becomes a link",
            vec![Entry::Folder("d".into()), link("a", "d/../.."), link("d", ".")],
            vec!["a"],
        ),
        ("only a case apart", vec![link("D", "x/y"), link("a", "d/../.."), file("x/y/z")], vec!["a"]),
    ];
    for (what, entries, left_out) in cases {
        for (to, reply) in unpack(&server, |_| (), &entries).await {
            if to.ends_with("zip") && what.starts_with("a folder that becomes") {
                continue;
            }
            assert_eq!(reply["skipped_names"], json!(left_out), "{what}, {to}");
            assert_eq!(links_outside(&server.path(&to)), [""; 0], "{what}, {to}");
        }
    }
    for (to, reply) in unpack(&server, |_| (), &many).await {
        assert!(reply["skipped"].as_u64() >= Some(20), "{to}: no system follows so many");
    }
}

#[tokio::test]
async fn links_that_stay_inside_are_made_as_they_are() {
    let server = with_canaries().await;
    let entries = [
        link(".bin/tool", "../pkg/bin/tool.js"),
        file("pkg/bin/tool.js"),
        link("Versions/Current", "A"),
        file("Versions/A/Lib"),
        link("Lib", "Versions/Current/Lib"),
        link("dangling", "not/there"),
        link("deep/er/top", "../.."),
        link("aside", "pkg/../Versions/./A//Lib"),
    ];
    for (to, reply) in unpack(&server, |_| (), &entries).await {
        assert_eq!((&reply["skipped"], &reply["count"]), (&json!(0), &json!(8)), "{reply}");
        for entry in &entries {
            let Entry::Link(name, target) = entry else { continue };
            assert_eq!(fs::read_link(server.path(&to).join(name)).unwrap(), Path::new(target), "{to}");
        }
        assert!(server.path(&to).join("Lib").is_file() && server.path(&to).join("aside").is_file());
        server.call("filesystem_undo", json!({"id": reply["change_id"]})).await;
        assert_eq!(fs::read_dir(server.path(&to)).unwrap().count(), 0, "an extraction is undone as a whole");
    }
}

#[tokio::test]
async fn links_that_lie_in_the_folder_already_are_followed_before_a_new_one_is_made_through_them() {
    let server = with_canaries().await;
    let outside = server.path("outside");
    let hostile = |folder: &Path| {
        symlink(&outside, folder.join("esc")).unwrap();
        symlink("../outside", folder.join("near")).unwrap();
        fs::create_dir_all(folder.join("real/dir")).unwrap();
        symlink("real/dir", folder.join("inner")).unwrap();
    };
    let entries = [link("a", "esc/secret.txt"), link("b", "near"), link("c", "inner/new"), link("d", "inner/../..")];
    for (to, reply) in unpack(&server, hostile, &entries).await {
        assert_eq!(reply["skipped_names"], json!(["a", "b", "d"]), "{to}");
        assert!(server.path(&to).join("c").is_symlink());
        // Nothing is unpacked through a link that is in the way.
        fs::write(server.path("b.zip"), zip_of(&[file("near/planted")])).unwrap();
        let through = server.post("/filesystem/extract", json!({"path": "b.zip", "to": to, "overwrite": true})).await;
        assert_eq!(through.status, 403, "{}", through.text);
        assert!(!outside.join("planted").exists());
    }
    // A second archive cannot turn the links of the first outwards.
    let first = [link("a", "d/u/.."), link("m", "x/y"), file("d/u/f"), file("x/y/f")];
    for (to, _) in unpack(&server, |_| (), &first).await {
        fs::write(server.path("c.tar"), tar_of(&[link("m", "."), link("n", "m/../..")])).unwrap();
        server.call("filesystem_extract", json!({"path": "c.tar", "to": to, "overwrite": true})).await;
        assert_eq!(links_outside(&server.path(&to)), [""; 0], "{to}");
    }
}

#[tokio::test]
async fn no_link_of_an_archive_leads_to_a_denied_place_in_its_folder() {
    let server = Server::start().await.with_file(".env", "MCP_API_KEY=x");
    let entries =
        [link("a", ".env"), link("b", "memory/undo/journal.jsonl"), link("c", "memory/undo/no/such"), file("f")];
    fs::write(server.path("a.tar"), tar_of(&entries)).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "a.tar", "to": "."})).await;
    assert_eq!(reply["skipped_names"], json!(["a", "b", "c"]));
    assert!(server.path("f").is_file() && !server.path("a").is_symlink());
}

#[tokio::test]
async fn hard_links_of_a_tar_are_copies_of_what_came_with_it_and_of_nothing_else() {
    let server = with_canaries().await;
    fs::create_dir(server.path("esc")).unwrap();
    fs::write(server.path("esc/there"), "there before").unwrap();
    symlink("../outside", server.path("esc/near")).unwrap();
    let hard = |name: &str, target: &str| Entry::HardLink(name.into(), target.into());
    let entries = [
        file("d/f"),
        link("d/l", "f"),
        hard("d/same", "d/l"),
        hard("copy", "d/f"),
        hard("h1", "near/secret.txt"),
        hard("h2", "../secret.txt"),
        hard("h3", "there"),
        hard("wrong", "d/out"),
        link("d/out", "../../secret.txt"),
    ];
    fs::write(server.path("a.tar"), tar_of(&entries)).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "a.tar", "to": "esc"})).await;
    assert_eq!(reply["skipped_names"], json!(["h1", "h2", "h3", "wrong", "d/out"]));
    assert_eq!(fs::read_link(server.path("esc/d/same")).unwrap(), Path::new("f"));
    assert_eq!(fs::read_to_string(server.path("esc/copy")).unwrap(), "from the archive");
}

#[tokio::test]
async fn nothing_of_an_archive_is_a_program_that_runs_as_another_user_or_a_device() {
    let server = Server::start().await;
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode) in [
        ("setuid", tar::EntryType::Regular, 0o4755),
        ("setgid", tar::EntryType::Regular, 0o2755),
        ("sticky", tar::EntryType::Directory, 0o7777),
        ("fifo", tar::EntryType::Fifo, 0o644),
        ("block", tar::EntryType::Block, 0o644),
        ("char", tar::EntryType::Char, 0o644),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(0);
        tar.append_data(&mut header, name, std::io::empty()).unwrap();
    }
    fs::write(server.path("a.tar"), tar.into_inner().unwrap()).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "a.tar", "to": "tar"})).await;
    assert_eq!(reply["skipped_names"], json!(["fifo", "block", "char"]));
    // A ZIP holds the whole mode in the upper half of its external attributes.
    let mut zip = zip_of(&[file("setuid"), file("fifo")]);
    let central: Vec<usize> = (0..zip.len() - 4).filter(|at| zip[*at..].starts_with(b"PK\x01\x02")).collect();
    for (at, mode) in central.into_iter().zip([0o104_755_u16, 0o010_644]) {
        zip[at + 5] = 3;
        zip[at + 40..at + 42].copy_from_slice(&mode.to_le_bytes());
    }
    fs::write(server.path("a.zip"), zip).unwrap();
    let reply = server.call("filesystem_extract", json!({"path": "a.zip", "to": "zip"})).await;
    assert_eq!(reply["skipped_names"], json!(["fifo"]));
    for name in ["tar/setuid", "tar/setgid", "tar/sticky", "zip/setuid"] {
        let mode = fs::metadata(server.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7000, 0, "{name} is {mode:o}");
    }
}

/// Entries of few names, so that they meet.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let name = || proptest::string::string_regex("[abc](/[abc]){0,2}").unwrap();
    let target = || proptest::string::string_regex("(\\.\\.|\\.|[abc])(/(\\.\\.|\\.|[abc])){0,4}").unwrap();
    let entry = prop_oneof![
        1 => name().prop_map(Entry::Folder),
        1 => name().prop_map(Entry::File),
        5 => (name(), target()).prop_map(|(name, target)| Entry::Link(name, target)),
        1 => (name(), name()).prop_map(|(name, target)| Entry::HardLink(name, target)),
    ];
    prop::collection::vec(entry, 1..8)
}

#[test]
fn whatever_archives_are_unpacked_one_over_another_no_link_leads_outside() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(with_canaries());
    let before = tree(&server.path("outside"));
    let made = std::cell::Cell::new(0);
    TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() })
        .run(&(prop::collection::vec(entries(), 1..4), any::<bool>()), |(archives, as_zip)| {
            let folder = scratch();
            // Deep, so that what leads out by some levels still ends somewhere that is there.
            let esc = folder.path().join("a/b/esc");
            fs::create_dir_all(&esc).unwrap();
            for entries in &archives {
                let archive = folder.path().join("archive");
                fs::write(&archive, if as_zip { zip_of(entries) } else { tar_of(entries) }).unwrap();
                let arguments = json!({"path": archive, "to": esc, "overwrite": true});
                let reply = runtime.block_on(server.post("/filesystem/extract", arguments));
                prop_assert!(reply.status < 500, "{}", reply.text);
                made.set(made.get() + usize::from(reply.status == 200));
                prop_assert_eq!(links_outside(&esc), Vec::<String>::new());
                let around: BTreeSet<_> =
                    fs::read_dir(folder.path().join("a/b")).unwrap().map(|e| e.unwrap().file_name()).collect();
                prop_assert_eq!(around.len(), 1);
            }
            Ok(())
        })
        .unwrap();
    assert!(made.get() > 100, "{made:?}");
    assert_eq!(tree(&server.path("outside")), before);
    runtime.block_on(server.stop());
}

/// For `BRIDGE_RACE_SECONDS`, 2 without it: `.ci/long` runs it for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_lands_outside_while_folders_of_the_target_are_swapped_for_links() {
    let seconds = std::env::var("BRIDGE_RACE_SECONDS").map_or(2, |seconds| seconds.parse().expect("a number"));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let server = with_canaries().await;
    fs::create_dir_all(server.path("outside/e")).unwrap();
    let before = tree(&server.path("outside"));
    fs::create_dir_all(server.path("esc/d/e")).unwrap();
    symlink("../outside", server.path("esc/swapped")).unwrap();
    let (one, other) = (server.path("esc/d"), server.path("esc/swapped"));
    let swapping = std::thread::spawn(move || {
        let (mut swaps, here) = (0_u64, rustix::fs::CWD);
        while std::time::Instant::now() < end {
            rustix::fs::renameat_with(here, &one, here, &other, rustix::fs::RenameFlags::EXCHANGE).unwrap();
            swaps += 1;
        }
        swaps
    });
    let entries = [file("d/f"), file("d/e/f"), link("d/l", "e"), file("d/secret.txt"), Entry::Folder("d/new".into())];
    fs::write(server.path("a.tar"), tar_of(&entries)).unwrap();
    let (mut unpacked, mut refused) = (0, 0);
    while std::time::Instant::now() < end {
        let arguments = json!({"path": "a.tar", "to": "esc", "overwrite": true});
        let reply = server.post("/filesystem/extract", arguments).await;
        if reply.status != 200 {
            refused += 1;
            continue;
        }
        unpacked += 1;
        let _ = server.post("/filesystem/undo", json!({"id": reply.body["change_id"]})).await;
    }
    let swaps = swapping.join().unwrap();
    println!("{swaps} swaps, {unpacked} archives unpacked, {refused} refused");
    assert!(swaps > 100 && unpacked + refused > 10, "{swaps} swaps, {unpacked} unpacked, {refused} refused");
    let after = tree(&server.path("outside"));
    assert!(after.keys().eq(before.keys()), "{after:?}");
    assert_eq!(fs::read_to_string(server.path("outside/secret.txt")).unwrap(), "secret");
}
