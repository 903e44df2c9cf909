//! Web pages that show what is declared, what exists and what is planned: `hooktender ui`, and `hooktender run --ui`.
//!
//! ```text
//! watches ──► data (facts) ──► views (plain values) ──► pages (HTML)
//!                                     └───────────────► JSON
//! ```
//!
//! - **Nothing is written, and no vendor is called.** Pages are made of what the watches have read: of statuses, in which the
//!   operator has recorded its plans. They have no secret for the same reason as `kubectl get -o yaml`: there is none in a status.
//! - **The plan is drawn by `plan::report`**, which also draws text, Markdown and JSON, so that they cannot disagree.
//! - **Templates are maud macros.** Like askama's they are checked when the program is compiled; unlike these they need no second
//!   language, and a part of a page is a function whose arguments have types. All values are escaped; `tests/layering` forbids
//!   the exception.
//! - **Loopback only**, for `GET` and `HEAD`, and for host names of loopback, so that a page of another site whose name is made to
//!   point here (DNS rebinding) reads nothing (`server`).

mod address;
mod assets;
mod data;
mod pages;
mod server;
#[cfg(test)]
pub(crate) mod testing;
mod views;

pub(crate) use data::problem::Viewer;
pub(crate) use data::watch::Watches;
pub(crate) use server::{Server, bind};
pub(crate) use views::{Pace, Paces};
