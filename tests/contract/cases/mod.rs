//! The cases that hold for every vendor and every kind of credentials.

mod conflict;
mod life;
mod login;
mod missing;
mod secrets;
mod throttle;
mod trouble;

use crate::run::Case;

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    [
        life::cases(),
        conflict::cases(),
        login::cases(),
        missing::cases(),
        throttle::cases(),
        trouble::cases(),
        secrets::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
