//! Where something stands in a file, and what is wrong there.

use crate::api::visible;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Where something stands: `path/file.yaml:3:7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as it was named; `<stdin>` for what was piped in.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Where the members of one object stand, by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(HashMap<String, Mark>);

impl Fields {
    pub(super) fn put(&mut self, path: String, at: Mark) {
        self.0.insert(path, at);
    }

    /// Of the path itself, or of the nearest parent that is there. A key of a map may stand in brackets.
    fn find(&self, path: &str) -> Option<Mark> {
        let path = dotted(path);
        let mut path = path.as_str();
        loop {
            if let Some(at) = self.0.get(path) {
                return Some(*at);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// The path with `.key` for `[key]`, and `[0]` as it is.
fn dotted(path: &str) -> String {
    let mut dotted = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        dotted.push_str(before);
        let Some((key, after)) = after.split_once(']') else {
            return path.to_owned();
        };
        if key.bytes().all(|byte| byte.is_ascii_digit()) {
            dotted.extend(["[", key, "]"]);
        } else {
            dotted.extend([".", key]);
        }
        rest = after;
    }
    dotted + rest
}

/// An object, and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The object, with its defaults filled in.
    pub object: T,
    /// Where it begins.
    pub place: Place,
    fields: Arc<Fields>,
}

impl<T> Placed<T> {
    /// An object of which nothing is known but where it begins.
    pub fn new(object: T, place: Place) -> Self {
        Self { object, place, fields: Arc::default() }
    }

    pub(super) fn with_fields(object: T, place: Place, fields: Arc<Fields>) -> Self {
        Self { object, place, fields }
    }

    /// Where a member stands, such as `spec.variables[0].name`; where it is missing, its nearest parent.
    pub fn place_of(&self, path: &str) -> Place {
        place_of(&self.place, &self.fields, path)
    }
}

pub(super) fn place_of(object: &Place, fields: &Fields, path: &str) -> Place {
    match fields.find(path) {
        Some(Mark { line, column }) => Place { file: object.file.clone(), line, column },
        None => object.clone(),
    }
}

/// Something wrong, and where; one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where; `None` where no file is meant.
    pub place: Option<Place>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Problem {
    pub(super) fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", visible(&place.to_string()))?;
        }
        // One line a problem, whatever a file has brought in.
        f.write_str(&visible(&self.message))
    }
}
