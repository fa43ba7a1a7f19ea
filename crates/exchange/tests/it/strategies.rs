//! Values of every kind that has a text

use actas_exchange::autodiscover::{
    ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, SettingError, UserResponse, UserSetting,
};
use actas_exchange::ews::*;
use actas_exchange::soap::Fault;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Any text that XML can carry.
pub(crate) fn text() -> impl Strategy<Value = String> {
    "[\\PC\r\n\t<>&\"']{0,24}"
}

/// A text where white space around it makes no difference.
pub(crate) fn token() -> impl Strategy<Value = String> {
    "[!-~]([ -~é]{0,16}[!-~])?"
}

pub(crate) fn named<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

pub(crate) fn time() -> impl Strategy<Value = jiff::Timestamp> {
    (-62_135_596_800_i64..253_402_207_200).prop_map(|second| jiff::Timestamp::from_second(second).unwrap())
}

fn address() -> impl Strategy<Value = actas_exchange::SmtpAddress> {
    "[a-zA-Z0-9.'+]{1,12}@[a-zA-Z0-9]{1,8}\\.example".prop_map(|text| text.parse().unwrap())
}

fn sid() -> impl Strategy<Value = ConnectingSid> {
    prop_oneof![
        token().prop_map(ConnectingSid::PrincipalName),
        token().prop_map(ConnectingSid::Sid),
        address().prop_map(ConnectingSid::PrimarySmtpAddress),
        address().prop_map(ConnectingSid::SmtpAddress),
    ]
}

// === Autodiscover ===

pub(crate) fn user_settings_request() -> impl Strategy<Value = GetUserSettingsRequest> {
    (option::of(token()), option::of(token()), option::of(sid()), vec(token(), 0..4), vec(token(), 0..4)).prop_map(
        |(requested_version, to, impersonated, users, settings)| GetUserSettingsRequest {
            requested_version,
            to,
            impersonated,
            users,
            settings,
        },
    )
}

pub(crate) fn user_settings_response() -> impl Strategy<Value = GetUserSettingsResponse> {
    let setting = (token(), text()).prop_map(|(name, value)| UserSetting { name, value });
    let setting_error = (token(), named(ErrorCode::ALL), text()).prop_map(|(name, error, message)| SettingError {
        name,
        error,
        message,
    });
    let user = (named(ErrorCode::ALL), text(), option::of(token()), vec(setting, 0..4), vec(setting_error, 0..4))
        .prop_map(|(error, message, redirect_target, settings, setting_errors)| UserResponse {
            error,
            message,
            redirect_target,
            settings,
            setting_errors,
        });
    (named(ErrorCode::ALL), text(), vec(user, 0..4)).prop_map(|(error, message, users)| GetUserSettingsResponse {
        error,
        message,
        users,
    })
}

// === ids and paths ===

pub(crate) fn item_id() -> impl Strategy<Value = ItemId> {
    (text(), option::of(text())).prop_map(|(id, change_key)| ItemId { id, change_key })
}

pub(crate) fn folder_key() -> impl Strategy<Value = FolderKey> {
    (text(), option::of(text())).prop_map(|(id, change_key)| FolderKey { id, change_key })
}

pub(crate) fn folder_id() -> impl Strategy<Value = FolderId> {
    let name = prop_oneof![
        named(DistinguishedFolder::ALL).prop_map(FolderName::Known),
        text().prop_map(|name| FolderName::from_name(&name)),
    ];
    prop_oneof![
        folder_key().prop_map(FolderId::Opaque),
        (name, option::of(address())).prop_map(|(name, mailbox)| FolderId::Distinguished { name, mailbox }),
    ]
}

/// A property that no field of the schema tells, too.
pub(crate) fn uri() -> impl Strategy<Value = ExtendedFieldUri> {
    let set = prop_oneof![
        named(DistinguishedSet::ALL).prop_map(PropertySet::Distinguished),
        any::<u128>().prop_map(|guid| {
            let text = format!("{guid:032x}");
            let uri = format!("String {{{text}}} Id 1");
            match uri.parse::<ExtendedFieldUri>().unwrap().name {
                PropertyName::Id { set, .. } => set,
                other => panic!("{other:?}"),
            }
        }),
    ];
    let name = prop_oneof![
        (0x3000_u16..0x4000).prop_map(|tag| PropertyName::Tag(PropertyTag::new(tag).unwrap())),
        (set.clone(), text()).prop_map(|(set, name)| PropertyName::Name { set, name }),
        (set, any::<u32>()).prop_map(|(set, id)| PropertyName::Id { set, id }),
    ];
    (name, named(BaseType::ALL), any::<bool>())
        .prop_map(|(name, base, array)| ExtendedFieldUri { name, kind: PropertyType { base, array } })
}

fn value_of(base: BaseType) -> BoxedStrategy<String> {
    match base {
        BaseType::String => text().boxed(),
        BaseType::Boolean => any::<bool>().prop_map(|v| v.to_string()).boxed(),
        BaseType::Short => any::<i16>().prop_map(|v| v.to_string()).boxed(),
        BaseType::Integer => any::<i32>().prop_map(|v| v.to_string()).boxed(),
        BaseType::Long | BaseType::Currency => any::<i64>().prop_map(|v| v.to_string()).boxed(),
        BaseType::Float => any::<f32>().prop_map(|v| v.to_string()).boxed(),
        BaseType::Double | BaseType::ApplicationTime => any::<f64>().prop_map(|v| v.to_string()).boxed(),
        BaseType::SystemTime => time().prop_map(|v| v.to_string()).boxed(),
        BaseType::Binary => select(vec!["", "AA==", "AAEC", "/+8="]).prop_map(str::to_owned).boxed(),
        BaseType::Clsid => any::<u128>().prop_map(|v| format!("{v:032x}")).boxed(),
    }
}

fn extended() -> impl Strategy<Value = ExtendedProperty> {
    uri().prop_flat_map(|uri| {
        let value = value_of(uri.kind.base);
        let value = if uri.kind.array {
            vec(value, 0..3).prop_map(Value::Many).boxed()
        } else {
            value.prop_map(Value::One).boxed()
        };
        value.prop_map(move |value| ExtendedProperty::new(uri.clone(), value).unwrap())
    })
}

pub(crate) fn path() -> impl Strategy<Value = PropertyPath> {
    prop_oneof![
        select(Field::KNOWN).prop_map(PropertyPath::Field),
        text().prop_map(|name| PropertyPath::Field(Field::from_name(&name))),
        (text(), text()).prop_map(|(field, index)| PropertyPath::Indexed { field, index }),
        uri().prop_map(PropertyPath::Extended),
    ]
}

pub(crate) fn item_shape() -> impl Strategy<Value = ItemShape> {
    (named(BaseShape::ALL), any::<bool>(), option::of(named(BodyTypeResponse::ALL)), vec(path(), 0..4)).prop_map(
        |(base, include_mime_content, body_type, additional)| ItemShape {
            base,
            include_mime_content,
            body_type,
            additional,
        },
    )
}

pub(crate) fn folder_shape() -> impl Strategy<Value = FolderShape> {
    (named(BaseShape::ALL), vec(path(), 0..4)).prop_map(|(base, additional)| FolderShape { base, additional })
}

// === items and folders ===

fn mailbox() -> impl Strategy<Value = Mailbox> {
    (option::of(token()), option::of(token()), option::of(token())).prop_map(|(name, address, routing_type)| Mailbox {
        name,
        address,
        routing_type,
    })
}

pub(crate) fn attachment() -> impl Strategy<Value = FileAttachment> {
    (
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(any::<u64>()),
        option::of(any::<bool>()),
        option::of(vec(any::<u8>(), 0..20)),
        option::of((option::of(text()), vec(text(), 0..2))),
    )
        .prop_map(|(id, name, content_type, content_id, size, is_inline, content, item)| FileAttachment {
            id,
            name,
            content_type,
            content_id,
            size,
            is_inline,
            content: content.filter(|_| item.is_none()),
            item: item.map(|(subject, subjects)| Box::new(nested(subject, subjects))),
        })
}

/// A message with others in it, each in the one before.
fn nested(subject: Option<String>, inner: Vec<String>) -> Message {
    let mut inner = inner.into_iter();
    let attachments = inner.next().map(|subject| FileAttachment {
        item: Some(Box::new(nested(Some(subject), inner.collect()))),
        ..FileAttachment::default()
    });
    Message { subject, attachments: attachments.into_iter().collect(), ..Message::default() }
}

pub(crate) fn attachment_key() -> impl Strategy<Value = AttachmentKey> {
    (text(), any::<bool>()).prop_map(|(id, is_item)| AttachmentKey { id, is_item })
}

pub(crate) fn message() -> BoxedStrategy<Message> {
    let mime = (option::of(text()), vec(any::<u8>(), 0..20))
        .prop_map(|(character_set, content)| MimeContent { character_set, content });
    let body = (named(BodyType::ALL), text()).prop_map(|(kind, content)| Body { kind, content });
    let identity = (
        option::of(mime),
        option::of(item_id()),
        option::of(folder_key()),
        option::of(text()),
        option::of(text()),
        option::of(named(Sensitivity::ALL)),
        option::of(body),
        vec(attachment(), 0..3),
    );
    let state = (
        option::of(time()),
        option::of(any::<u64>()),
        vec(text(), 0..3),
        option::of(named(Importance::ALL)),
        option::of(text()),
        option::of(any::<bool>()),
        option::of(time()),
        option::of(time()),
        option::of(any::<bool>()),
        vec(extended(), 0..4),
    );
    let mail = (
        option::of(time()),
        option::of(mailbox()),
        vec(mailbox(), 0..3),
        vec(mailbox(), 0..3),
        vec(mailbox(), 0..3),
        option::of(text()),
        option::of(mailbox()),
        option::of(text()),
        option::of(any::<bool>()),
        option::of(text()),
        vec(mailbox(), 0..3),
    );
    (identity, state, mail)
        .prop_map(|(identity, state, mail)| Message {
            mime_content: identity.0,
            item_id: identity.1,
            parent_folder_id: identity.2,
            item_class: identity.3,
            subject: identity.4,
            sensitivity: identity.5,
            body: identity.6,
            attachments: identity.7,
            received: state.0,
            size: state.1,
            categories: state.2,
            importance: state.3,
            in_reply_to: state.4,
            is_draft: state.5,
            sent: state.6,
            created: state.7,
            has_attachments: state.8,
            extended: state.9,
            last_modified: mail.0,
            sender: mail.1,
            to: mail.2,
            cc: mail.3,
            bcc: mail.4,
            conversation_topic: mail.5,
            from: mail.6,
            internet_message_id: mail.7,
            is_read: mail.8,
            references: mail.9,
            reply_to: mail.10,
        })
        .boxed()
}

pub(crate) fn folder() -> impl Strategy<Value = Folder> {
    let rights = vec(any::<bool>(), 6).prop_map(|bits| EffectiveRights {
        create_associated: bits[0],
        create_contents: bits[1],
        create_hierarchy: bits[2],
        delete: bits[3],
        modify: bits[4],
        read: bits[5],
    });
    (
        (named(FolderKind::ALL), folder_key(), option::of(folder_key())),
        (option::of(text()), option::of(text())),
        (option::of(any::<u32>()), option::of(any::<u32>()), option::of(any::<u32>())),
        option::of(rights),
        option::of(token().prop_map(|name| FolderName::from_name(&name))),
    )
        .prop_map(|(ids, names, counts, effective_rights, distinguished)| Folder {
            kind: ids.0,
            id: ids.1,
            parent_id: ids.2,
            class: names.0,
            display_name: names.1,
            total_count: counts.0,
            child_folder_count: counts.1,
            unread_count: counts.2,
            effective_rights,
            distinguished,
        })
}

// === requests ===

fn restriction() -> impl Strategy<Value = Restriction> {
    let operand = prop_oneof![text().prop_map(Operand::Constant), path().prop_map(Operand::Path)];
    let leaf = prop_oneof![
        path().prop_map(Restriction::Exists),
        (named(Comparison::ALL), path(), operand)
            .prop_map(|(operation, path, operand)| { Restriction::Compare { operation, path, operand } }),
        (path(), text(), named(ContainmentMode::ALL), named(ContainmentComparison::ALL))
            .prop_map(|(path, constant, mode, comparison)| Restriction::Contains { path, constant, mode, comparison }),
    ];
    leaf.prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Restriction::And),
            vec(inner.clone(), 1..4).prop_map(Restriction::Or),
            inner.prop_map(|inner| Restriction::Not(Box::new(inner))),
        ]
    })
}

fn view() -> impl Strategy<Value = IndexedPageView> {
    (option::of(any::<u32>()), any::<u32>(), named(BasePoint::ALL))
        .prop_map(|(max_entries, offset, base_point)| IndexedPageView { max_entries, offset, base_point })
}

fn sort() -> impl Strategy<Value = SortOrder> {
    let field = (path(), named(SortDirection::ALL)).prop_map(|(path, direction)| SortField { path, direction });
    vec(field, 0..3).prop_map(SortOrder)
}

fn find_item() -> impl Strategy<Value = FindItem> {
    (
        named(ItemTraversal::ALL),
        item_shape(),
        option::of(view()),
        option::of(restriction()),
        sort(),
        vec(folder_id(), 0..3),
        option::of(text()),
    )
        .prop_map(|(traversal, shape, view, restriction, sort, folders, query)| FindItem {
            traversal,
            shape,
            view,
            restriction,
            sort,
            folders,
            query,
        })
}

fn find_folder() -> impl Strategy<Value = FindFolder> {
    (named(FolderTraversal::ALL), folder_shape(), option::of(view()), option::of(restriction()), vec(folder_id(), 0..3))
        .prop_map(|(traversal, shape, view, restriction, folders)| FindFolder {
            traversal,
            shape,
            view,
            restriction,
            folders,
        })
}

fn alternate_id() -> impl Strategy<Value = AlternateId> {
    (text(), text(), text()).prop_map(|(format, id, mailbox)| AlternateId { format, id, mailbox })
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let create = (named(MessageDisposition::ALL), option::of(folder_id()), vec(message(), 0..3))
        .prop_map(|(disposition, folder, items)| CreateItem { disposition, folder, items });
    let get = (item_shape(), vec(item_id(), 0..3)).prop_map(|(shape, items)| GetItem { shape, items });
    let delete = (named(DeleteType::ALL), vec(item_id(), 0..3))
        .prop_map(|(delete_type, items)| DeleteItem { delete_type, items });
    let get_folder = (folder_shape(), vec(folder_id(), 0..3)).prop_map(|(shape, folders)| GetFolder { shape, folders });
    let convert =
        (text(), vec(alternate_id(), 0..3)).prop_map(|(destination_format, ids)| ConvertId { destination_format, ids });
    let request = prop_oneof![
        create.prop_map(Request::CreateItem),
        get.prop_map(Request::GetItem),
        delete.prop_map(Request::DeleteItem),
        find_item().prop_map(Request::FindItem),
        find_folder().prop_map(Request::FindFolder),
        get_folder.prop_map(Request::GetFolder),
        convert.prop_map(Request::ConvertId),
        "Unsupported[A-Za-z]{0,8}".prop_map(Request::Unsupported),
    ];
    let request = prop_oneof![request.boxed(), crate::changes::request().boxed()];
    let version = select(vec!["Exchange2010_SP2", "Exchange2016", "V2017_07_11"])
        .prop_map(|text| ServerVersion::parse(text).unwrap());
    (option::of(version), option::of(sid()), request).prop_map(|(version, impersonation, request)| Call {
        header: RequestHeader { version, impersonation },
        request,
    })
}

// === responses ===

fn code() -> impl Strategy<Value = ResponseCode> {
    prop_oneof![select(ResponseCode::KNOWN), token().prop_map(|name| ResponseCode::from_name(&name)),]
}

fn failure() -> impl Strategy<Value = Failure> {
    (code(), text(), option::of(any::<u64>()), option::of(code()))
        .prop_map(|(code, text, back_off_ms, inner_code)| Failure { code, text, back_off_ms, inner_code })
}

pub(crate) fn messages<T: std::fmt::Debug + Clone + 'static>(
    payload: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Vec<ResponseMessage<T>>> {
    let message = prop_oneof![
        3 => payload.prop_map(ResponseMessage::Success),
        1 => failure().prop_map(ResponseMessage::Warning),
        1 => failure().prop_map(ResponseMessage::Error),
    ];
    vec(message, 0..4)
}

pub(crate) fn page<T: std::fmt::Debug + Clone + 'static>(
    entry: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Page<T>> {
    (vec(entry, 0..3), any::<u32>(), any::<bool>(), option::of(any::<u32>())).prop_map(
        |(entries, total_in_view, includes_last, next_offset)| Page {
            entries,
            total_in_view,
            includes_last,
            next_offset,
        },
    )
}

pub(crate) fn created() -> impl Strategy<Value = Option<CreatedItem>> {
    option::of((item_id(), vec(attachment_key(), 0..3)).prop_map(|(id, attachments)| CreatedItem { id, attachments }))
}

pub(crate) fn converted() -> impl Strategy<Value = AlternateId> {
    alternate_id()
}

pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    (code(), text(), option::of(any::<u32>()), option::of(any::<u32>()), option::of(text()), option::of(any::<u64>()))
        .prop_map(|(code, message, line, position, violation, back_off_ms)| Fault {
            code,
            message,
            line,
            position,
            violation,
            back_off_ms,
        })
}
