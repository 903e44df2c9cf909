//! The manifests in `examples/`, unchanged but for one line: the account's address becomes that of the sandbox.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Step};
use crate::vendor::Vendor;

/// The manifests of one vendor, ready to be applied.
#[derive(Debug)]
pub(crate) struct Example {
    /// The folder, relative to the checkout.
    pub(crate) folder: String,
    /// The line that is replaced in `account.yaml`,
    pub(crate) line: &'static str,
    /// and its replacement.
    pub(crate) instead: String,
    /// All documents.
    pub(crate) manifests: String,
}

impl Example {
    /// Reads a vendor's folder in the order in which `kubectl apply -f` does; `url` is the address of the fake vendor.
    pub(crate) fn of(vendor: Vendor, url: &str) -> Step<Self> {
        let line = match vendor {
            Vendor::Brightpearl => "datacenter: euw1",
            Vendor::Contensis => "alias: example",
            Vendor::SuperOffice => "url: https://crm.example.com/superoffice",
        };
        let instead = format!("url: {url}");
        let folder = format!("examples/{}/", vendor.key());
        let path = checkout().join(&folder);
        let mut files: Vec<PathBuf> = fs::read_dir(&path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(Failure::io(format!("reading {}", path.display())))?
            .into_iter()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        files.sort();
        let mut manifests = String::new();
        let mut replaced = false;
        for file in files {
            let what = || format!("reading {}", file.display());
            let mut text = fs::read_to_string(&file).map_err(Failure::io(what()))?;
            if file.file_name().is_some_and(|name| name == "account.yaml") {
                text = with_line(&text, line, &instead).map_err(|count| {
                    Failure::Unexpected(format!(
                        "{folder}account.yaml has {count} lines `{line}` instead of one: the demo puts the address \
                         of its fake vendor there"
                    ))
                })?;
                replaced = true;
            }
            manifests = format!("{manifests}---\n{text}\n");
        }
        if !replaced {
            return Err(Failure::Unexpected(format!("{folder} has no account.yaml")));
        }
        Ok(Self { folder, line, instead, manifests })
    }
}

/// The checkout that this program was compiled in.
fn checkout() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Replaces the one line that says `line`, with any indentation; fails with the number of such lines if there is not exactly one.
fn with_line(text: &str, line: &str, instead: &str) -> Result<String, usize> {
    let count = text.lines().filter(|row| row.trim() == line).count();
    if count != 1 {
        return Err(count);
    }
    Ok(text.lines().fold(String::new(), |all, row| {
        if row.trim() == line { all + &row.replace(line, instead) + "\n" } else { all + row + "\n" }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_replaced_and_keeps_its_indentation() {
        let text = "a:\n  # not alias: example\n  alias: example\n  b: c\n";
        let expected = "a:\n  # not alias: example\n  url: http://x\n  b: c\n";
        assert_eq!(with_line(text, "alias: example", "url: http://x").as_deref(), Ok(expected));
    }

    #[test]
    fn a_line_that_is_missing_or_not_unique_is_an_error() {
        assert_eq!(with_line("a: b\n", "alias: example", ""), Err(0));
        assert_eq!(with_line("x: y\n  x: y\n", "x: y", ""), Err(2));
    }
}
