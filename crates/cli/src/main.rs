//! The `ainur` command.
fn main() {}
