//! The version stands in one place, and wherever else it has to stand it is the same: `release/versions`, on what is checked
//! in, and on copies in which one of them is another. What the image is made of is pinned: `release/bases`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the script reads.
const FILES: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "CHANGELOG.md",
    "charts/hooktender/Chart.yaml",
    "demo/Cargo.toml",
    "docs/install.md",
    "examples/gitops/hooktender/release.yaml",
    "tests/cluster/Cargo.toml",
    "tests/sandbox/Cargo.toml",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What the script complains about in a folder; nothing, if all is well.
fn complaints(folder: &Path, program: &str) -> String {
    let mut script = Command::new(root().join("release/versions"));
    let output = script.arg(folder).env("HOOKTENDER", program).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

/// What the script complains about when this is that in one file, and nowhere else.
fn with(file: &str, this: &str, that: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let mut text = fs::read_to_string(root().join(name)).unwrap();
        if name == file {
            assert!(text.contains(this), "no {this:?} in {file}");
            text = text.replacen(this, that, 1);
        }
        fs::write(to, text).unwrap();
    }
    complaints(folder.path(), "")
}

#[test]
fn the_version_is_the_same_everywhere() {
    assert_eq!(complaints(&root(), env!("CARGO_BIN_EXE_hooktender")), "");
}

#[test]
fn a_version_that_is_another_is_named() {
    assert_eq!(with("Cargo.toml", "", ""), "", "the copies are enough");
    let old = |text: &str| text.replace("NOW", VERSION);
    for (file, this, that, says) in [
        (
            "charts/hooktender/Chart.yaml",
            "\nversion: NOW",
            "\nversion: 0.0.9",
            "Chart.yaml: version is '0.0.9'",
        ),
        ("charts/hooktender/Chart.yaml", "appVersion: NOW", "appVersion: \"0.0.9\"", "appVersion is '0.0.9'"),
        ("docs/install.md", "hooktender:NOW", "hooktender:0.0.9", "docs/install.md: a version is '0.0.9'"),
        ("examples/gitops/hooktender/release.yaml", "vNOW", "v0.0.9", "release.yaml: the tag is 'v0.0.9'"),
        (
            "demo/Cargo.toml",
            "version.workspace = true",
            "version = \"NOW\"",
            "demo/Cargo.toml: the version of its",
        ),
        (
            "Cargo.lock",
            "name = \"hooktender\"\nversion = \"NOW\"",
            "name = \"hooktender\"\nversion = \"0.0.9\"",
            "of hooktender (cargo",
        ),
        (
            "CHANGELOG.md",
            "## Unreleased",
            "## 0.0.9 - 2026-01-01",
            "and has to be '## Unreleased' or '## NOW - YYYY-MM-DD'",
        ),
        (
            "Cargo.toml",
            "\nversion = \"NOW\"",
            "\nversion = \"0.2.0\"",
            "Chart.yaml: version is 'NOW', and has to be '0.2.0'",
        ),
        ("Cargo.toml", "\nversion = \"NOW\"", "\n", "Cargo.toml: [workspace.package] has no version"),
    ] {
        let said = with(file, &old(this), &old(that));
        assert!(said.contains(&old(says)), "{file}: no {says:?} in:\n{said}");
    }
    let said = complaints(&root(), "/bin/echo");
    assert!(said.contains("what it calls itself is 'version'"), "{said}");
}

#[test]
fn a_changelog_of_the_release_is_as_good_as_an_unreleased_one() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let heading = text.lines().find(|line| line.starts_with("## ")).unwrap();
    assert_eq!(with("CHANGELOG.md", heading, &format!("## {VERSION} - 2026-01-01")), "");
    assert_eq!(with("CHANGELOG.md", heading, "## Unreleased"), "");
    assert_ne!(with("CHANGELOG.md", heading, &format!("## {VERSION}")), "");
}

/// What `release/bases` complains about in a Dockerfile.
fn unpinned(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let output =
        Command::new(root().join("release/bases")).arg(file.path()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn a_release_is_refused_whose_image_is_made_of_what_can_change() {
    let checked_in = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let digest = format!("@sha256:{}", "0123456789abcdef".repeat(4));
    let pin = |line: &str| match line.strip_prefix("ARG ").filter(|argument| argument.contains("_BASE=")) {
        Some(base) => format!("ARG {}{digest}\n", base.split('@').next().unwrap()),
        None => format!("{line}\n"),
    };
    let pinned: String = checked_in.lines().map(pin).collect();
    assert_eq!(pinned.matches(&digest).count(), 2, "two bases");
    assert_eq!(unpinned(&pinned), "", "but for the digests, what is checked in is pinned");
    for base in ["BUILD_BASE", "RUN_BASE"] {
        let tag = pinned.lines().map(|line| {
            let cut = line.starts_with(&format!("ARG {base}="));
            format!("{}\n", if cut { line.split('@').next().unwrap() } else { line })
        });
        let said = unpinned(&tag.collect::<String>());
        assert!(
            said.contains(&format!("the base {base} is '")) && said.contains("imagetools inspect"),
            "{said}"
        );
    }
    for (this, that, says) in [
        (" --locked\n", "\n", "cargo install needs --version X.Y.Z and --locked"),
        (" --version 0.7.7", "", "cargo install needs --version X.Y.Z and --locked"),
        ("WORKDIR /source", "RUN apt-get update && apt-get install --yes make", "package manager"),
        ("FROM ${RUN_BASE}", "FROM debian:bookworm", "the base debian:bookworm is 'debian:bookworm'"),
        (":nonroot@", "@", "the base RUN_BASE is '"),
    ] {
        assert!(pinned.contains(this), "no {this:?} in:\n{pinned}");
        let said = unpinned(&pinned.replacen(this, that, 1));
        assert!(said.contains(says), "{that:?}: no {says:?} in:\n{said}");
    }
}
