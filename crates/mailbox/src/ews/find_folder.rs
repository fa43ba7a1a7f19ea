//! `FindFolder`

use actas_exchange::ews::{
    Failure, FindFolder, FindFolderResponse, Folder, FolderId, FolderTraversal, Page, ResponseCode,
};

use super::OpenMailbox;
use super::get::wants_counts;
use super::page::Window;

impl OpenMailbox<'_> {
    pub(super) async fn find_folders(&self, request: &FindFolder) -> FindFolderResponse {
        let mut messages = Vec::with_capacity(request.folders.len());
        for parent in &request.folders {
            messages.push(self.find_in_folder(parent, request).await.into());
        }
        FindFolderResponse { messages }
    }

    async fn find_in_folder(&self, parent: &FolderId, request: &FindFolder) -> Result<Page<Folder>, Failure> {
        let parent = self.folder(parent)?.id;
        let candidates = match request.traversal {
            FolderTraversal::Shallow => self.tree.children(parent).collect(),
            FolderTraversal::Deep => self.tree.below(parent),
            // No folder is ever deleted.
            FolderTraversal::SoftDeleted => Vec::new(),
        };
        // A condition may be about the counts.
        let counted = request.restriction.is_some() || wants_counts(&request.shape);
        let mut found = Vec::with_capacity(candidates.len());
        for folder in candidates {
            let folder = self.tell_folder(folder, counted).await?;
            let fits = match &request.restriction {
                Some(restriction) => restriction.matches(&folder).map_err(|error| unsupported(&error))?,
                None => true,
            };
            if fits {
                found.push(folder);
            }
        }
        Ok(Window::of(request.view, found.len())?.cut(found))
    }
}

pub(super) fn unsupported(path: &actas_exchange::ews::UnsupportedPath) -> Failure {
    Failure::new(ResponseCode::ErrorUnsupportedPathForQuery, path.to_string())
}
