//! EWS: folders, items and searches over SOAP
//!
//! A server reads a [`Call`] and writes one of the responses; a client writes a [`Call`] and reads
//! the response of its operation, wrapped in a [`Reply`](crate::soap::Reply).

mod folder;
mod header;
mod ids;
mod message;
mod property;
mod request;
mod response;
mod response_code;
mod restriction;
mod shape;

pub use folder::{EffectiveRights, Folder, FolderKind};
pub use header::{ConnectingSid, RequestHeader, ServerVersion};
pub use ids::{DistinguishedFolder, FolderId, FolderKey, FolderName, ItemId};
pub use message::{Body, BodyType, FileAttachment, Importance, Mailbox, Message, MimeContent, Sensitivity};
pub use property::{
    BaseType, DistinguishedSet, ExtendedFieldUri, ExtendedProperty, Field, PropertyName, PropertyPath, PropertySet,
    PropertyTag, PropertyType, Value,
};
pub use request::{
    AlternateId, BasePoint, Call, ConvertId, CreateItem, DeleteItem, DeleteType, FindFolder, FindItem, FolderTraversal,
    GetFolder, GetItem, IndexedPageView, ItemTraversal, MessageDisposition, Request,
};
pub use response::{
    ConvertIdResponse, CreateItemResponse, DeleteItemResponse, Failure, FindFolderResponse, FindItemResponse,
    GetFolderResponse, GetItemResponse, Page, ResponseMessage,
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
