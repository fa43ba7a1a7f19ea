//! The crate as its users see it.

#![allow(unreachable_pub, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod acceptance;
mod acceptance_issued;
mod acceptance_vouched;
mod assertion;
mod attacks;
mod dpop;
mod memory;
mod metadata;
mod mutation;
mod sign;
mod signing;
mod trace;
mod vector;
mod vouching;
mod wycheproof;
