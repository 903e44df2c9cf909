//! The book has every page of its folder, once.

use std::collections::BTreeSet;

use crate::markdown::{Page, pages};

#[test]
fn the_summary_names_every_page_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let named: Vec<_> = summary.links.iter().map(|link| format!("docs/{}", link.target)).collect();
    let once: BTreeSet<_> = named.iter().cloned().collect();
    assert_eq!(once.len(), named.len(), "a page stands there twice");
    let all = pages().into_iter().map(|page| page.path);
    let all: BTreeSet<_> =
        all.filter(|path| path.starts_with("docs/") && path != "docs/SUMMARY.md").collect();
    assert_eq!(once, all, "a page that is in no chapter, or a chapter without a page");
}

/// Commands are run by `tests/scenarios/book.rs`, or are marked as illustration.
#[test]
fn every_block_is_run_or_marked_as_illustration() {
    const KNOWN: [&str; 7] = ["sh", "sh,illustration", "yaml", "text", "text,output", "mermaid", "lua"];
    for page in pages() {
        for block in &page.blocks {
            let language = block.language.as_str();
            let known =
                KNOWN.contains(&language) || (language.is_empty() && page.path == "docs/architecture.md");
            assert!(known, "{}:{}: {language:?} is none of {KNOWN:?}", page.path, block.line);
        }
    }
}
