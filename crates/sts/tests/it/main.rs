//! The token service and Graph, as a client sees them.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod attacks;
mod client_credentials;
mod cloud;
mod device;
mod graph;
mod hardware_token;
mod jwt_bearer;
mod keys;
mod limits;
mod possession;
mod replay;
mod s2s;
mod standards;
mod token_exchange;
