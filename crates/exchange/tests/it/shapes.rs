//! The texts of EWS that clients depend on

use actas_exchange::ews::{
    BaseShape, Body, Call, ConnectingSid, ConvertIdResponse, CreateItem, CreateItemResponse, DeleteItemResponse,
    DistinguishedFolder, EffectiveRights, ExtendedFieldUri, ExtendedProperty, Failure, Field, FindFolderResponse,
    FindItemResponse, Folder, FolderId, FolderKey, FolderName, FolderShape, GetFolder, GetFolderResponse,
    GetItemResponse, ItemId, ItemShape, Mailbox, Message, MessageDisposition, Page, PropertyPath, PropertySet,
    PropertyTag, PropertyType, Request, RequestHeader, ResponseCode, ResponseMessage, ServerVersion,
};
use actas_exchange::soap::{Fault, Reply, Service};

use crate::{ENVELOPE_BYTES_MAX, request};

/// What every response of EWS begins with.
const RESPONSE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
    xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>\
    <h:ServerVersionInfo xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
    MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\" MinorBuildNumber=\"4\" Version=\"Exchange2016\"/>\
    </s:Header><s:Body>";

#[track_caller]
fn check(written: &str, body: &str) {
    let expected = format!("{RESPONSE}{body}</s:Body></s:Envelope>");
    assert_eq!(written, expected);
}

fn read(text: &str) -> Request {
    let call = Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    call.request
}

fn conversation() -> Message {
    let flags = ExtendedFieldUri::tag(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER);
    Message {
        item_class: Some("IPM.Note.Microsoft.Conversation".to_owned()),
        subject: Some("Conversation with Omar Haddad".to_owned()),
        body: Some(Body::html("<p>10:02 Omar: lunch?</p>")),
        extended: vec![
            ExtendedProperty::one(flags, "1").unwrap(),
            ExtendedProperty::public_string("DeliveryKey", "6f1c"),
        ],
        to: vec![Mailbox::from(&"lena@fabrikam.example".parse().unwrap())],
        from: Some(Mailbox::from(&"omar@fabrikam.example".parse().unwrap())),
        is_read: Some(true),
        ..Message::default()
    }
}

#[test]
fn a_conversation_is_written() {
    let lena = "lena@fabrikam.example".parse().unwrap();
    let folder = FolderId::of(lena, DistinguishedFolder::ConversationHistory);
    let call = Call {
        header: RequestHeader {
            version: Some(ServerVersion::EXCHANGE2013_SP1),
            impersonation: Some(ConnectingSid::PrincipalName("lena@fabrikam.example".to_owned())),
        },
        request: Request::CreateItem(CreateItem {
            disposition: MessageDisposition::SaveOnly,
            folder: Some(folder),
            items: vec![conversation()],
        }),
    };
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
        xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>\
        <t:RequestServerVersion Version=\"Exchange2013_SP1\"/>\
        <t:ExchangeImpersonation><t:ConnectingSID><t:PrincipalName>lena@fabrikam.example</t:PrincipalName></t:ConnectingSID></t:ExchangeImpersonation>\
        </s:Header><s:Body><m:CreateItem MessageDisposition=\"SaveOnly\">\
        <m:SavedItemFolderId><t:DistinguishedFolderId Id=\"conversationhistory\"><t:Mailbox>\
        <t:EmailAddress>lena@fabrikam.example</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:SavedItemFolderId>\
        <m:Items><t:Message>\
        <t:ItemClass>IPM.Note.Microsoft.Conversation</t:ItemClass>\
        <t:Subject>Conversation with Omar Haddad</t:Subject>\
        <t:Body BodyType=\"HTML\">&lt;p&gt;10:02 Omar: lunch?&lt;/p&gt;</t:Body>\
        <t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0xe07\" PropertyType=\"Integer\"/><t:Value>1</t:Value></t:ExtendedProperty>\
        <t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"DeliveryKey\" PropertyType=\"String\"/>\
        <t:Value>6f1c</t:Value></t:ExtendedProperty>\
        <t:ToRecipients><t:Mailbox><t:EmailAddress>lena@fabrikam.example</t:EmailAddress></t:Mailbox></t:ToRecipients>\
        <t:From><t:Mailbox><t:EmailAddress>omar@fabrikam.example</t:EmailAddress></t:Mailbox></t:From>\
        <t:IsRead>true</t:IsRead>\
        </t:Message></m:Items></m:CreateItem></s:Body></s:Envelope>";
    assert_eq!(call.write(), expected);
}

#[test]
fn an_item_of_exchangelib_is_read() {
    let text = request(
        "<m:CreateItem MessageDisposition='SaveOnly' SendMeetingInvitations='SendToNone'>\
         <m:SavedItemFolderId><t:DistinguishedFolderId Id='inbox'><t:Mailbox>\
         <t:EmailAddress>lena@fabrikam.example</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>\
         <t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:DistinguishedFolderId></m:SavedItemFolderId>\
         <m:Items><t:Message><t:IsRead>1</t:IsRead><t:IsReadReceiptRequested>0</t:IsReadReceiptRequested>\
         <t:Subject>Hi</t:Subject><t:Body BodyType='Text'>Hello</t:Body>\
         <t:ExtendedProperty><t:ExtendedFieldURI PropertyTag='0x1a' PropertyType='String'/>\
         <t:Value>IPM.Note.Microsoft.Missed</t:Value></t:ExtendedProperty>\
         <t:ExtendedProperty><t:ExtendedFieldURI PropertyTag='3591' PropertyType='Integer'/>\
         <t:Value>1</t:Value></t:ExtendedProperty></t:Message></m:Items></m:CreateItem>",
    );
    let Request::CreateItem(create) = read(&text) else {
        panic!("CreateItem");
    };
    let lena = "lena@fabrikam.example".parse().unwrap();
    assert_eq!(create.folder, Some(FolderId::of(lena, DistinguishedFolder::Inbox)));
    let message = create.items[0].clone().normalised();
    assert_eq!(message.item_class.as_deref(), Some("IPM.Note.Microsoft.Missed"));
    assert_eq!((message.is_read, message.is_draft), (Some(true), Some(false)));
    assert_eq!(message.body, Some(Body::text("Hello")));
}

#[test]
fn unknown_folders_are_no_fault() {
    let text = request(
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>\
         <t:FieldURI FieldURI='folder:DisplayName'/><t:FieldURI FieldURI='folder:PermissionSet'/>\
         </t:AdditionalProperties></m:FolderShape><m:FolderIds>\
         <t:DistinguishedFolderId Id='relevantcontacts'/><t:DistinguishedFolderId Id='inbox'/>\
         <t:FolderId Id='AAA=' ChangeKey='1'/></m:FolderIds></m:GetFolder>",
    );
    let unknown = FolderName::Other("relevantcontacts".to_owned());
    let expected = GetFolder {
        shape: FolderShape::new(BaseShape::IdOnly).with([
            PropertyPath::Field(Field::FolderDisplayName),
            PropertyPath::Field(Field::from_name("folder:PermissionSet")),
        ]),
        folders: vec![
            FolderId::Distinguished { name: unknown, mailbox: None },
            FolderId::from(DistinguishedFolder::Inbox),
            FolderId::from(FolderKey::with_change_key("AAA=", "1")),
        ],
    };
    assert_eq!(read(&text), Request::GetFolder(expected));
}

#[test]
fn an_unknown_operation_is_named() {
    assert_eq!(
        read(&request("<m:GetUserAvailabilityRequest/>")),
        Request::Unsupported("GetUserAvailabilityRequest".to_owned())
    );
}

#[test]
fn get_item_answers() {
    let mut message = conversation();
    message.item_id = Some(ItemId::with_change_key("AAA=", "CQ=="));
    let response = GetItemResponse {
        messages: vec![
            ResponseMessage::Success(message),
            ResponseMessage::error(ResponseCode::ErrorItemNotFound, "The specified object was not found in the store."),
        ],
    };
    let shape = ItemShape::new(BaseShape::IdOnly).with([
        Field::Subject.into(),
        Field::IsRead.into(),
        Field::from_name("calendar:Start").into(),
        Field::References.into(),
        // As exchangelib asks for the class, and for a set by its GUID.
        ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, PropertyType::STRING).into(),
        ExtendedFieldUri::named(
            PropertySet::Guid(PropertySet::PUBLIC_STRINGS.guid()),
            "DeliveryKey",
            PropertyType::STRING,
        )
        .into(),
        ExtendedFieldUri::public_string("Absent", PropertyType::STRING).into(),
    ]);
    check(
        &response.write(&shape),
        "<m:GetItemResponse><m:ResponseMessages>\
         <m:GetItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>\
         <t:ItemId Id=\"AAA=\" ChangeKey=\"CQ==\"/><t:Subject>Conversation with Omar Haddad</t:Subject>\
         <t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x1a\" PropertyType=\"String\"/>\
         <t:Value>IPM.Note.Microsoft.Conversation</t:Value></t:ExtendedProperty>\
         <t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"00020329-0000-0000-c000-000000000046\" PropertyName=\"DeliveryKey\" PropertyType=\"String\"/>\
         <t:Value>6f1c</t:Value></t:ExtendedProperty>\
         <t:IsRead>true</t:IsRead></t:Message></m:Items></m:GetItemResponseMessage>\
         <m:GetItemResponseMessage ResponseClass=\"Error\"><m:MessageText>The specified object was not found in the store.</m:MessageText>\
         <m:ResponseCode>ErrorItemNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Items/></m:GetItemResponseMessage>\
         </m:ResponseMessages></m:GetItemResponse>",
    );
}

#[test]
fn find_item_answers() {
    let mut message = conversation();
    message.item_id = Some(ItemId::new("AAA="));
    message.subject = Some("ö".repeat(300));
    let response = FindItemResponse {
        messages: vec![
            ResponseMessage::Success(Page::new(vec![message], 0, 3)),
            ResponseMessage::Success(Page::new(Vec::new(), 0, 0)),
            ResponseMessage::error(ResponseCode::ErrorFolderNotFound, "Not found."),
        ],
    };
    let shape = ItemShape::new(BaseShape::Default);
    let subject = "ö".repeat(255);
    check(
        &response.write(&shape),
        &format!(
            "<m:FindItemResponse><m:ResponseMessages>\
             <m:FindItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:RootFolder IndexedPagingOffset=\"1\" TotalItemsInView=\"3\" IncludesLastItemInRange=\"false\"><t:Items><t:Message>\
             <t:ItemId Id=\"AAA=\"/><t:Subject>{subject}</t:Subject>\
             <t:From><t:Mailbox><t:EmailAddress>omar@fabrikam.example</t:EmailAddress></t:Mailbox></t:From><t:IsRead>true</t:IsRead>\
             </t:Message></t:Items></m:RootFolder></m:FindItemResponseMessage>\
             <m:FindItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:RootFolder TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"><t:Items></t:Items></m:RootFolder></m:FindItemResponseMessage>\
             <m:FindItemResponseMessage ResponseClass=\"Error\"><m:MessageText>Not found.</m:MessageText>\
             <m:ResponseCode>ErrorFolderNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:FindItemResponseMessage>\
             </m:ResponseMessages></m:FindItemResponse>"
        ),
    );
}

#[test]
fn create_and_delete_answer() {
    let mut stopped = Failure::new(ResponseCode::ErrorInternalServerError, "Busy.");
    stopped.back_off_ms = Some(1500);
    stopped.inner_code = Some(ResponseCode::ErrorServerBusy);
    let create = CreateItemResponse {
        messages: vec![
            ResponseMessage::Success(Some(ItemId::with_change_key("AAA=", "CQ==").into())),
            ResponseMessage::Success(None),
            ResponseMessage::Error(stopped),
        ],
    };
    check(
        &create.write(),
        "<m:CreateItemResponse><m:ResponseMessages>\
         <m:CreateItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items>\
         <t:Message><t:ItemId Id=\"AAA=\" ChangeKey=\"CQ==\"/></t:Message></m:Items></m:CreateItemResponseMessage>\
         <m:CreateItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items></m:Items></m:CreateItemResponseMessage>\
         <m:CreateItemResponseMessage ResponseClass=\"Error\"><m:MessageText>Busy.</m:MessageText>\
         <m:ResponseCode>ErrorInternalServerError</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>\
         <m:MessageXml><t:Value Name=\"BackOffMilliseconds\">1500</t:Value><t:Value Name=\"InnerErrorResponseCode\">ErrorServerBusy</t:Value></m:MessageXml>\
         <m:Items/></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse>",
    );
    let delete = DeleteItemResponse { messages: vec![ResponseMessage::Success(())] };
    check(
        &delete.write(),
        "<m:DeleteItemResponse><m:ResponseMessages><m:DeleteItemResponseMessage ResponseClass=\"Success\">\
         <m:ResponseCode>NoError</m:ResponseCode></m:DeleteItemResponseMessage></m:ResponseMessages></m:DeleteItemResponse>",
    );
}

#[test]
fn folders_answer() {
    let mut folder = Folder::new(FolderKey::with_change_key("AAA=", "AQ=="));
    folder.class = Some("IPF.Note".to_owned());
    folder.display_name = Some("Conversation History".to_owned());
    folder.total_count = Some(7);
    folder.distinguished = Some(FolderName::Known(DistinguishedFolder::ConversationHistory));
    folder.effective_rights = Some(EffectiveRights::ALL);
    let shape = FolderShape::new(BaseShape::IdOnly).with([Field::FolderDisplayName.into(), Field::FolderClass.into()]);
    let get = GetFolderResponse {
        messages: vec![
            ResponseMessage::Success(folder.clone()),
            ResponseMessage::error(ResponseCode::ErrorFolderNotFound, "Not found."),
        ],
    };
    let element = "<t:Folder><t:FolderId Id=\"AAA=\" ChangeKey=\"AQ==\"/><t:FolderClass>IPF.Note</t:FolderClass>\
        <t:DisplayName>Conversation History</t:DisplayName></t:Folder>";
    check(
        &get.write(&shape),
        &format!(
            "<m:GetFolderResponse><m:ResponseMessages>\
             <m:GetFolderResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>{element}</m:Folders></m:GetFolderResponseMessage>\
             <m:GetFolderResponseMessage ResponseClass=\"Error\"><m:MessageText>Not found.</m:MessageText>\
             <m:ResponseCode>ErrorFolderNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Folders/></m:GetFolderResponseMessage>\
             </m:ResponseMessages></m:GetFolderResponse>"
        ),
    );
    let find = FindFolderResponse { messages: vec![ResponseMessage::Success(Page::new(vec![folder], 0, 1))] };
    check(
        &find.write(&shape),
        &format!(
            "<m:FindFolderResponse><m:ResponseMessages>\
             <m:FindFolderResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:RootFolder TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\"><t:Folders>{element}</t:Folders></m:RootFolder>\
             </m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse>"
        ),
    );
}

#[test]
fn the_probe_of_exchangelib_is_answered() {
    let text = request(
        "<m:ConvertId DestinationFormat='EwsId'><m:SourceIds>\
         <t:AlternateId Id='DUMMY' Format='EwsId' Mailbox='DUMMY'/></m:SourceIds></m:ConvertId>",
    );
    let Request::ConvertId(convert) = read(&text) else {
        panic!("ConvertId");
    };
    assert_eq!(convert.ids[0].mailbox, "DUMMY");
    let response = ConvertIdResponse {
        messages: vec![ResponseMessage::error(ResponseCode::ErrorInvalidIdMalformed, "Id is malformed.")],
    };
    check(
        &response.write(),
        "<m:ConvertIdResponse><m:ResponseMessages><m:ConvertIdResponseMessage ResponseClass=\"Error\">\
         <m:MessageText>Id is malformed.</m:MessageText><m:ResponseCode>ErrorInvalidIdMalformed</m:ResponseCode>\
         <m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:ConvertIdResponseMessage></m:ResponseMessages></m:ConvertIdResponse>",
    );
}

#[test]
fn faults_are_written() {
    let header = RESPONSE
        .replace(" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"", "")
        .replace(" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>", "><s:Header>");
    let code = |code: &str| {
        format!("<faultcode xmlns:q=\"http://schemas.microsoft.com/exchange/services/2006/types\">q:{code}</faultcode>")
    };
    let mut fault = Fault::new(ResponseCode::ErrorSchemaValidation, "The request failed schema validation.");
    fault.line = Some(7);
    fault.position = Some(22);
    fault.violation = Some("`a` & `b`".to_owned());
    assert_eq!(
        fault.write(Service::Ews),
        format!(
            "{header}<s:Fault>{}\
             <faultstring xml:lang=\"en-US\">The request failed schema validation. `a` &amp; `b`</faultstring><detail>\
             <e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">ErrorSchemaValidation</e:ResponseCode>\
             <e:Message xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">The request failed schema validation.</e:Message>\
             <t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             <t:LineNumber>7</t:LineNumber><t:LinePosition>22</t:LinePosition><t:Violation>`a` &amp; `b`</t:Violation></t:MessageXml>\
             </detail></s:Fault></s:Body></s:Envelope>",
            code("ErrorSchemaValidation")
        )
    );
    let busy = Fault::busy(1500).write(Service::Ews);
    assert!(busy.starts_with("<?xml"));
    assert!(busy.contains(
        "<t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
         <t:Value Name=\"BackOffMilliseconds\">1500</t:Value></t:MessageXml>"
    ));
    let reply = DeleteItemResponse::parse(busy.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    assert_eq!(reply, Reply::Fault(Fault::busy(1500)));
    let autodiscover = Fault::busy(1).write(Service::Autodiscover);
    assert!(autodiscover.contains("<h:MajorVersion>15</h:MajorVersion>"));
}

#[test]
fn all_kinds_of_items_are_read_by_a_client() {
    let text = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
        xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages' \
        xmlns:t='http://schemas.microsoft.com/exchange/services/2006/types'><s:Body>\
        <m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass='Success'>\
        <m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView='2' IncludesLastItemInRange='1'>\
        <t:Items><t:CalendarItem><t:ItemId Id='a'/><t:Start>x</t:Start></t:CalendarItem>\
        <t:Message><t:ItemId Id='b'/></t:Message></t:Items></m:RootFolder></m:FindItemResponseMessage>\
        </m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>";
    let reply = FindItemResponse::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    let mut response = reply.answer().unwrap();
    let page = response.messages.remove(0).into_result().unwrap();
    assert!(page.includes_last);
    let ids: Vec<_> = page.entries.into_iter().filter_map(|item| item.item_id).collect();
    assert_eq!(ids, [ItemId::new("a"), ItemId::new("b")]);
}
