//! Whom a validator believes, and what it does when keys roll or cannot be fetched.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod attacks;
mod issuer;
mod keys;
#[cfg(feature = "tower")]
mod layer;
