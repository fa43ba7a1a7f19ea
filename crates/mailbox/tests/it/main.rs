//! The server, driven in process over its router, on a real disk.

#![allow(unreachable_pub)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admission;
mod attached;
mod autodiscover;
mod changes;
mod delegates;
mod discovery;
mod faults;
mod folder_moves;
mod folders;
mod graph;
mod hostile;
mod items;
mod large;
mod limits;
mod partners;
mod possession;
mod roundtrip;
mod search;
mod trees;
mod trees_graph;
mod world;
