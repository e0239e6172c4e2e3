//! In which direction files look: inwards, and never in a circle.

use super::{
    DOMAINS,
    graph::{Crate, Use, circles, siblings},
    root,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Display, Path, PathBuf},
};

/// Uses that may close a circle: the file, the one that it uses, and why.
const EXEMPT: [(&str, &str, &str); 0] = [];

/// The roots of the program's crate and of those beside it.
fn crates() -> Vec<PathBuf> {
    let beside = std::fs::read_dir(root().join("crates")).expect("there are crates beside the program");
    let beside = beside.map(|folder| folder.expect("the folder can be read").path().join("src/lib.rs"));
    let mut roots: Vec<_> = beside.chain([root().join("src/lib.rs")]).collect();
    roots.sort();
    roots
}

fn relative(file: &Path) -> Display<'_> {
    file.strip_prefix(root()).unwrap_or(file).display()
}

fn is_exempt(of: &Crate, one: &Use, (from, to, _): &(&str, &str, &str)) -> bool {
    one.file == root().join(from) && of.files(&one.to).contains(&root().join(to))
}

/// Each circle, and what has to be moved to open it.
fn report(of: &Crate, uses: &BTreeSet<Use>) -> String {
    let counted = uses.iter().filter(|one| !EXEMPT.iter().any(|exemption| is_exempt(of, one, exemption)));
    let mut text = String::new();
    for ((parent, members), uses) in circles(counted) {
        writeln!(text, "in {:?} {members:?} lead to each other:", parent.join("::")).expect("a text takes all");
        for one in uses {
            let to = relative(&of.files(&one.to)[0]);
            writeln!(text, "  {} uses {} of {to}", relative(&one.file), one.path).expect("a text takes all");
        }
    }
    text
}

#[test]
fn files_that_lie_side_by_side_form_no_circle() {
    for lib in crates() {
        let of = Crate::read(&lib);
        let uses = of.uses();
        assert!(uses.len() > 10, "the uses of {} are not seen", relative(&lib));
        let found = report(&of, &uses);
        assert!(found.is_empty(), "{found}");
    }
}

#[test]
fn each_exemption_names_files_that_exist_and_is_still_needed() {
    let of = Crate::read(&root().join("src/lib.rs"));
    let uses = of.uses();
    let closing: Vec<&Use> = circles(&uses).into_values().flatten().collect();
    for exemption in &EXEMPT {
        for file in [exemption.0, exemption.1] {
            assert!(root().join(file).is_file(), "{file} is not there");
        }
        let is_needed = closing.iter().any(|one| is_exempt(&of, one, exemption));
        assert!(is_needed, "{} closes no circle any more by {}", exemption.0, exemption.1);
    }
}

/// The layer of each module of the crate, as `lib.rs` has them in groups: 0 is the rim.
fn layers() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("the crate has a root");
    let layers = text.split("\n\n").enumerate().flat_map(|(layer, group)| {
        let names = group.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
        names.map(move |name| (name.to_owned(), layer))
    });
    layers.collect()
}

#[test]
fn the_page_of_the_architecture_has_the_groups_of_the_crate() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).expect("it is part of the repository");
    let (lib, page) = (read("src/lib.rs"), read("docs/architecture.md"));
    let groups: Vec<(&str, &str)> =
        lib.split("\n\n").filter_map(|group| group.strip_prefix("// ")?.split_once(": ")).collect();
    assert_eq!(groups.len(), 5, "each group of lib.rs has a title");
    for (title, group) in groups {
        let names = group.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let row = format!("| {title} | {} |", names.join(", "));
        assert!(page.contains(&row), "docs/architecture.md must have a row that begins {row}");
    }
}

#[test]
fn an_import_goes_inwards_and_from_no_domain_to_another() {
    let layers = layers();
    let domains: BTreeSet<usize> = DOMAINS.iter().map(|domain| layers[*domain]).collect();
    assert_eq!(domains.len(), 1, "the domains lie side by side");
    for one in Crate::read(&root().join("src/lib.rs")).uses() {
        let Some((_, from, to)) = siblings(&one).filter(|(parent, ..)| parent.is_empty()) else { continue };
        let (of, at) = (layers[&from], layers[&to]);
        let file = relative(&one.file);
        assert!(of <= at, "{file} uses {}: lib.rs has {to} further out than {from}", one.path);
        assert!(of != at || !domains.contains(&of), "{file} uses {}: domains do not know each other", one.path);
    }
}

/// A crate of these files, and the circles in it.
fn circles_of(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let uses = Crate::read(&folder.path().join("lib.rs")).uses();
    let found = circles(&uses).into_keys();
    found.map(|(parent, members)| (parent.join("::"), members.into_iter().collect())).collect()
}

#[test]
fn a_circle_is_found_however_its_names_are_written() {
    let lib = "pub mod a;\nmod b;\nuse b::Deep;\n";
    let b = ("b.rs", "pub struct Deep; fn f() { crate::a::g::<u8>('\\'', \"//\") }");
    for a in [
        "use std::fs;\nuse crate::{Error};\nuse crate::{x::{y}, b::{self, Deep as D}};",
        "use super::b;",
        "use super::Deep;",
        "fn g() -> self::super::Deep { todo!() } // re-exported by the root",
        "mod inner { use super::super::{b::*}; }",
        "fn g<'a>(x: &'a str) -> char { let _ = r#\"\"#; crate::b::Deep::new(x); 'x' }",
        "#[serde(with = \"super::b::text\")] struct S;",
    ] {
        assert_eq!(
            circles_of(&[("lib.rs", lib), ("a.rs", a), b]),
            [(String::new(), vec!["a".into(), "b".into()])],
            "{a}"
        );
    }
    for a in [
        "// use crate::b::Deep;\n/* super::b /* nested */ */ const B: &str = \"crate::b::Deep\";",
        "#[cfg(test)]\nmod tests { use crate::b::Deep; }",
        "use other::b::Deep; struct b;",
    ] {
        assert!(circles_of(&[("lib.rs", lib), ("a.rs", a), b]).is_empty(), "{a}");
    }
}

#[test]
fn a_module_and_its_children_are_one_room_and_children_of_different_ones_meet_above() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; struct Own; fn f() { y::g() }"),
        ("a/x.rs", "pub struct X; fn f() -> super::Own { super::Own }"),
        ("a/y.rs", "pub fn g() -> super::X { crate::b::c::h() }"),
        ("b.rs", "#[cfg(unix)] pub mod c;\n#[cfg(not(unix))]\n#[path = \"other.rs\"] pub mod c;"),
        ("b/c.rs", "pub fn h() {}"),
    ];
    let with = |other: &'static str| circles_of(&[&files[..], &[("other.rs", other)]].concat());
    assert!(with("pub fn h() {}").is_empty());
    assert_eq!(with("pub fn h() { crate::a::X }"), [(String::new(), vec!["a".into(), "b".into()])]);
}
