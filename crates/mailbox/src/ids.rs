//! Ids and change keys as clients see them: opaque, and good in one mailbox only.

use actas_exchange::ews::{FolderKey, ItemId};
use actas_store::mailbox::Owner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// What an id is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Of {
    Attachment,
    Folder,
    Item,
    Subscription,
}

/// Why an id leads to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoId {
    /// It is of another mailbox.
    Foreign,
    /// It is no id of ours.
    Malformed,
}

/// The first byte of every id, to be raised when their form changes.
const FORM: u8 = 1;

impl Of {
    fn byte(self) -> u8 {
        match self {
            Self::Attachment => b'A',
            Self::Folder => b'F',
            Self::Item => b'I',
            Self::Subscription => b'S',
        }
    }
}

/// Writes an id: form, kind, user, object.
pub(crate) fn write(of: Of, owner: Owner, id: Uuid) -> String {
    let mut bytes = vec![FORM, of.byte()];
    bytes.extend(owner.user.as_bytes());
    bytes.extend(id.as_bytes());
    STANDARD.encode(bytes)
}

/// Reads an id. Whose it is decides nothing: the look-up takes the owner, too.
pub(crate) fn read(of: Of, owner: Owner, text: &str) -> Result<Uuid, NoId> {
    let bytes = STANDARD.decode(text).map_err(|_| NoId::Malformed)?;
    let Some(([FORM, kind], rest)) = bytes.split_first_chunk::<2>() else {
        return Err(NoId::Malformed);
    };
    let Some((user, id)) = rest.split_first_chunk::<16>() else {
        return Err(NoId::Malformed);
    };
    let id = <[u8; 16]>::try_from(id).map_err(|_| NoId::Malformed)?;
    if *kind != of.byte() {
        return Err(NoId::Malformed);
    }
    if *user != *owner.user.as_bytes() {
        return Err(NoId::Foreign);
    }
    Ok(Uuid::from_bytes(id))
}

/// Whose mailbox an id is of, as it says itself. Whether the caller may open that one is
/// another question.
pub(crate) fn owner_of(text: &str) -> Option<Uuid> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == ID_BYTES && bytes[0] == FORM)?;
    Uuid::from_slice(bytes.get(2..18)?).ok()
}

/// The id and the version of an item.
pub(crate) fn item(owner: Owner, id: Uuid, version: i64) -> ItemId {
    ItemId::with_change_key(write(Of::Item, owner, id), change_key(version))
}

/// The id and the version of a folder.
pub(crate) fn folder(owner: Owner, id: Uuid, version: i64) -> FolderKey {
    FolderKey::with_change_key(write(Of::Folder, owner, id), change_key(version))
}

/// A version, a watermark or another number of ours as clients see it.
pub(crate) fn change_key(version: i64) -> String {
    STANDARD.encode(version.to_be_bytes())
}

/// Reads what [`change_key`] wrote.
pub(crate) fn read_change_key(text: &str) -> Option<i64> {
    let bytes = <[u8; 8]>::try_from(STANDARD.decode(text).ok()?).ok()?;
    Some(i64::from_be_bytes(bytes)).filter(|number| *number >= 0)
}

/// The bytes of an id of ours, of whatever kind and mailbox.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text).ok()?;
    is_id(&bytes).then_some(bytes)
}

/// Whether these are the bytes of an id of an item, folder or attachment.
pub(crate) fn is_id(bytes: &[u8]) -> bool {
    bytes.len() == ID_BYTES && bytes[0] == FORM && [b'A', b'F', b'I'].contains(&bytes[1])
}

/// Form, kind, user, object.
const ID_BYTES: usize = 2 + 16 + 16;

// === states of synchronisations ===

/// Where a synchronisation of a folder stands; of the folders themselves, the folder that they
/// are below.
pub(crate) fn sync_state(of: Of, owner: Owner, folder: Uuid, number: i64) -> String {
    let mut bytes = vec![FORM, b'Y', of.byte()];
    bytes.extend(owner.user.as_bytes());
    bytes.extend(folder.as_bytes());
    bytes.extend(number.to_be_bytes());
    STANDARD.encode(bytes)
}

/// Reads a state that was written for the same folder of the same mailbox.
pub(crate) fn read_sync_state(of: Of, owner: Owner, folder: Uuid, text: &str) -> Option<i64> {
    let bytes = STANDARD.decode(text).ok()?;
    let (head, number) = bytes.split_last_chunk::<8>()?;
    let number = i64::from_be_bytes(*number);
    (number >= 0 && sync_state(of, owner, folder, number) == text && head.len() == ID_BYTES + 1).then_some(number)
}

#[cfg(test)]
mod tests {
    use actas_directory::TenantId;

    use super::*;

    fn owner(user: u128) -> Owner {
        Owner { tenant: TenantId(Uuid::from_u128(1)), user: Uuid::from_u128(user) }
    }

    #[test]
    fn a_state_is_good_for_one_folder() {
        let (folder, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let state = sync_state(Of::Item, owner(2), folder, 9);
        assert_eq!(read_sync_state(Of::Item, owner(2), folder, &state), Some(9));
        assert_eq!(read_sync_state(Of::Folder, owner(2), folder, &state), None);
        assert_eq!(read_sync_state(Of::Item, owner(3), folder, &state), None);
        assert_eq!(read_sync_state(Of::Item, owner(2), other, &state), None);
        for wrong in ["", "AAAA", "not base64", &state[4..], &sync_state(Of::Item, owner(2), folder, -1)] {
            assert_eq!(read_sync_state(Of::Item, owner(2), folder, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn change_keys() {
        assert_eq!(read_change_key(&change_key(7)), Some(7));
        for wrong in ["", "AAAA", "x", &change_key(-1), &change_key(7)[1..]] {
            assert_eq!(read_change_key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_id_is_good_in_one_mailbox_and_for_one_kind() {
        let id = Uuid::from_u128(7);
        let text = write(Of::Item, owner(2), id);
        assert_eq!(read(Of::Item, owner(2), &text), Ok(id));
        assert_eq!(read(Of::Item, owner(3), &text), Err(NoId::Foreign));
        assert_eq!(read(Of::Folder, owner(2), &text), Err(NoId::Malformed));
        for wrong in ["", "DUMMY", "AQ==", "AUk=", &text[1..], &format!("{text}AAAA"), &text.to_lowercase()] {
            assert_eq!(read(Of::Item, owner(2), wrong), Err(NoId::Malformed), "{wrong}");
        }
    }
}
