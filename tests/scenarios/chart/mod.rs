//! The chart, as platform teams meet it: what it renders, what it lets the operator do, and its whole life in a cluster.

mod pod;
mod readme;
mod render;
mod rights;
mod secrets;
mod story;
mod users;
mod values;
