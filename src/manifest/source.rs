//! Sources of manifests: files, folders and standard input.

use super::place::{Place, Problem};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Maximum size of a file: far more than real manifests need, and small enough to parse in memory.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Maximum depth of folders below a source.
const MAX_DEPTH: usize = 32;

/// A file to read.
pub(super) enum Source {
    Stdin,
    File(PathBuf),
}

/// Returns the files of the named sources, in order; standard input is read only once.
pub(super) fn files(sources: &[PathBuf], recursive: bool, problems: &mut Vec<Problem>) -> Vec<Source> {
    let mut files = Vec::new();
    let mut stdin = false;
    for source in sources {
        if source.as_os_str() == "-" {
            if !stdin {
                files.push(Source::Stdin);
            }
            stdin = true;
        } else if source.is_dir() {
            let before = files.len();
            folder(source, recursive, MAX_DEPTH, &mut files, problems);
            if files.len() == before && problems.is_empty() {
                let hint = if recursive { "" } else { " (its subfolders are not read)" };
                problems.push(problem(source, &format!("no *.yaml, *.yml or *.json in this folder{hint}")));
            }
        } else {
            files.push(Source::File(source.clone()));
        }
    }
    files
}

fn folder(path: &Path, recursive: bool, depth: usize, files: &mut Vec<Source>, problems: &mut Vec<Problem>) {
    let entries = path.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<_> = match entries {
        Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
        Err(error) => return problems.push(problem(path, &format!("cannot be read: {error}"))),
    };
    paths.sort();
    for path in paths {
        // A link to a folder may form a cycle.
        let is_folder = path.is_dir() && !path.is_symlink();
        if is_folder && recursive && depth > 0 {
            folder(&path, recursive, depth - 1, files, problems);
        } else if !path.is_dir()
            && path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
        {
            // Reading a pipe or a device may never end.
            if path.metadata().is_ok_and(|found| !found.is_file()) {
                problems.push(problem(&path, "not a regular file: replace it with a file, or remove it"));
            } else {
                files.push(Source::File(path));
            }
        }
    }
}

impl Source {
    /// Returns the name in messages.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Stdin => "<stdin>".into(),
            Self::File(path) => path.to_string_lossy().into(),
        }
    }

    /// Reads the content.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let read = match self {
            Self::Stdin => bounded(io::stdin().lock()),
            Self::File(path) if is_named_pipe(path) => {
                return Err(problem(
                    path,
                    "a named pipe, on which hooktender might wait forever: use - and pipe the manifest into it",
                ));
            }
            Self::File(path) => File::open(path).and_then(bounded),
        };
        let problem = |message: &str| Problem { place: None, message: format!("{}: {message}", self.name()) };
        match read {
            Ok(bytes) if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES) => Ok(bytes),
            Ok(_) => Err(problem(&format!(
                "larger than {} MiB, the most that hooktender reads: split it",
                MAX_BYTES / 1024 / 1024
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(problem("no such file or folder")),
            Err(error) => Err(problem(&format!("cannot be read: {error}"))),
        }
    }
}

/// Returns whether opening it would wait for a writer. A shell's `<(command)` is an anonymous pipe, which has one.
fn is_named_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.file_type().is_fifo()) && path.canonicalize().is_ok()
}

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn problem(path: &Path, message: &str) -> Problem {
    Problem { place: None, message: format!("{}: {message}", path.display()) }
}

/// Returns the bytes as text, or the position where they are not UTF-8.
pub(super) fn text<'a>(file: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&good[start..]).chars().count();
        Problem::at(Place { file: file.clone(), line, column }, "not UTF-8: save the file as UTF-8 text")
    })
}
