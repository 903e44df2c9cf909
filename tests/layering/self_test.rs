//! The rules on made-up sources: what is found, and what is let through.

use crate::graph::{Crate, Imports, circles};
use crate::source::{asynchronous, modules};
use crate::{between_files, describe, upward};

fn imports(files: &[(&str, &str)]) -> Imports {
    Crate::new(files.iter().copied()).imports()
}

/// Returns the circles of these files, each as its names.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    circles(between_files(imports(files))).iter().map(|circle| circle.join(" ")).collect()
}

/// Two files of which `b` imports `a`; how `a` imports `b` is the case.
fn two(a: &str) -> Vec<String> {
    let re_exports = "pub mod inner;\npub use inner::{Deep, other as renamed};\npub use self::inner::*;";
    found(&[
        ("lib.rs", "pub mod x;"),
        ("x/mod.rs", "mod a;\nmod b;\npub use b::Shown;"),
        ("x/a.rs", a),
        ("x/b.rs", &format!("use super::a::Thing;\npub struct Shown;\npub fn work() {{}}\n{re_exports}")),
        (
            "x/b/inner.rs",
            "use crate::x::a::Thing;\npub struct Deep;\npub fn other() {}\npub const ALL: u8 = 1;",
        ),
    ])
}

#[test]
fn a_circle_is_found_however_it_is_spelled() {
    for spelling in [
        "use crate::x::b;",
        "use crate::x::b::work;",
        "use super::b::{self, work};",
        "use super::{b::{work as does}, other};",
        "use {\n    std::fmt,\n    crate::x::{\n        b::work,\n    },\n};",
        "use crate::x::Shown;",
        "use crate::x::*;\nfn f() { let _ = crate::x::b::work(); }",
        "fn f() { crate::x::b::work(); }",
        "fn f() -> super::b::Shown { loop {} }",
        "fn f() { use crate::x::b::work; work(); }",
        "mod within { fn f() { super::super::b::work(); } }",
        "/* \" */ const A: &str = \"}\"; const B: char = '\"'; use crate::x::b::work;",
        "const A: &str = r#\"\"use\"#; fn f<'a>(_: &'a str) { crate::x::b::work(); }",
    ] {
        assert_eq!(two(spelling), ["x/a.rs x/b.rs"], "{spelling}");
    }
    for re_exported in ["use crate::x::b::Deep;", "use super::b::renamed;", "use super::b::ALL;"] {
        assert_eq!(two(re_exported), ["x/a.rs x/b/inner.rs"], "{re_exported}");
    }
}

#[test]
fn what_is_no_import_of_the_crate_is_let_through() {
    for spelling in [
        "// use crate::x::b;",
        "const A: &str = \"crate::x::b::work()\";",
        "use b::work;",
        "#[cfg(test)]\nuse crate::x::b;",
        "#[cfg(test)]\n#[allow(unused)]\npub(crate) fn f() { crate::x::b::work(); }",
        "struct A {\n    #[cfg(test)]\n    b: crate::x::b::Shown,\n    c: u8,\n}",
        "#[cfg(test)]\nmod tests {\n    use super::super::b;\n}",
    ] {
        assert_eq!(two(spelling), [""; 0], "{spelling}");
    }
    // What follows a test is read again.
    assert_eq!(two("#[cfg(test)]\nmod tests { fn f() {} }\nuse super::b;"), ["x/a.rs x/b.rs"]);
    assert_eq!(two("#[cfg(not(test))]\nuse super::b;"), ["x/a.rs x/b.rs"]);
}

#[test]
fn parents_children_and_tests_are_left_out() {
    let parent = ("x/mod.rs", "mod a;\nuse a::Thing;\npub struct Base;");
    assert_eq!(
        found(&[("lib.rs", "mod x;"), parent, ("x/a.rs", "use super::Base;\npub struct Thing;")]),
        [""; 0]
    );
    let tests = [
        ("lib.rs", "mod a;\n#[cfg(test)]\nmod testing;"),
        ("a.rs", "use crate::testing::inner::help;"),
        ("testing/mod.rs", "pub mod inner;"),
        ("testing/inner.rs", "use crate::a;"),
    ];
    assert_eq!(found(&tests), [""; 0]);
}

#[test]
fn a_long_circle_is_told_file_by_file() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::d;\n\nuse crate::b;"),
        ("b.rs", "fn f() {\n    crate::c::g();\n}"),
        ("c.rs", "use crate::a::Thing;"),
        ("d.rs", ""),
    ];
    let imports = imports(&files);
    let circles = circles(imports.clone());
    assert_eq!(circles.len(), 1);
    let told = "3 files import one another in a circle:
    src/a.rs:3 imports src/b.rs
    src/b.rs:2 imports src/c.rs
    src/c.rs:1 imports src/a.rs
  move what both need into a module below both";
    assert_eq!(describe(&circles[0], &imports), told);
}

#[test]
fn an_import_against_the_order_of_the_engine_is_found() {
    let files = [
        ("lib.rs", "mod engine;"),
        ("engine/mod.rs", "mod state; mod pass; mod status; mod inputs; mod novel;"),
        ("engine/state/mod.rs", "use crate::engine::pass::run;"),
        ("engine/pass/mod.rs", "use crate::engine::{inputs, state, status};"),
        ("engine/status.rs", "use super::inputs::Input;"),
        ("engine/inputs.rs", "use super::state::Thing;"),
        ("engine/novel.rs", "use super::state::Thing;"),
    ];
    let told: Vec<String> = upward(&imports(&files)).into_values().collect();
    assert_eq!(
        told,
        [
            "src/engine/novel.rs: add novel to ENGINE",
            "src/engine/state/mod.rs:1 imports engine/pass/mod.rs: state is not above pass; move what it needs below state",
            "src/engine/status.rs:1 imports engine/inputs.rs: status is not above inputs; move what it needs below status",
        ]
    );
}

#[test]
fn async_code_is_found() {
    assert_eq!(asynchronous("fn f() {}\n\nasync fn g() {\n    h().await;\n}"), [3, 4]);
    assert_eq!(asynchronous("// async\nconst A: &str = \"await\";\n#[cfg(test)]\nasync fn f() {}"), [0; 0]);
}

#[test]
fn modules_within_a_file_are_told_apart() {
    let read = modules("mod a { pub fn f() {} mod b { use super::f; } }\nfn g() { struct S; }\nmod c;");
    let paths: Vec<String> = read.iter().map(|module| module.path.join("::")).collect();
    assert_eq!(paths, ["", "a", "a::b"]);
    assert_eq!(read[0].items.iter().collect::<Vec<_>>(), ["g"]);
    assert_eq!(read[0].children.iter().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(read[2].imports[0].path, ["super", "f"]);
}
