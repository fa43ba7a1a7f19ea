//! The store on a real disk.

mod files;
mod mailbox;
mod queue;
mod writes;
