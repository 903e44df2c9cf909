//! The docs are true: links lead somewhere, the book has every page, and generated pages match the code. Commands are checked by
//! `tests/scenarios/book.rs`; that every reason has its paragraph, by `src/cli/remediation.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod book;
mod crds;
mod links;
mod markdown;
mod vendors;

/// Compares a generated page with the file in the repository, or writes the file.
fn blessed(page: &str, text: &str) {
    let path = markdown::root().join(page);
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == text,
            "{page} is not what the code says: run `make reference` and commit the result"
        );
    }
}
