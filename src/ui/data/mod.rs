//! What the pages know of a cluster: facts about accounts, sets and Webhooks, and events, kept up to date by watches.

pub(super) mod facts;
pub(super) mod problem;
pub(super) mod set_facts;
pub(super) mod state;
pub(super) mod store;
pub(super) mod watch;
