//! Sample output in the docs: a block `text,output` shows what the commands of the block before it print.
//!
//! Times, ages and ids differ from run to run, and columns are as wide as their longest value. Therefore a line is compared
//! word by word, with one placeholder for all times. A line `...` matches any number of lines.
//! `HOOKTENDER_BLESS=1` writes what was printed into the pages instead.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::markdown::{Block, Page, root};

/// Words that are another in each run, with what is compared instead.
static CHANGING: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z)?", "TIME"),
        (r"\b(\d+(ms|s|m|h|d))+\b", "AGE"),
        (r"\b\d+ (ms|s|min|seconds?|minutes?|hours?)\b", "AGE"),
    ]
    .map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead))
});

pub(crate) fn is_sample(block: &Block) -> bool {
    block.language == "text,output"
}

/// Compares a sample with what was printed, or writes it.
#[track_caller]
pub(crate) fn check(page: &Page, sample: &Block, printed: &str) {
    let printed = printed.trim_end();
    if matches(&sample.text, printed) {
        return;
    }
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        return replace(&root().join(&page.path), sample, printed);
    }
    panic!(
        "{}:{}: the commands print something else (HOOKTENDER_BLESS=1 takes it over):\n{printed}",
        page.path, sample.line
    );
}

fn matches(sample: &str, printed: &str) -> bool {
    let [sample, printed] =
        [sample, printed].map(|text| text.trim_end().lines().map(words).collect::<Vec<_>>());
    lines_match(&sample, &printed)
}

fn lines_match(sample: &[Vec<String>], printed: &[Vec<String>]) -> bool {
    match sample.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line.concat() == "..." => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, more)| line == first && lines_match(rest, more))
        }
    }
}

fn words(line: &str) -> Vec<String> {
    let mut line = line.to_owned();
    for (pattern, instead) in &*CHANGING {
        line = pattern.replace_all(&line, *instead).into_owned();
    }
    line.split_whitespace().map(str::to_owned).collect()
}

/// The block is found by its text: blocks that were written before have moved its line.
fn replace(path: &Path, sample: &Block, printed: &str) {
    let page = fs::read_to_string(path).unwrap();
    let fence = "```text,output\n";
    let (old, mut new) = (format!("{fence}{}```", sample.text), String::new());
    write!(new, "{fence}{printed}\n```").unwrap();
    assert!(page.contains(&old), "{}:{}", path.display(), sample.line);
    fs::write(path, page.replacen(&old, &new, 1)).unwrap();
}

#[test]
fn times_and_widths_may_differ_and_nothing_else() {
    let printed = "NAME  READY   AGE\nhook  True    12s\n";
    assert!(matches("NAME  READY AGE\nhook  True  3m5s", printed));
    assert!(matches("NAME  READY AGE\n...", printed));
    assert!(matches("...\nhook True 1d", printed));
    assert!(!matches("NAME  READY AGE\nhook  False  12s", printed));
    assert!(!matches("NAME  READY AGE", printed));
    assert!(!matches("NAME  READY AGE\nhook True 12s\nhook-2 True 12s", printed));
    assert!(matches(
        "next read in 5 s, at 2026-01-02T03:04:05Z",
        "next read in 11 s, at 2025-01-02T03:04:05Z"
    ));
}
