//! Codes of responses, and what each means for whoever delivers

open_names! {
    /// What became of a request or of one item of it ("ResponseCode")
    pub enum ResponseCode {
        NoError = "NoError",
        ErrorAccessDenied = "ErrorAccessDenied",
        ErrorADUnavailable = "ErrorADUnavailable",
        ErrorAttachmentSizeLimitExceeded = "ErrorAttachmentSizeLimitExceeded",
        ErrorBatchProcessingStopped = "ErrorBatchProcessingStopped",
        ErrorCannotDeleteObject = "ErrorCannotDeleteObject",
        ErrorChangeKeyRequired = "ErrorChangeKeyRequired",
        ErrorChangeKeyRequiredForWriteOperations = "ErrorChangeKeyRequiredForWriteOperations",
        ErrorCorruptData = "ErrorCorruptData",
        ErrorCreateItemAccessDenied = "ErrorCreateItemAccessDenied",
        ErrorDeleteDistinguishedFolder = "ErrorDeleteDistinguishedFolder",
        ErrorExceededConnectionCount = "ErrorExceededConnectionCount",
        ErrorExceededSubscriptionCount = "ErrorExceededSubscriptionCount",
        ErrorFolderExists = "ErrorFolderExists",
        ErrorFolderNotFound = "ErrorFolderNotFound",
        ErrorImpersonateUserDenied = "ErrorImpersonateUserDenied",
        ErrorImpersonationDenied = "ErrorImpersonationDenied",
        ErrorIncorrectSchemaVersion = "ErrorIncorrectSchemaVersion",
        ErrorInternalServerError = "ErrorInternalServerError",
        ErrorInternalServerTransientError = "ErrorInternalServerTransientError",
        ErrorInvalidChangeKey = "ErrorInvalidChangeKey",
        ErrorInvalidExchangeImpersonationHeaderData = "ErrorInvalidExchangeImpersonationHeaderData",
        ErrorInvalidExtendedProperty = "ErrorInvalidExtendedProperty",
        ErrorInvalidExtendedPropertyValue = "ErrorInvalidExtendedPropertyValue",
        ErrorInvalidIdMalformed = "ErrorInvalidIdMalformed",
        ErrorInvalidOperation = "ErrorInvalidOperation",
        ErrorInvalidPropertyAppend = "ErrorInvalidPropertyAppend",
        ErrorInvalidPropertyDelete = "ErrorInvalidPropertyDelete",
        ErrorInvalidPropertySet = "ErrorInvalidPropertySet",
        ErrorInvalidRequest = "ErrorInvalidRequest",
        ErrorInvalidSchemaVersionForMailboxVersion = "ErrorInvalidSchemaVersionForMailboxVersion",
        ErrorInvalidServerVersion = "ErrorInvalidServerVersion",
        ErrorInvalidSubscriptionRequest = "ErrorInvalidSubscriptionRequest",
        ErrorInvalidSyncStateData = "ErrorInvalidSyncStateData",
        ErrorInvalidWatermark = "ErrorInvalidWatermark",
        ErrorIrresolvableConflict = "ErrorIrresolvableConflict",
        ErrorItemNotFound = "ErrorItemNotFound",
        ErrorItemSave = "ErrorItemSave",
        ErrorMailboxMoveInProgress = "ErrorMailboxMoveInProgress",
        ErrorMailboxStoreUnavailable = "ErrorMailboxStoreUnavailable",
        ErrorMessageSizeExceeded = "ErrorMessageSizeExceeded",
        ErrorMimeContentConversionFailed = "ErrorMimeContentConversionFailed",
        ErrorMimeContentInvalid = "ErrorMimeContentInvalid",
        ErrorMimeContentInvalidBase64String = "ErrorMimeContentInvalidBase64String",
        ErrorMoveCopyFailed = "ErrorMoveCopyFailed",
        ErrorNameResolutionMultipleResults = "ErrorNameResolutionMultipleResults",
        ErrorNameResolutionNoResults = "ErrorNameResolutionNoResults",
        ErrorNonExistentMailbox = "ErrorNonExistentMailbox",
        ErrorNonPrimarySmtpAddress = "ErrorNonPrimarySmtpAddress",
        ErrorNoRespondingCASInDestinationSite = "ErrorNoRespondingCASInDestinationSite",
        ErrorQuotaExceeded = "ErrorQuotaExceeded",
        ErrorSchemaValidation = "ErrorSchemaValidation",
        ErrorServerBusy = "ErrorServerBusy",
        ErrorStaleObject = "ErrorStaleObject",
        ErrorSubscriptionNotFound = "ErrorSubscriptionNotFound",
        ErrorSyncFolderNotFound = "ErrorSyncFolderNotFound",
        ErrorTimeoutExpired = "ErrorTimeoutExpired",
        ErrorTooManyObjectsOpened = "ErrorTooManyObjectsOpened",
        ErrorUnsupportedPathForQuery = "ErrorUnsupportedPathForQuery",
    }
}

/// What a delivery does next
///
/// Exhaustive: a queue has to decide in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryClass {
    /// Something out of our hands (rights, trust) has to change; hold the item
    Configuration,
    /// Nothing
    Done,
    /// Hold the item for long: the mailbox is full
    LongHold,
    /// Get a new token once, then as [`Configuration`](Self::Configuration)
    NewToken,
    /// We wrote what no server accepts; set the item aside and tell us
    OurBug,
    /// It depends on what was asked for
    PerCase,
    /// This item will never be accepted
    Permanent,
    /// Forget the URL and discover it again; when that leads here again, permanent
    Rediscover,
    /// Read the item again, apply the change again
    Reread,
    /// Try again, later and later
    Retry,
    /// Try again, but not often: the cause may be permanent
    RetryFew,
    /// Open fewer connections, and try again
    SlowDown,
    /// Try again when the time is over that the server named, or else later and later
    Wait,
}

impl ResponseCode {
    /// What the code means for a delivery
    ///
    /// With [`ErrorInternalServerError`](Self::ErrorInternalServerError), ask the failure's
    /// inner code first: it may hide `ErrorServerBusy`.
    pub fn delivery_class(&self) -> DeliveryClass {
        match self {
            Self::NoError => DeliveryClass::Done,
            Self::ErrorServerBusy => DeliveryClass::Wait,
            Self::ErrorADUnavailable
            | Self::ErrorBatchProcessingStopped
            | Self::ErrorInternalServerTransientError
            | Self::ErrorMailboxStoreUnavailable
            | Self::ErrorNoRespondingCASInDestinationSite
            | Self::ErrorTimeoutExpired
            | Self::ErrorTooManyObjectsOpened => DeliveryClass::Retry,
            Self::ErrorExceededConnectionCount => DeliveryClass::SlowDown,
            Self::ErrorInternalServerError | Self::Other(_) => DeliveryClass::RetryFew,
            Self::ErrorMailboxMoveInProgress | Self::ErrorNonExistentMailbox | Self::ErrorNonPrimarySmtpAddress => {
                DeliveryClass::Rediscover
            }
            Self::ErrorAccessDenied
            | Self::ErrorCreateItemAccessDenied
            | Self::ErrorImpersonateUserDenied
            | Self::ErrorImpersonationDenied => DeliveryClass::Configuration,
            Self::ErrorExceededSubscriptionCount
            | Self::ErrorIncorrectSchemaVersion
            | Self::ErrorInvalidExchangeImpersonationHeaderData
            | Self::ErrorInvalidExtendedProperty
            | Self::ErrorInvalidExtendedPropertyValue
            | Self::ErrorInvalidIdMalformed
            | Self::ErrorInvalidOperation
            | Self::ErrorInvalidPropertyAppend
            | Self::ErrorInvalidPropertyDelete
            | Self::ErrorInvalidPropertySet
            | Self::ErrorInvalidRequest
            | Self::ErrorInvalidSchemaVersionForMailboxVersion
            | Self::ErrorInvalidServerVersion
            | Self::ErrorInvalidSubscriptionRequest
            | Self::ErrorInvalidSyncStateData
            | Self::ErrorInvalidWatermark
            | Self::ErrorSchemaValidation
            | Self::ErrorUnsupportedPathForQuery => DeliveryClass::OurBug,
            Self::ErrorQuotaExceeded => DeliveryClass::LongHold,
            Self::ErrorAttachmentSizeLimitExceeded
            | Self::ErrorCorruptData
            | Self::ErrorMessageSizeExceeded
            | Self::ErrorMimeContentConversionFailed
            | Self::ErrorMimeContentInvalid
            | Self::ErrorMimeContentInvalidBase64String => DeliveryClass::Permanent,
            Self::ErrorChangeKeyRequired
            | Self::ErrorChangeKeyRequiredForWriteOperations
            | Self::ErrorInvalidChangeKey
            | Self::ErrorIrresolvableConflict
            | Self::ErrorStaleObject => DeliveryClass::Reread,
            Self::ErrorCannotDeleteObject
            | Self::ErrorDeleteDistinguishedFolder
            | Self::ErrorFolderExists
            | Self::ErrorFolderNotFound
            | Self::ErrorItemNotFound
            | Self::ErrorItemSave
            | Self::ErrorMoveCopyFailed
            | Self::ErrorNameResolutionMultipleResults
            | Self::ErrorNameResolutionNoResults
            | Self::ErrorSubscriptionNotFound
            | Self::ErrorSyncFolderNotFound => DeliveryClass::PerCase,
        }
    }
}

impl DeliveryClass {
    /// What an HTTP status means for a delivery, when no fault in the body says more
    pub fn of_http_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            401 => Self::NewToken,
            403 => Self::Configuration,
            300..=399 | 404 | 410 | 421 => Self::Rediscover,
            408 | 502 | 504 => Self::Retry,
            413 => Self::Permanent,
            429 | 503 => Self::Wait,
            400..=499 => Self::OurBug,
            _ => Self::RetryFew,
        }
    }
}
