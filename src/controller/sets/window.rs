//! The window in which changes that the guard counts are collected. A loop over a hundred accounts removes their labels one after
//! another: each pass alone would see few members lost.

use crate::engine::clock;
use crate::set::guard::Changes;
use std::time::{Duration, Instant};

/// A window closes when no other change has come for this long,
const QUIET: Duration = Duration::from_secs(1);
/// and at the latest this long after it opened.
const LONGEST_WINDOW: Duration = Duration::from_secs(10);

/// The window of one set.
#[derive(Default)]
pub(super) struct Window {
    open: Option<Open>,
    /// Changes whose window has closed. One that takes long or keeps failing opens no other one.
    judged: Changes,
}

struct Open {
    changes: Changes,
    opened: Instant,
    /// When the last of them came.
    grew: Instant,
}

impl Window {
    /// Returns how long these changes wait for others; none when they are to be judged now.
    pub(super) fn wait(&mut self, changes: &Changes) -> Option<Duration> {
        let now = clock::now();
        self.judged.retain(|change| changes.contains(change));
        if changes.is_subset(&self.judged) {
            self.open = None;
            return None;
        }
        let open = match self.open.take() {
            Some(open) if changes.is_subset(&open.changes) => open,
            Some(open) => Open { changes: changes.clone(), grew: now, ..open },
            None => Open { changes: changes.clone(), opened: now, grew: now },
        };
        let closes = (open.grew + QUIET).min(open.opened + LONGEST_WINDOW);
        let left = closes.saturating_duration_since(now);
        if left.is_zero() {
            self.judged.clone_from(changes);
            return None;
        }
        self.open = Some(open);
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(count: usize) -> Changes {
        (0..count).map(|number| format!("{number}=removed")).collect()
    }

    /// Lets time pass.
    fn shift(window: &mut Window, passed: Duration) {
        let open = window.open.as_mut().unwrap();
        open.grew -= passed;
        open.opened -= passed;
    }

    #[test]
    fn changes_that_come_close_together_are_judged_together() {
        let mut window = Window::default();
        assert_eq!(window.wait(&changes(0)), None, "there are none");
        assert!(window.wait(&changes(1)).is_some());
        let passed = QUIET / 2;
        shift(&mut window, passed);
        let left = window.wait(&changes(2)).unwrap();
        assert!(left + passed > QUIET, "another one came: {left:?}");
        shift(&mut window, QUIET);
        assert_eq!(window.wait(&changes(2)), None);
        assert_eq!(window.wait(&changes(2)), None, "they were judged");
        assert!(window.wait(&changes(3)).is_some(), "a third one came later");
    }

    #[test]
    fn a_window_closes_although_changes_keep_coming() {
        let mut window = Window::default();
        window.wait(&changes(1));
        shift(&mut window, LONGEST_WINDOW);
        assert_eq!(window.wait(&changes(2)), None);
    }
}
