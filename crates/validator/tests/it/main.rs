//! Whom a validator believes, and what it does when keys roll or cannot be fetched.

#![allow(unreachable_pub)]

mod issuer;
mod keys;
