//! The on-premises side against peers that answer, refuse, hang, lie and lose answers.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod delivery;
mod discovery;
mod faults;
mod graph;
mod graph_mail;
mod intake;
mod maintenance;
mod notification;
mod onprem;
mod outlets;
mod peer;
mod settings;
mod sources;
mod sources_mail;
mod tokens;
