//! The token service and Graph, as a client sees them.

#![allow(unreachable_pub)]

mod client_credentials;
mod cloud;
mod graph;
mod s2s;
