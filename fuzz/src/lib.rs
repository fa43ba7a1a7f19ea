//! What the targets share: keys that sign whatever they are given, requests written as text, and
//! whole servers that answer them.
//!
//! A target is a pure function of its input as far as it can be: time stands still, and a server
//! that changed is replaced.

pub mod agent;
pub mod cloud;
pub mod mailbox;
pub mod request;
pub mod signer;

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use tempfile::TempDir;

/// When everything happens: the clock of the frozen vector.
pub const NOW: Timestamp = Timestamp::constant(1_700_000_600, 0);

/// Runs a future of a server. One thread, as a fuzzer wants it.
///
/// # Panics
/// When the runtime does not start.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the runtime starts")
    });
    RUNTIME.block_on(future)
}

/// A folder for a database that is gone in a moment, in memory where the machine has such a place.
fn folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}
