//! The only SQL in the product.
//!
//! A [`Database`] takes two kinds of work: a read, and a [`Unit`] of writes that
//! succeeds or fails whole. There are no interactive transactions: that is what lets
//! many units share one commit, and what a second engine needs to be able to do too.
//! What a write acknowledged is on disk.
//!
//! Typed access is one module a subject: [`directory`], [`mailbox`] and [`sts`] on the
//! cloud's database, [`settings`], [`queue`] and [`events`] on the on-premises one.

mod database;
pub mod directory;
mod error;
pub mod events;
mod exchange;
pub mod mailbox;
mod migration;
pub mod queue;
pub mod settings;
mod sqlite;
pub mod sts;
mod value;

pub use database::{Database, Expect, Unit};
pub use error::{Error, ErrorKind};
pub use migration::Schema;
pub use value::{Row, Value};
