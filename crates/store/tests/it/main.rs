//! The store on a real disk.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod files;
mod mailbox;
mod queue;
mod writes;
