//! Every link leads somewhere.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::markdown::{Page, pages, root};

/// Why a link leads nowhere, if it does.
fn broken(page: &Page, target: &str, pages: &BTreeMap<String, &Page>) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        // Whether an external server answers is nothing for a test that runs without a network.
        let right = url::Url::parse(target).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        return (!right).then(|| "no https address".into());
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let at = resolved(&page.path, path);
    if !root().join(&at).exists() {
        return Some(format!("there is no {}", at.display()));
    }
    // The book contains its own folder only.
    if page.path.starts_with("docs/") && !at.starts_with("docs") {
        return Some("it leads out of the book: name the file instead of linking to it".into());
    }
    let anchor = anchor?;
    match pages.get(at.to_str().unwrap()) {
        Some(other) if other.anchors.contains(anchor) => None,
        Some(other) => Some(format!("{} has no #{anchor}", other.path)),
        None => Some("only Markdown has anchors".into()),
    }
}

/// Returns the target of a relative path on a page, below the repository.
fn resolved(page: &str, path: &str) -> PathBuf {
    if path.is_empty() {
        return page.into();
    }
    let mut at = Path::new(page).parent().unwrap().to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => assert!(at.pop(), "{page}: {path} leads out of the repository"),
            Component::Normal(name) => at.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => panic!("{page}: {path} is no relative path"),
        }
    }
    at
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let by_path: BTreeMap<_, _> = pages.iter().map(|page| (page.path.clone(), page)).collect();
    let mut problems = Vec::new();
    for page in &pages {
        for link in &page.links {
            if let Some(why) = broken(page, &link.target, &by_path) {
                problems.push(format!("{}:{}: {}: {why}", page.path, link.line, link.target));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(pages.iter().map(|page| page.links.len()).sum::<usize>() > 100, "links are no longer found");
}

#[test]
fn broken_links_are_reported() {
    let text = "# A b\n\n## `C-d`: e?\n\n## A b\n\n[x](#a-b) [x](#a-b-1) [x](#c-d-e) [x](plan.md) [x](plan.md#json)\n";
    let page = Page::of("docs/x.md", text);
    let pages = pages();
    let mut by_path: BTreeMap<_, _> = pages.iter().map(|page| (page.path.clone(), page)).collect();
    by_path.insert(page.path.clone(), &page);
    // A file that is only here.
    let why = |target: &str| broken(&Page::of("docs/plan.md", ""), target, &by_path);
    for link in &page.links[3..] {
        assert_eq!(why(&link.target), None, "{}", link.target);
    }
    for anchor in ["a-b", "a-b-1", "c-d-e"] {
        assert!(page.anchors.contains(anchor), "{:?}", page.anchors);
    }
    let said = |target: &str| why(target).unwrap_or_else(|| panic!("{target} is taken"));
    assert_eq!(said("nowhere.md"), "there is no docs/nowhere.md");
    assert_eq!(said("plan.md#nothing"), "docs/plan.md has no #nothing");
    assert_eq!(said("plan.schema.json#a"), "only Markdown has anchors");
    assert!(said("../README.md").starts_with("it leads out of the book"));
    assert_eq!(said("http://example.com/"), "no https address");
    assert_eq!(said("https://"), "no https address");
}
