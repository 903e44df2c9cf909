//! From objects and values to what the planner decides on. Pure.

pub(crate) mod comparison;
pub(crate) mod desired;
pub(crate) mod variables;
pub(crate) mod write_only;
