//! Responses: one message for each item or folder of the request, in its order

mod message;
mod operation;
mod page;

pub use message::{Failure, ResponseMessage};
pub use operation::{
    ConvertIdResponse, CreateItemResponse, DeleteItemResponse, FindFolderResponse, FindItemResponse, GetFolderResponse,
    GetItemResponse,
};
pub use page::Page;
