//! Responses: one message for each item or folder of the request, in its order

mod attachment;
mod events;
mod folder;
mod item;
mod message;
mod operation;
mod page;
mod resolve;
mod sync;
mod zones;

pub use attachment::{CreateAttachmentResponse, CreatedAttachment, DeleteAttachmentResponse, GetAttachmentResponse};
pub use events::{
    Event, EventObject, GetEventsResponse, Notification, SubscribeResponse, Subscribed, UnsubscribeResponse,
};
pub use folder::{
    CopyFolderResponse, CreateFolderResponse, DeleteFolderResponse, EmptyFolderResponse, MoveFolderResponse,
    UpdateFolderResponse,
};
pub use item::{CopyItemResponse, MoveItemResponse, UpdateItemResponse, UpdatedItem};
pub use message::{Failure, ResponseMessage};
pub use operation::{
    AttachmentKey, ConvertIdResponse, CreateItemResponse, CreatedItem, DeleteItemResponse, FindFolderResponse,
    FindItemResponse, GetFolderResponse, GetItemResponse,
};
pub use page::Page;
pub use resolve::{Resolution, Resolutions, ResolveNamesResponse};
pub use sync::{SyncFolderHierarchyResponse, SyncFolderItemsResponse, Synced, SyncedFolder, SyncedItem};
pub use zones::{Changeover, DayOfWeek, Daylight, GetServerTimeZonesResponse, TimeZone};
