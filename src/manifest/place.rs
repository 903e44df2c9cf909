//! Positions in files, and problems at them.

use crate::api::visible;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A position in a file, such as `path/file.yaml:3:7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as it was named; `<stdin>` for standard input.
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
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The positions of the members of one object, by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(HashMap<String, Position>);

impl Fields {
    pub(super) fn put(&mut self, path: String, at: Position) {
        self.0.insert(path, at);
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Returns the position of a path, or of its nearest parent. Keys of maps may be in brackets.
    fn find(&self, path: &str) -> Option<Position> {
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

/// Rewrites `[key]` to `.key`, and leaves `[0]` as it is.
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

/// An object and its position.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The object, with its defaults filled in.
    pub object: T,
    /// Where it begins.
    pub place: Place,
    fields: Arc<Fields>,
}

impl<T> Placed<T> {
    /// Creates an object without positions of its members.
    pub fn new(object: T, place: Place) -> Self {
        Self { object, place, fields: Arc::default() }
    }

    pub(super) fn with_fields(object: T, place: Place, fields: Arc<Fields>) -> Self {
        Self { object, place, fields }
    }

    /// Whether the file sets a member, such as `spec.suspend`.
    pub fn declares(&self, path: &str) -> bool {
        self.fields.has(path)
    }

    /// Returns the position of a member, such as `spec.variables[0].name`; if it is missing, that of its nearest parent.
    pub fn place_of(&self, path: &str) -> Place {
        place_of(&self.place, &self.fields, path)
    }
}

pub(super) fn place_of(object: &Place, fields: &Fields, path: &str) -> Place {
    match fields.find(path) {
        Some(Position { line, column }) => Place { file: object.file.clone(), line, column },
        None => object.clone(),
    }
}

/// A problem and its position, printed on one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The position; `None` if the problem is not in a file.
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
        // Line breaks in values are escaped.
        f.write_str(&visible(&self.message))
    }
}
