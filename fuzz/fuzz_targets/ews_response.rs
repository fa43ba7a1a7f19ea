//! Responses of EWS, as a client reads them: each operation reads its own and refuses the others'.

#![no_main]

use actas_exchange::ews::{
    BaseShape, ConvertIdResponse, CopyItemResponse, CreateAttachmentResponse, CreateFolderResponse, CreateItemResponse,
    DeleteAttachmentResponse, DeleteFolderResponse, DeleteItemResponse, FindFolderResponse, FindItemResponse,
    FolderShape, GetAttachmentResponse, GetEventsResponse, GetFolderResponse, GetItemResponse,
    GetServerTimeZonesResponse, ItemShape, MoveItemResponse, ResolveNamesResponse, SubscribeResponse,
    SyncFolderHierarchyResponse, SyncFolderItemsResponse, UnsubscribeResponse, UpdateFolderResponse,
    UpdateItemResponse,
};
use actas_exchange::soap::Reply;
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 1024 * 1024;

/// Reads; what is read is written and read again as the same.
macro_rules! exact {
    ($bytes:ident, $($response:ty),*) => {
        $(if let Ok(Reply::Answer(answer)) = <$response>::parse($bytes, BYTES_MAX) {
            let written = answer.write();
            let again = <$response>::parse(written.as_bytes(), BYTES_MAX).map(Reply::answer);
            assert_eq!(again, Ok(Ok(answer)), "{written}");
        })*
    };
}

/// Reads; what is written of it in a shape, which may leave things out, is read as well.
macro_rules! shaped {
    ($bytes:ident, $shape:expr, $($response:ty),*) => {
        $(if let Ok(Reply::Answer(answer)) = <$response>::parse($bytes, BYTES_MAX) {
            let written = answer.write($shape);
            let again = <$response>::parse(written.as_bytes(), BYTES_MAX).map(Reply::answer);
            assert!(matches!(again, Ok(Ok(_))), "{again:?}: {written}");
        })*
    };
}

fuzz_target!(|bytes: &[u8]| {
    exact!(
        bytes,
        ConvertIdResponse,
        CopyItemResponse,
        CreateAttachmentResponse,
        CreateFolderResponse,
        CreateItemResponse,
        DeleteAttachmentResponse,
        DeleteFolderResponse,
        DeleteItemResponse,
        GetAttachmentResponse,
        GetEventsResponse,
        MoveItemResponse,
        SubscribeResponse,
        UnsubscribeResponse,
        UpdateFolderResponse,
        UpdateItemResponse
    );
    let items = ItemShape::new(BaseShape::AllProperties);
    shaped!(bytes, &items, FindItemResponse, GetItemResponse, SyncFolderItemsResponse);
    let folders = FolderShape::new(BaseShape::AllProperties);
    shaped!(bytes, &folders, FindFolderResponse, GetFolderResponse, SyncFolderHierarchyResponse);
    shaped!(bytes, true, GetServerTimeZonesResponse, ResolveNamesResponse);
});
