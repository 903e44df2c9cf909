//! Tools that apply from Git, and what they make of our objects: by the tools' own libraries, wherever there is one.

mod apply;
mod flux;
mod health;
mod judge;
mod pipeline;
mod waiting;
