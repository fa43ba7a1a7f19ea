//! What is said when something cannot be done.

use actas_exchange::ews::{Failure, ResponseCode};
use actas_exchange::soap::Fault;
use actas_store::{Error, ErrorKind};

use crate::document::Corrupt;

/// Never `ErrorInvalidRequest`: exchangelib takes it for a wrong version and tries all
/// others.
pub(crate) fn not_supported(operation: &str) -> Fault {
    let name: String = operation.chars().take(64).filter(char::is_ascii_alphanumeric).collect();
    Fault::new(ResponseCode::ErrorInvalidOperation, format!("The operation {name} is not supported by this server."))
}

pub(crate) fn access_denied() -> Failure {
    Failure::new(ResponseCode::ErrorAccessDenied, "Access is denied. Check credentials and try again.")
}

pub(crate) fn folder_not_found() -> Failure {
    Failure::new(ResponseCode::ErrorFolderNotFound, "The specified folder could not be found in the store.")
}

pub(crate) fn item_not_found() -> Failure {
    Failure::new(ResponseCode::ErrorItemNotFound, "The specified object was not found in the store.")
}

pub(crate) fn malformed() -> Failure {
    Failure::new(ResponseCode::ErrorInvalidIdMalformed, "Id is malformed.")
}

pub(crate) fn corrupt(why: &Corrupt) -> Failure {
    tracing::error!(%why, "a stored item cannot be read");
    Failure::new(ResponseCode::ErrorCorruptData, "The operation failed because the data is corrupted.")
}

/// The failure of one item because the database failed.
pub(crate) fn storage(error: &Error) -> Failure {
    tracing::error!(%error, "the mailbox database failed");
    match error.kind() {
        ErrorKind::Full => Failure::new(ResponseCode::ErrorMailboxStoreUnavailable, "The mailbox store is full."),
        _ => Failure::new(
            ResponseCode::ErrorInternalServerTransientError,
            "An internal server error occurred. Try again later.",
        ),
    }
}

/// The failure of one item because the mailbox is full.
pub(crate) fn over_quota() -> Failure {
    Failure::new(ResponseCode::ErrorQuotaExceeded, "The mailbox has reached its quota.")
}

pub(crate) fn too_large() -> Failure {
    Failure::new(ResponseCode::ErrorMessageSizeExceeded, "The message exceeds the maximum supported size.")
}

pub(crate) fn invalid_operation(why: &str) -> Failure {
    Failure::new(ResponseCode::ErrorInvalidOperation, why)
}
