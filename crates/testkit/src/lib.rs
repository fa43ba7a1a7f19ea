//! Starts the `actas` binary for end-to-end tests and sees to its end.
//!
//! Everything has a deadline, nothing outlives its test, and what a process
//! printed is part of every message. A helper that fails panics, since that is
//! how a test fails; each is `#[track_caller]`, so the message names the test's
//! line.
//!
//! A test that starts a lab lives in a module named `end_to_end`; the runner
//! takes those one at a time.

#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a helper of a test fails as a test does")]

mod binary;
mod command;
mod lab;
mod soft_hsm;
mod wait;

pub use binary::binary;
pub use command::{Background, Finished, run};
pub use lab::{Lab, LabOptions};
pub use soft_hsm::SoftHsm;
pub use wait::wait_for;
