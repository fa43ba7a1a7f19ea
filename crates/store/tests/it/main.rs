//! The store on a real disk.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod directory;
mod files;
mod mailbox;
mod migration;
mod queue;
mod writes;
