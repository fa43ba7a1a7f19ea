//! The rules of the house, as far as a machine can check them.
//!
//! `CONTRIBUTING.md` tells them to people, `clippy.toml` and the workspace's
//! lints hold those that need the compiler; here are the rest. Each test names
//! every place that breaks its rule.

#![allow(clippy::expect_used, reason = "a helper of a test fails as a test does")]

mod architecture;
mod conformance;
mod sources;
mod tidy;
