//! Draws views as HTML. A template decides nothing: what is shown, and in which order, is in the view.

pub(super) mod account;
pub(super) mod accounts;
pub(super) mod bar;
pub(super) mod icon;
pub(super) mod layout;
pub(super) mod object;
pub(super) mod plan;
pub(super) mod problem;
pub(super) mod rows;
pub(super) mod set;
pub(super) mod sets;
pub(super) mod webhook;
pub(super) mod webhooks;
