//! The `hooktender` binary.

fn main() {}
