//! Markdown files as the tests of the docs see them: headings, links and blocks of code, each with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// One file.
#[derive(Debug)]
pub(crate) struct Page {
    /// Below the repository, such as `docs/plan.md`.
    pub(crate) path: String,
    /// The anchors that a link may have.
    pub(crate) anchors: BTreeSet<String>,
    pub(crate) links: Vec<Link>,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug)]
#[allow(dead_code, reason = "not for the scenarios")]
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
}

/// A fenced block of code.
#[derive(Debug)]
pub(crate) struct Block {
    /// Of its first line of code.
    pub(crate) line: usize,
    /// The text behind the fence: `sh`, or `sh,illustration` if it cannot be run here.
    pub(crate) language: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files that people read, by path.
pub(crate) fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.push(path);
        }
    }
    for folder in ["docs", "examples", "charts"] {
        walk(&root().join(folder), &mut found);
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found.sort();
    found.iter().map(|path| Page::read(path.strip_prefix(root()).unwrap().to_str().unwrap())).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

impl Page {
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::of(path, &included(path, &text))
    }

    pub(crate) fn of(path: &str, text: &str) -> Self {
        let mut page =
            Self { path: path.into(), anchors: BTreeSet::new(), links: Vec::new(), blocks: Vec::new() };
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let (mut heading, mut seen) = (None::<String>, BTreeMap::<String, usize>::new());
        let mut in_block = false;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap());
                    let times = seen.entry(name.clone()).or_default();
                    page.anchors.insert(if *times == 0 { name } else { format!("{name}-{times}") });
                    *times += 1;
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link { line: line(range.start), target: dest_url.to_string() });
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    let (line, text) = (line(range.start) + 1, String::new());
                    page.blocks.push(Block { line, language: language.to_string(), text });
                    in_block = true;
                }
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::Text(more) if in_block => {
                    page.blocks.last_mut().unwrap().text.push_str(&more);
                }
                Event::Text(more) | Event::Code(more) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&more);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The anchor of a heading, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    heading.trim().chars().filter_map(kept).collect()
}

/// The text with what mdBook inserts.
fn included(path: &str, text: &str) -> String {
    let folder = root().join(path).parent().unwrap().to_owned();
    let line = |line: &str| match line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
        Some(other) => {
            fs::read_to_string(folder.join(other)).unwrap_or_else(|error| panic!("{path}: {other}: {error}"))
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
