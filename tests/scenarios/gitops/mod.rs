//! Tools that apply from Git, and how they judge our objects: with the tools' own libraries, where these exist.

mod apply;
mod flux;
mod health;
mod judge;
mod pipeline;
mod waiting;
