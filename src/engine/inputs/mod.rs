//! From objects and values to the input of the planner. Pure.

pub(crate) mod dependencies;
pub(crate) mod desired;
pub(crate) mod plan_input;
pub(crate) mod variables;
pub(crate) mod write_only;
