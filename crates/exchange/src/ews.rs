//! EWS: folders, items and searches over SOAP
//!
//! A server reads a [`Call`] and writes one of the responses; a client writes a [`Call`] and reads
//! the response of its operation, wrapped in a [`Reply`](crate::soap::Reply).

mod folder;
mod header;
mod ids;
mod message;
pub mod mime;
mod property;
mod request;
mod response;
mod response_code;
mod restriction;
mod shape;
pub mod sieve;

pub use folder::{EffectiveRights, Folder, FolderKind};
pub use header::{ConnectingSid, RequestHeader, ServerVersion};
pub use ids::{DistinguishedFolder, FolderId, FolderKey, FolderName, ItemId};
pub use message::{Body, BodyType, FileAttachment, Importance, Mailbox, Message, MimeContent, Sensitivity};
pub use property::{
    BaseType, DistinguishedSet, ExtendedFieldUri, ExtendedProperty, Field, PropertyName, PropertyPath, PropertySet,
    PropertyTag, PropertyType, Value,
};
pub use request::{
    AlternateId, BasePoint, Call, ConflictResolution, ConvertId, CreateAttachment, CreateFolder, CreateItem,
    DeleteAttachment, DeleteFolder, DeleteItem, DeleteType, EmptyFolder, EventType, FindFolder, FindItem, FolderChange,
    FolderTraversal, FolderUpdate, GetAttachment, GetEvents, GetFolder, GetItem, GetServerTimeZones, IndexedPageView,
    ItemChange, ItemTraversal, ItemUpdate, MessageDisposition, NewFolder, Request, ResolveNames, Subscribe,
    SyncFolderHierarchy, SyncFolderItems, TransferFolders, TransferItems, Unsubscribe, UpdateFolder, UpdateItem,
};
pub use response::{
    AttachmentKey, Changeover, ConvertIdResponse, CopyFolderResponse, CopyItemResponse, CreateAttachmentResponse,
    CreateFolderResponse, CreateItemResponse, CreatedAttachment, CreatedItem, DayOfWeek, Daylight,
    DeleteAttachmentResponse, DeleteFolderResponse, DeleteItemResponse, EmptyFolderResponse, Event, EventObject,
    Failure, FindFolderResponse, FindItemResponse, GetAttachmentResponse, GetEventsResponse, GetFolderResponse,
    GetItemResponse, GetServerTimeZonesResponse, MoveFolderResponse, MoveItemResponse, Notification, Page, Resolution,
    Resolutions, ResolveNamesResponse, ResponseMessage, SubscribeResponse, Subscribed, SyncFolderHierarchyResponse,
    SyncFolderItemsResponse, Synced, SyncedFolder, SyncedItem, TimeZone, UnsubscribeResponse, UpdateFolderResponse,
    UpdateItemResponse, UpdatedItem,
};
pub use response_code::{DeliveryClass, ResponseCode};
pub use restriction::{
    Comparison, ContainmentComparison, ContainmentMode, Operand, Properties, PropertyValue, Restriction, SortDirection,
    SortField, SortOrder, UnsupportedPath,
};
pub use shape::{BaseShape, BodyTypeResponse, FolderShape, ItemShape};

/// Items, folders or ids of one request, and so messages of one response
pub const BATCH_MAX: usize = 500;
/// Additional properties of one shape; exchangelib asks for every field of every kind of item
pub const SHAPE_PATHS_MAX: usize = 1000;
/// Restrictions inside restrictions
pub const RESTRICTION_DEPTH_MAX: usize = 16;
/// Restrictions of one search
pub const RESTRICTION_NODES_MAX: usize = 200;
/// Fields of one sort order
pub const SORT_FIELDS_MAX: usize = 32;
/// Items or folders of one page that a response may hold ("EWSFindCountLimit")
pub const PAGE_ENTRIES_MAX: usize = 1000;
/// Changes of one synchronisation that a response may hold
pub const SYNC_CHANGES_MAX: usize = 512;
/// Bytes of a synchronisation's state
pub const SYNC_STATE_BYTES_MAX: usize = 1024;
/// Events of one answer
pub const EVENTS_MAX: usize = 200;
/// People whom a name can stand for ("ResolveNames operation")
pub const RESOLUTIONS_MAX: usize = 100;
