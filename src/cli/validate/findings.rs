//! What `validate` finds, with its place.

use crate::manifest::{Placed, Problem};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What cannot work, whatever the cluster has.
    pub(super) problems: Vec<Problem>,
    /// What works or not depending on the cluster or the vendor.
    pub(super) warnings: Vec<Problem>,
}

impl Findings {
    pub(super) fn problem<T>(&mut self, object: &Placed<T>, path: &str, message: impl Into<String>) {
        self.problems.push(at(object, path, message));
    }

    pub(super) fn warn<T>(&mut self, object: &Placed<T>, path: &str, message: impl Into<String>) {
        self.warnings.push(at(object, path, message));
    }
}

fn at<T>(object: &Placed<T>, path: &str, message: impl Into<String>) -> Problem {
    Problem { place: Some(object.place_of(path)), message: message.into() }
}
