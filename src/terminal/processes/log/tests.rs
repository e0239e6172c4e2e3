//! The ring against a plain list of everything that was written.

use super::{Log, Piece, Stream, Writer};
use crate::excerpt::incomplete;
use proptest::prelude::*;
use std::sync::Arc;

fn ring(capacity: u64, has_terminal: bool) -> (tempfile::TempDir, Arc<Log>) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::create(folder.path().join("ring"), capacity, has_terminal);
    (folder, log)
}

/// Reads from `cursor` to the end, `max` bytes at a time.
fn read_on(log: &Log, mut cursor: u64, max: usize) -> (u64, Vec<(Stream, u8)>) {
    let (mut missed, mut all) = (0, Vec::new());
    loop {
        let piece = log.read(cursor, max).unwrap();
        missed += piece.missed;
        all.extend(piece.runs.iter().flat_map(|run| run.bytes.iter().map(|byte| (run.stream, *byte))));
        if piece.next == cursor {
            return (missed, all);
        }
        cursor = piece.next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_the_end_of_what_was_written(
        writes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..3000)), 0..60),
        max in 4_usize..9000,
    ) {
        let (_folder, log) = ring(40_000, false);
        let mut writer = Writer::new(log.clone());
        let mut model = Vec::new();
        for (is_error, bytes) in &writes {
            let stream = if *is_error { Stream::Stderr } else { Stream::Stdout };
            writer.append(stream, bytes);
            model.extend(bytes.iter().map(|byte| (stream, *byte)));
            let end = log.span().1;
            for back in [0, 1, 100, 20_000].into_iter().filter(|back| *back <= end) {
                // What is held in memory is what the disk has.
                if let Some(piece) = log.recent(end - back, 30_000) {
                    prop_assert_eq!(piece, log.read(end - back, 30_000).unwrap());
                }
            }
            prop_assert!(log.recent(end, 0).is_some());
        }
        let (start, end) = log.span();
        prop_assert_eq!(end, model.len() as u64);
        prop_assert!(log.size() <= 40_000);
        let (missed, read) = read_on(&log, 0, max);
        prop_assert_eq!(missed, start);
        prop_assert_eq!(&read[..], &model[usize::try_from(start).unwrap()..]);
        let again = Log::open(log.folder.clone(), false);
        prop_assert_eq!(again.span(), (start, end));
        prop_assert_eq!(read_on(&again, start, max).1, read);
    }

    #[test]
    fn text_cut_anywhere_comes_back_whole(text in "\\PC{0,400}", max in 4_usize..50) {
        let (_folder, log) = ring(1 << 20, true);
        Writer::new(log.clone()).append(Stream::Terminal, text.as_bytes());
        let mut cursor = 0;
        let mut read = String::new();
        loop {
            let piece = log.read(cursor, max).unwrap();
            read.push_str(std::str::from_utf8(&piece.of(Stream::Terminal)).unwrap());
            if piece.next == cursor {
                break;
            }
            cursor = piece.next;
        }
        prop_assert_eq!(read, text);
    }
}

#[test]
fn a_late_reader_is_told_what_it_missed() {
    let (_folder, log) = ring(32_768, true);
    let mut writer = Writer::new(log.clone());
    for _ in 0..100 {
        writer.append(Stream::Terminal, &[b'x'; 1000]);
    }
    let (start, end) = log.span();
    assert!(start > 60_000 && end == 100_000, "{start}..{end}");
    let piece = log.read(10, 5000).unwrap();
    assert_eq!((piece.start, piece.missed, piece.next), (start, start - 10, start + 5000));
}

#[test]
fn an_empty_ring_has_nothing_and_no_folder() {
    let (_folder, log) = ring(32_768, false);
    assert_eq!(log.read(0, 100).unwrap(), Piece::default());
    assert!(!log.folder.exists());
}

#[test]
fn a_character_that_is_not_finished_is_seen() {
    for (bytes, cut) in
        [(&b"abc"[..], 0), ("é".as_bytes(), 0), (b"a\xc3", 1), (b"\xe2\x82", 2), (b"\xf0\x9f\x98", 3), (b"\x80", 0)]
    {
        assert_eq!(incomplete(bytes), cut, "{bytes:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, log) = ring(32_768, false);
    Writer::new(log.clone()).append(Stream::Stderr, b"secret");
    for file in std::fs::read_dir(&log.folder).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::metadata(&log.folder).unwrap().permissions().mode() & 0o777, 0o700);
}
