//! Runs cases and prints the results.

use crate::bench::Bench;
use crate::column::Column;
use crate::world::World;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use std::any::Any;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How many cases run at a time.
const AT_ONCE: usize = 64;
/// Longer than any case needs, on however busy a machine.
const LONGEST: Duration = hooktender_cluster::WAIT_LIMIT;

/// One case. It fails by panicking.
pub(crate) struct Case {
    pub(crate) title: &'static str,
    pub(crate) run: fn(Bench) -> BoxFuture<'static, ()>,
}

/// A list of cases: a title and an async function of a [`Bench`] each.
macro_rules! cases {
    ($($title:literal => $run:path,)*) => {
        vec![$(crate::run::Case { title: $title, run: |bench| Box::pin($run(bench)) }),*]
    };
}
pub(crate) use cases;

/// A case of a column, and the reason if it failed.
pub(crate) struct Verdict {
    pub(crate) column: Column,
    pub(crate) title: &'static str,
    pub(crate) failure: Option<String>,
}

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the place of a panic for the table instead of printing it.
pub(crate) fn hush() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        PLACE.with(|kept| kept.replace(place));
    }));
}

/// Runs these cases, some at a time; the results are in the cases' order.
pub(crate) async fn run(world: &Arc<World>, all: Vec<(Column, &Case)>) -> Vec<Verdict> {
    let one = |(column, case): (Column, &Case)| {
        let (title, body, world) = (case.title, case.run, Arc::clone(world));
        let task = tokio::spawn(async move {
            let whole = async { body(Bench::new(world, column).await).await };
            match tokio::time::timeout(LONGEST, AssertUnwindSafe(whole).catch_unwind()).await {
                Ok(Ok(())) => None,
                Ok(Err(panic)) => {
                    // The same poll on the same thread as the panic.
                    let place = PLACE.take();
                    Some(format!("{}\n({place})", words(panic.as_ref())))
                }
                Err(_) => Some(format!("it was still not over after {} s", LONGEST.as_secs())),
            }
        });
        async move {
            let failure = task.await.unwrap_or_else(|error| Some(error.to_string()));
            Verdict { column, title, failure }
        }
    };
    stream::iter(all).map(one).buffered(AT_ONCE).collect().await
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.failure.is_none() { "ok" } else { "FAILED" }
}

/// One row a case, one column a kind of credentials.
pub(crate) fn table(titles: &[&'static str], verdicts: &[Verdict]) -> String {
    let columns: Vec<_> =
        Column::ALL.into_iter().filter(|column| verdicts.iter().any(|v| v.column == *column)).collect();
    let first = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    // The vendor's name is above the first of its columns, with a bar before it.
    let mut line = |head: &str, cell: &dyn Fn(usize, Column) -> String| {
        let _ = write!(text, "{head:first$}");
        for (index, column) in columns.iter().enumerate() {
            let bar = if index == 0 || columns[index - 1].vendor() != column.vendor() { " | " } else { " " };
            let _ = write!(text, "{bar}{:width$}", cell(index, *column), width = width(*column));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    line("", &|index, column| {
        let is_first = index == 0 || columns[index - 1].vendor() != column.vendor();
        if is_first { column.vendor_name().to_owned() } else { String::new() }
    });
    line("", &|_, column| split(column.kind()).0.to_owned());
    line("case", &|_, column| split(column.kind()).1.to_owned());
    line(&"-".repeat(first), &|_, column| "-".repeat(width(column)));
    for title in titles {
        line(title, &|_, column| {
            let found = verdicts.iter().find(|v| v.column == column && v.title == *title);
            found.map(word).unwrap_or_default().to_owned()
        });
    }
    text
}

/// One row a case, for those of one kind of credentials only.
pub(crate) fn rows(verdicts: &[Verdict]) -> String {
    let longest = |of: &dyn Fn(&Verdict) -> &'static str| {
        verdicts.iter().map(|verdict| of(verdict).chars().count()).max().unwrap_or_default()
    };
    let (vendors, kinds, titles) =
        (longest(&|v| v.column.vendor_name()), longest(&|v| v.column.kind()), longest(&|v| v.title));
    let mut text = String::new();
    for verdict in verdicts {
        let (vendor, kind) = (verdict.column.vendor_name(), verdict.column.kind());
        let _ = writeln!(
            text,
            "{vendor:vendors$} | {kind:kinds$} | {:titles$} -> {}",
            verdict.title,
            word(verdict)
        );
    }
    text
}

/// Why cases failed.
pub(crate) fn reasons(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        if let Some(reason) = &verdict.failure {
            let (vendor, kind) = (verdict.column.vendor_name(), verdict.column.kind());
            let reason = reason.replace('\n', "\n    ");
            let _ = writeln!(text, "FAILED {vendor} | {kind} | {}\n    {reason}", verdict.title);
        }
    }
    text
}

/// `clientCredentials` in two lines.
fn split(kind: &str) -> (&str, &str) {
    kind.split_at(kind.find(char::is_uppercase).unwrap_or(0))
}

fn width(column: Column) -> usize {
    let (upper, lower) = split(column.kind());
    upper.len().max(lower.len()).max("FAILED".len() + 1)
}
