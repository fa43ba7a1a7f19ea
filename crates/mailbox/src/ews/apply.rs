//! The change of one property of a message.

use actas_exchange::ews::{
    ExtendedFieldUri, Failure, Field, ItemUpdate, Message, PropertyName, PropertyPath, PropertyTag, PropertyType,
    ResponseCode,
};

/// The bit of PR_MESSAGE_FLAGS that makes a message a draft (MS-OXCMSG, `mfUnsent`).
const FLAG_UNSENT: i32 = 0x8;

/// What a property is called, however a request names it: by that it is known whether two
/// writers changed the same.
pub(super) fn key(path: &PropertyPath) -> String {
    match canonical(path) {
        Some(field) => field.as_str().to_owned(),
        None => path.to_string(),
    }
}

/// The field that an extended property is another name of, or the field itself.
fn canonical(path: &PropertyPath) -> Option<Field> {
    match path {
        PropertyPath::Field(field) => Some(field.clone()),
        PropertyPath::Extended(ExtendedFieldUri { name: PropertyName::Tag(tag), kind }) => match (*tag, *kind) {
            (PropertyTag::MESSAGE_CLASS, PropertyType::STRING) => Some(Field::ItemClass),
            (PropertyTag::DELIVERY_TIME, PropertyType::SYSTEM_TIME) => Some(Field::DateTimeReceived),
            (PropertyTag::SUBMIT_TIME, PropertyType::SYSTEM_TIME) => Some(Field::DateTimeSent),
            (PropertyTag::MESSAGE_FLAGS, _) => Some(Field::IsDraft),
            _ => None,
        },
        PropertyPath::Extended(_) | PropertyPath::Indexed { .. } => None,
    }
}

/// Whether a property is one that this server keeps.
pub(super) fn is_kept(path: &PropertyPath) -> bool {
    !matches!(path, PropertyPath::Indexed { .. } | PropertyPath::Field(Field::Other(_)))
}

/// Whether a property is part of a message's MIME stream.
pub(super) fn is_in_mime(path: &PropertyPath) -> bool {
    !matches!(
        canonical(path),
        Some(Field::IsRead | Field::Categories | Field::ItemClass | Field::DateTimeReceived) | None
    )
}

/// Applies a change.
///
/// Fields of the schema that this server does not keep are passed over, as they are when an item
/// is made: exchangelib names all that it knows.
pub(super) fn apply(message: &mut Message, update: &ItemUpdate) -> Result<(), Failure> {
    match update {
        ItemUpdate::Set { path, item } => set(message, path, item),
        ItemUpdate::Delete { path } => delete(message, path),
        ItemUpdate::Append { path, item } => append(message, path, item),
    }
}

fn set(message: &mut Message, path: &PropertyPath, item: &Message) -> Result<(), Failure> {
    let field = match path {
        PropertyPath::Indexed { .. } | PropertyPath::Field(Field::Other(_)) => return Ok(()),
        PropertyPath::Extended(uri) => return set_extended(message, uri, item),
        PropertyPath::Field(field) => field,
    };
    let missing = || refused(ResponseCode::ErrorInvalidPropertySet, path, "has no value in the item beside it");
    macro_rules! set {
        ($($field:ident),+) => {{ $(
            message.$field = Some(item.$field.clone().ok_or_else(missing)?);
        )+ }};
    }
    match field {
        Field::Subject => set!(subject),
        Field::Body => set!(body),
        Field::ItemClass => set!(item_class),
        Field::Sensitivity => set!(sensitivity),
        Field::Importance => set!(importance),
        Field::InReplyTo => set!(in_reply_to),
        Field::IsRead => set!(is_read),
        Field::From => set!(from),
        Field::Sender => set!(sender),
        Field::InternetMessageId => set!(internet_message_id),
        Field::References => set!(references),
        Field::ConversationTopic => set!(conversation_topic),
        Field::MimeContent => set!(mime_content),
        Field::Categories => message.categories.clone_from(&item.categories),
        Field::ToRecipients => message.to.clone_from(&item.to),
        Field::CcRecipients => message.cc.clone_from(&item.cc),
        Field::BccRecipients => message.bcc.clone_from(&item.bcc),
        Field::ReplyTo => message.reply_to.clone_from(&item.reply_to),
        _ => return Err(refused(ResponseCode::ErrorInvalidPropertySet, path, "is read-only")),
    }
    Ok(())
}

fn set_extended(message: &mut Message, uri: &ExtendedFieldUri, item: &Message) -> Result<(), Failure> {
    let path = PropertyPath::Extended(uri.clone());
    let refuse = |why| refused(ResponseCode::ErrorInvalidPropertySet, &path, why);
    let property = item.extended.iter().find(|property| property.uri() == uri);
    let property = property.ok_or_else(|| refuse("has no value in the item beside it"))?;
    let time = || property.text().and_then(|text| text.parse().ok()).ok_or_else(|| refuse("is no time"));
    match canonical(&path) {
        Some(Field::ItemClass) => message.item_class = property.text().map(str::to_owned),
        Some(Field::DateTimeReceived) => message.received = Some(time()?),
        Some(Field::DateTimeSent) => message.sent = Some(time()?),
        // Whether a message is a draft is decided when it is made; to say so again is no change.
        Some(_) => {
            let flags = property.text().and_then(|text| text.parse::<i32>().ok());
            if flags.map(|flags| flags & FLAG_UNSENT != 0) != message.is_draft {
                return Err(refuse("cannot be changed once the item is made"));
            }
        }
        None => {
            message.extended.retain(|other| other.uri() != uri);
            message.extended.push(property.clone());
        }
    }
    Ok(())
}

fn delete(message: &mut Message, path: &PropertyPath) -> Result<(), Failure> {
    let field = match path {
        PropertyPath::Indexed { .. } | PropertyPath::Field(Field::Other(_)) => return Ok(()),
        PropertyPath::Extended(uri) if canonical(path).is_none() => {
            message.extended.retain(|property| property.uri() != uri);
            return Ok(());
        }
        PropertyPath::Extended(_) => {
            return Err(refused(ResponseCode::ErrorInvalidPropertyDelete, path, "cannot be deleted"));
        }
        PropertyPath::Field(field) => field,
    };
    match field {
        Field::Subject => message.subject = None,
        Field::Body => message.body = None,
        Field::Sensitivity => message.sensitivity = Some(actas_exchange::ews::Sensitivity::Normal),
        Field::Importance => message.importance = Some(actas_exchange::ews::Importance::Normal),
        Field::InReplyTo => message.in_reply_to = None,
        Field::From => message.from = None,
        Field::Sender => message.sender = None,
        Field::InternetMessageId => message.internet_message_id = None,
        Field::References => message.references = None,
        Field::ConversationTopic => message.conversation_topic = None,
        Field::Categories => message.categories.clear(),
        Field::ToRecipients => message.to.clear(),
        Field::CcRecipients => message.cc.clear(),
        Field::BccRecipients => message.bcc.clear(),
        Field::ReplyTo => message.reply_to.clear(),
        // The stream is made anew of what the item is.
        Field::MimeContent => {}
        _ => return Err(refused(ResponseCode::ErrorInvalidPropertyDelete, path, "cannot be deleted")),
    }
    Ok(())
}

fn append(message: &mut Message, path: &PropertyPath, item: &Message) -> Result<(), Failure> {
    match path {
        PropertyPath::Field(Field::Body) => {
            let more = item.body.as_ref();
            let more = more.ok_or_else(|| {
                refused(ResponseCode::ErrorInvalidPropertyAppend, path, "has no value in the item beside it")
            })?;
            match &mut message.body {
                Some(body) => body.content.push_str(&more.content),
                none => *none = Some(more.clone()),
            }
        }
        PropertyPath::Field(Field::ToRecipients) => message.to.extend_from_slice(&item.to),
        PropertyPath::Field(Field::CcRecipients) => message.cc.extend_from_slice(&item.cc),
        PropertyPath::Field(Field::BccRecipients) => message.bcc.extend_from_slice(&item.bcc),
        PropertyPath::Field(Field::ReplyTo) => message.reply_to.extend_from_slice(&item.reply_to),
        _ => return Err(refused(ResponseCode::ErrorInvalidPropertyAppend, path, "cannot be appended to")),
    }
    Ok(())
}

fn refused(code: ResponseCode, path: &PropertyPath, why: &str) -> Failure {
    let name: String = path.to_string().chars().take(128).collect();
    Failure::new(code, format!("The property {name} {why}."))
}
