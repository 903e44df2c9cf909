//! To come.

use crate::run::{Case, cases};

pub(super) fn exchange() -> Vec<Case> {
    cases![]
}

pub(super) fn cases() -> Vec<Case> {
    cases![]
}
