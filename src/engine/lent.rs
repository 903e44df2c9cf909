//! One value for steps that are under way at the same time.

use std::sync::{Mutex, PoisonError};

/// A value that is lent to several steps. They take turns, and none keeps it while it waits for an answer.
pub(crate) struct Lent<'a, T>(Mutex<&'a mut T>);

impl<'a, T> Lent<'a, T> {
    pub(crate) fn new(value: &'a mut T) -> Self {
        Self(Mutex::new(value))
    }

    /// Has a turn.
    pub(crate) fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        // A step that panics ends them all.
        turn(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
