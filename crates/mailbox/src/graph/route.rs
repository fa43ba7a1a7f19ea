//! From a path and a method to what is done, of whose mailbox.

use actas_directory::odata::{Key, ResourcePath};
use http::Method;

use super::answer::GraphError;
use super::permission::Operation;

/// Whose mailbox is addressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// That of the user whom the token names.
    Me,
    /// By object id or user principal name.
    User(String),
}

/// A message by its id, in a folder if the path says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct At {
    pub(super) folder: Option<String>,
    pub(super) message: String,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transfer {
    Copy,
    Move,
    /// Out of its owner's sight.
    PermanentDelete,
}

/// What is done. Folders are named by their ids or well-known names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Route {
    Folders { parent: Option<String> },
    AddFolder { parent: Option<String> },
    Folder { id: String },
    ChangeFolder { id: String },
    RemoveFolder { id: String },
    Messages { folder: Option<String> },
    CountMessages { folder: Option<String> },
    AddMessage { folder: Option<String> },
    Message(At),
    ChangeMessage(At),
    RemoveMessage(At),
    Mime(At),
    Transfer(At, Transfer),
    Files(At),
    AddFile(At),
    File(At, String),
    FileBytes(At, String),
    RemoveFile(At, String),
}

const FOLDERS: &str = "mailFolders";
const CHILDREN: &str = "childFolders";
const MESSAGES: &str = "messages";

/// Whether a path is one of mail's: `/v1.0/users/…/messages`, `/v1.0/me/mailFolders/…`.
pub(crate) fn serves(path: &str) -> bool {
    let first = |path: ResourcePath| path.rest().first().map(|segment| (*segment).to_owned());
    ResourcePath::parse(path).is_ok_and(|path| match (path.collection.as_str(), &path.key) {
        ("me", None) | ("users", Some(_)) => {
            first(path).is_some_and(|first| [FOLDERS, MESSAGES].contains(&first.as_str()))
        }
        _ => false,
    })
}

// === impl Route ===

impl Route {
    pub(super) fn of(path: &ResourcePath, method: &Method) -> Result<(Target, Self), GraphError> {
        let target = match (path.collection.as_str(), &path.key) {
            ("me", None) => Target::Me,
            ("users", Some(Key::Id(name))) => Target::User(name.clone()),
            ("users", Some(Key::Alternate(property, name))) if property == "userPrincipalName" => {
                Target::User(name.clone())
            }
            (other, _) => return Err(GraphError::no_segment(other)),
        };
        let route = Self::behind(None, &path.rest(), method);
        Ok((target, route.map_err(|error| error.allowing(|| methods(&path.rest())))?))
    }

    /// What is behind the user, or behind a folder.
    fn behind(folder: Option<&str>, rest: &[&str], method: &Method) -> Result<Self, GraphError> {
        let owned = |text: &&str| (*text).to_owned();
        let parent = folder.map(str::to_owned);
        let collection = match folder {
            None => FOLDERS,
            Some(_) => CHILDREN,
        };
        match rest {
            [name] if *name == collection => match *method {
                Method::GET => Ok(Self::Folders { parent }),
                Method::POST => Ok(Self::AddFolder { parent }),
                _ => Err(GraphError::method()),
            },
            [name, id] if *name == collection => match *method {
                Method::GET => Ok(Self::Folder { id: owned(id) }),
                Method::PATCH => Ok(Self::ChangeFolder { id: owned(id) }),
                Method::DELETE => Ok(Self::RemoveFolder { id: owned(id) }),
                _ => Err(GraphError::method()),
            },
            // A folder's id is enough, by whatever way the path leads to it.
            [name, id, behind @ ..] if *name == collection => Self::behind(Some(id), behind, method),
            [MESSAGES] => match *method {
                Method::GET => Ok(Self::Messages { folder: parent }),
                Method::POST => Ok(Self::AddMessage { folder: parent }),
                _ => Err(GraphError::method()),
            },
            [MESSAGES, "$count"] => only(&Method::GET, method, Self::CountMessages { folder: parent }),
            [MESSAGES, id, behind @ ..] => Self::of_message(At { folder: parent, message: owned(id) }, behind, method),
            [other, ..] => Err(GraphError::no_segment(other)),
            [] => Err(GraphError::no_segment("")),
        }
    }

    fn of_message(at: At, behind: &[&str], method: &Method) -> Result<Self, GraphError> {
        match behind {
            [] => match *method {
                Method::GET => Ok(Self::Message(at)),
                Method::PATCH => Ok(Self::ChangeMessage(at)),
                Method::DELETE => Ok(Self::RemoveMessage(at)),
                _ => Err(GraphError::method()),
            },
            ["$value"] => only(&Method::GET, method, Self::Mime(at)),
            ["copy"] => only(&Method::POST, method, Self::Transfer(at, Transfer::Copy)),
            ["move"] => only(&Method::POST, method, Self::Transfer(at, Transfer::Move)),
            ["permanentDelete"] => only(&Method::POST, method, Self::Transfer(at, Transfer::PermanentDelete)),
            ["attachments"] => match *method {
                Method::GET => Ok(Self::Files(at)),
                Method::POST => Ok(Self::AddFile(at)),
                _ => Err(GraphError::method()),
            },
            ["attachments", file] => match *method {
                Method::GET => Ok(Self::File(at, (*file).to_owned())),
                Method::DELETE => Ok(Self::RemoveFile(at, (*file).to_owned())),
                _ => Err(GraphError::method()),
            },
            ["attachments", file, "$value"] => only(&Method::GET, method, Self::FileBytes(at, (*file).to_owned())),
            [.., other] => Err(GraphError::no_segment(other)),
        }
    }

    /// What it takes a permission for.
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Folders { .. }
            | Self::Folder { .. }
            | Self::Messages { .. }
            | Self::CountMessages { .. }
            | Self::Message(_) => Operation::ReadMail,
            Self::Mime(_) | Self::Files(_) | Self::File(..) | Self::FileBytes(..) => Operation::ReadContents,
            Self::AddFolder { .. }
            | Self::ChangeFolder { .. }
            | Self::RemoveFolder { .. }
            | Self::AddMessage { .. }
            | Self::ChangeMessage(_)
            | Self::RemoveMessage(_)
            | Self::Transfer(..)
            | Self::AddFile(_)
            | Self::RemoveFile(..) => Operation::WriteMail,
        }
    }

    /// Its name in records.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Folders { .. } => "ListMailFolders",
            Self::AddFolder { .. } => "CreateMailFolder",
            Self::Folder { .. } => "GetMailFolder",
            Self::ChangeFolder { .. } => "UpdateMailFolder",
            Self::RemoveFolder { .. } => "DeleteMailFolder",
            Self::Messages { .. } => "ListMessages",
            Self::CountMessages { .. } => "CountMessages",
            Self::AddMessage { .. } => "CreateMessage",
            Self::Message(_) => "GetMessage",
            Self::ChangeMessage(_) => "UpdateMessage",
            Self::RemoveMessage(_) => "DeleteMessage",
            Self::Mime(_) => "GetMessageMime",
            Self::Transfer(_, Transfer::Copy) => "CopyMessage",
            Self::Transfer(_, Transfer::Move) => "MoveMessage",
            Self::Transfer(_, Transfer::PermanentDelete) => "PermanentDeleteMessage",
            Self::Files(_) => "ListAttachments",
            Self::AddFile(_) => "CreateAttachment",
            Self::File(..) => "GetAttachment",
            Self::FileBytes(..) => "GetAttachmentBytes",
            Self::RemoveFile(..) => "DeleteAttachment",
        }
    }
}

/// The methods that what is behind the user answers to.
fn methods(rest: &[&str]) -> Vec<Method> {
    let all = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
    all.into_iter().filter(|method| Route::behind(None, rest, method).is_ok()).collect()
}

fn only(allowed: &Method, method: &Method, route: Route) -> Result<Route, GraphError> {
    if method == allowed { Ok(route) } else { Err(GraphError::method()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &Method, path: &str) -> Result<(Target, Route), GraphError> {
        Route::of(&ResourcePath::parse(&format!("/v1.0/{path}")).unwrap(), method)
    }

    #[test]
    fn methods_of_a_resource() {
        for (path, expected) in [
            (&["messages"][..], "GET, POST"),
            (&["mailFolders", "inbox", "messages", "1"], "GET, PATCH, DELETE"),
            (&["messages", "1", "move"], "POST"),
            (&["events"], ""),
        ] {
            let found: Vec<String> = methods(path).iter().map(Method::to_string).collect();
            assert_eq!(found.join(", "), expected, "{path:?}");
        }
    }

    #[test]
    fn paths_of_mail() {
        for path in ["users/a@b/messages", "users/a@b/mailFolders/inbox", "me/messages", "users('a')/messages/1/move"] {
            assert!(serves(&format!("/v1.0/{path}")), "{path}");
        }
        for path in ["users", "users/a@b", "users/messages", "me", "users/a@b/events", "applications/1/messages"] {
            assert!(!serves(&format!("/v1.0/{path}")), "{path}");
        }
    }

    #[test]
    fn what_is_done() {
        let at = |folder: Option<&str>| At { folder: folder.map(str::to_owned), message: "1".to_owned() };
        let lena = Target::User("lena@x".to_owned());
        let inbox = Some("inbox".to_owned());
        for (method, path, target, expected) in [
            (Method::GET, "me/messages", Target::Me, Route::Messages { folder: None }),
            (
                Method::POST,
                "users/lena@x/mailFolders/inbox/messages",
                lena.clone(),
                Route::AddMessage { folder: inbox.clone() },
            ),
            (
                Method::GET,
                "users/lena@x/mailFolders('inbox')/messages('1')",
                lena.clone(),
                Route::Message(at(Some("inbox"))),
            ),
            (
                Method::GET,
                "users/lena@x/mailFolders/inbox/childFolders",
                lena.clone(),
                Route::Folders { parent: inbox.clone() },
            ),
            (
                Method::GET,
                "users/lena@x/mailFolders/x/childFolders/inbox/messages/$count",
                lena.clone(),
                Route::CountMessages { folder: inbox },
            ),
            (
                Method::GET,
                "users/lena@x/messages/1/attachments/2/$value",
                lena.clone(),
                Route::FileBytes(at(None), "2".into()),
            ),
            (
                Method::POST,
                "users/lena@x/messages/1/microsoft.graph.move",
                lena,
                Route::Transfer(at(None), Transfer::Move),
            ),
        ] {
            assert_eq!(route(&method, path).unwrap(), (target, expected), "{path}");
        }
        for (method, path) in [
            (Method::PUT, "me/messages"),
            (Method::POST, "me/messages/1"),
            (Method::GET, "me/messages/1/send"),
            (Method::GET, "me/messages/1/attachments/2/3"),
            (Method::GET, "me/mailFolders/inbox/mailFolders"),
            (Method::GET, "users(mail='a@b')/messages"),
        ] {
            assert!(route(&method, path).is_err(), "{path}");
        }
    }
}
