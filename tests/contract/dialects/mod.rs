//! Cases of one vendor only.

mod brightpearl;
mod contensis;
mod login;
mod superoffice;
mod tenant;

use crate::column::Column;
use crate::run::Case;

/// All of them, each with its kind of credentials.
pub(crate) fn all() -> Vec<(Column, Case)> {
    let of = |column: Column, cases: Vec<Case>| cases.into_iter().map(move |case| (column, case));
    of(Column::StaffToken, brightpearl::cases())
        .chain(of(Column::Oauth, brightpearl::exchange()))
        .chain(of(Column::ClientCredentials, contensis::cases()))
        .chain(of(Column::Basic, superoffice::cases()))
        .chain(of(Column::RefreshToken, tenant::cases()))
        .chain(of(Column::SystemUser, login::cases()))
        .collect()
}
