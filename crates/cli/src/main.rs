//! The actas binary.
fn main() {}
