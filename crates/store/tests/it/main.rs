//! The store on a real disk.

mod files;
mod queue;
mod writes;
