//! The crate as its users see it.

#![allow(unreachable_pub)]

mod acceptance;
mod assertion;
mod metadata;
mod signing;
mod vector;
