//! A comment that rests on a vendor's fact names its section, and the section is there: `(vendors/contensis.md 3.4)`, or
//! just `(3.4)` in that vendor's own folder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

const VENDORS: [&str; 3] = ["brightpearl", "contensis", "superoffice"];

#[test]
fn every_cited_section_is_there() {
    let mut missing = Vec::new();
    let mut cited = 0;
    for file in
        ["src", "tests/sandbox/src", "tests/contract"].iter().flat_map(|folder| sources(&root().join(folder)))
    {
        let own = VENDORS
            .into_iter()
            .find(|vendor| file.to_string_lossy().contains(&format!("src/vendor/{vendor}/")));
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for (vendor, section) in citations(line, own) {
                cited += 1;
                if !sections(vendor).contains(&section) {
                    let file = file.strip_prefix(root()).unwrap().display();
                    missing.push(format!(
                        "{file}:{}: docs/vendors/{vendor}.md has no section {section}",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(cited > 50, "only {cited} citations were found: is this test still looking in the right place?");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn citations_are_found() {
    type Case = (&'static str, Option<&'static str>, &'static [(&'static str, &'static str)]);
    let cases: [Case; 5] = [
        ("//! How (vendors/contensis.md 2 and 3).", None, &[("contensis", "2"), ("contensis", "3")]),
        (
            "/// What (vendors/brightpearl.md §9.6, 10).",
            None,
            &[("brightpearl", "9.6"), ("brightpearl", "10")],
        ),
        (
            "/// Unset ones are left out (2.3, 4.1).",
            Some("superoffice"),
            &[("superoffice", "2.3"), ("superoffice", "4.1")],
        ),
        ("/// Unset ones are left out (2.3).", None, &[]),
        ("let x = f(2);", Some("superoffice"), &[]),
    ];
    for (line, own, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(vendor, section)| (*vendor, (*section).to_owned())).collect();
        assert_eq!(citations(line, own), expected, "{line}");
    }
}

/// The sections that a line cites.
fn citations(line: &str, own: Option<&'static str>) -> Vec<(&'static str, String)> {
    let Some(comment) = line.trim_start().strip_prefix("//") else { return Vec::new() };
    let mut found = Vec::new();
    for vendor in VENDORS {
        let name = format!("vendors/{vendor}.md");
        for (at, _) in comment.match_indices(&name) {
            let rest = &comment[at + name.len()..];
            let rest = &rest[..rest.find([')', ';', '(']).unwrap_or(rest.len())];
            found.extend(numbers(rest).into_iter().map(|section| (vendor, section)));
        }
    }
    if let Some(vendor) = own {
        for (at, _) in comment.match_indices('(') {
            let inner = &comment[at + 1..];
            let inner = &inner[..inner.find(')').unwrap_or(0)];
            if !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit() || ". ,".contains(c)) {
                found.extend(numbers(inner).into_iter().map(|section| (vendor, section)));
            }
        }
    }
    found
}

/// The section numbers at the start of a text: `2.3, §4 and 5`.
fn numbers(text: &str) -> Vec<String> {
    let words =
        text.split([' ', ',']).map(|word| word.trim_start_matches('§')).filter(|word| !word.is_empty());
    words
        .take_while(|word| *word == "and" || word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|word| *word != "and")
        .map(|word| word.trim_end_matches('.').to_owned())
        .filter(|word| word.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .collect()
}

/// The numbers of a page's headings.
fn sections(vendor: &str) -> HashSet<String> {
    let page = fs::read_to_string(root().join(format!("docs/vendors/{vendor}.md"))).unwrap();
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.filter_map(|line| numbers(line.trim_start_matches('#')).into_iter().next()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
