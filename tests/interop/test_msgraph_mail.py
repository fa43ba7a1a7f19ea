"""The Graph SDK for Python files mail, and exchangelib finds the same items over EWS."""

from __future__ import annotations

import base64
import datetime
import uuid
from collections.abc import Iterator
from typing import Any

import exchangelib
import pytest
from exchangelib import (
    IMPERSONATION,
    OAUTH2,
    UTC,
    Account,
    Configuration,
    FileAttachment,
    HTMLBody,
    Message,
)
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.protocol import BaseProtocol
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.file_attachment import FileAttachment as GraphFile
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.mail_folder import MailFolder
from msgraph.generated.models.message import Message as GraphMessage
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.single_value_legacy_extended_property import (
    SingleValueLegacyExtendedProperty as Single,
)
from msgraph.generated.users.item.mail_folders.item.messages.messages_request_builder import (
    MessagesRequestBuilder,
)
from msgraph.generated.users.item.messages.item.message_item_request_builder import (
    MessageItemRequestBuilder,
)
from msgraph.generated.users.item.messages.item.move.move_post_request_body import (
    MovePostRequestBody,
)
from msgraph.graph_service_client import GraphServiceClient

from credentials import Credential
from graph import issued, refused, run
from lab import Lab
from transport import REQUEST_SECONDS, Session

KEY = "String {00020329-0000-0000-C000-000000000046} Name InteropGraphKey"
CONVERSATION = "IPM.Note.Microsoft.Conversation"
HTML = "<p>10:02 Omar: lunch?</p>"
TIME = datetime.datetime(2026, 11, 20, 10, 2, tzinfo=datetime.UTC)


class GraphKey(ExtendedProperty):  # type: ignore[misc]
    """A named property, by which a message is found again."""

    distinguished_property_set_id = "PublicStrings"
    property_name = "InteropGraphKey"
    property_type = "String"


@pytest.fixture(scope="module", autouse=True)
def exchangelib_in_the_lab(lab: Lab) -> Iterator[None]:
    """Has exchangelib trust the lab's authority and know our property."""
    Message.register("graph_key", GraphKey)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", lab.ca_pem)
        patch.setattr(BaseProtocol, "TIMEOUT", REQUEST_SECONDS)
        yield
    Message.deregister("graph_key")
    exchangelib.close_connections()


@pytest.fixture(scope="module")
def box(lab: Lab) -> Account:
    """The mailbox over EWS."""
    credentials = OAuth2AuthorizationCodeCredentials(
        access_token={"access_token": issued(lab, lab.scope), "token_type": "Bearer"}
    )
    configuration = Configuration(
        service_endpoint=lab.ews_url, credentials=credentials, auth_type=OAUTH2
    )
    return Account(
        primary_smtp_address=lab.mailbox,
        config=configuration,
        autodiscover=False,
        access_type=IMPERSONATION,
        default_timezone=UTC,
        locale="en_US",
    )


def ews_id(graph_id: str | None) -> str:
    assert graph_id
    return graph_id.replace("-", "/").replace("_", "+")


def conversation(subject: str, key: str) -> GraphMessage:
    return GraphMessage(
        subject=subject,
        body=ItemBody(content_type=BodyType.Html, content=HTML),
        from_=Recipient(
            email_address=EmailAddress(name="Omar", address="omar@fabrikam.example")
        ),
        to_recipients=[Recipient(email_address=EmailAddress(address="adele@fabrikam.example"))],
        single_value_extended_properties=[
            Single(id="String 0x001A", value=CONVERSATION),
            Single(id="Integer 0x0E07", value="1"),
            Single(id="SystemTime 0x0E06", value="2026-11-20T10:02:00Z"),
            Single(id="SystemTime 0x0039", value="2026-11-20T10:02:00Z"),
            Single(id=KEY, value=key),
        ],
    )


def having(key: str) -> str:
    return f"singleValueExtendedProperties/any(ep: ep/id eq '{KEY}' and ep/value eq '{key}')"


def listing(**options: Any) -> RequestConfiguration[Any]:
    query = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters
    return RequestConfiguration(query_parameters=query(**options))


def expanding(*expand: str) -> RequestConfiguration[Any]:
    query = MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters
    return RequestConfiguration(query_parameters=query(expand=[*expand]))


@pytest.mark.parametrize("folder", ["conversationhistory", "inbox"])
def test_a_conversation_is_filed_found_and_deleted(lab: Lab, box: Account, folder: str) -> None:
    key = uuid.uuid4().hex
    subject = f"Conversation about <tea> & Zoë's cake {key}"
    over_ews = {"conversationhistory": box.conversation_history, "inbox": box.inbox}[folder]

    async def file(graph: GraphServiceClient) -> str:
        messages = (
            graph.users.by_user_id(lab.mailbox).mail_folders.by_mail_folder_id(folder).messages
        )
        made = await messages.post(conversation(subject, key))
        assert made is not None and made.id and made.change_key
        found = await messages.get(listing(filter=having(key), select=["id", "subject"]))
        assert found is not None and found.value is not None
        assert [message.id for message in found.value] == [made.id]
        assert [message.body for message in found.value] == [None]
        nothing = await messages.get(listing(filter=having(f"{key}0")))
        assert nothing is not None and nothing.value == []

        own = graph.users.by_user_id(lab.mailbox).messages.by_message_id(made.id)
        expand = f"singleValueExtendedProperties($filter=id eq '{KEY}')"
        read = await own.get(expanding(expand))
        assert read is not None and read.body is not None
        assert (read.subject, read.body.content) == (subject, HTML)
        assert (read.is_draft, read.is_read) == (False, True)
        assert read.received_date_time == read.sent_date_time == TIME
        assert read.single_value_extended_properties is not None
        assert [one.value for one in read.single_value_extended_properties] == [key]

        await own.attachments.post(
            GraphFile(
                odata_type="#microsoft.graph.fileAttachment",
                name="menu.txt",
                content_type="text/plain",
                content_bytes=b"soup",
            )
        )
        files = await own.attachments.get()
        assert files is not None and files.value is not None
        (attached,) = files.value
        assert isinstance(attached, GraphFile)
        assert (attached.name, attached.content_bytes) == ("menu.txt", b"soup")
        return made.id

    message_id = run(lab, file)
    (item,) = over_ews.filter(graph_key=key)
    assert item.id == ews_id(message_id)
    assert (item.subject, item.body) == (subject, HTMLBody(HTML))
    assert (item.item_class, item.graph_key) == (CONVERSATION, key)
    assert (item.is_draft, item.is_read) == (False, True)
    assert item.datetime_received == TIME
    assert item.author.email_address == "omar@fabrikam.example"
    assert [file.content for file in item.attachments] == [b"soup"]

    async def delete(graph: GraphServiceClient) -> None:
        await graph.users.by_user_id(lab.mailbox).messages.by_message_id(message_id).delete()

    run(lab, delete)
    assert list(over_ews.filter(graph_key=key)) == []
    (deleted,) = box.trash.filter(graph_key=key)
    assert deleted.id == item.id
    deleted.delete()


def test_what_exchangelib_wrote_is_read_changed_and_moved(lab: Lab, box: Account) -> None:
    key = uuid.uuid4().hex
    written = Message(
        account=box,
        folder=box.inbox,
        subject="written over EWS",
        body=HTMLBody(HTML),
        to_recipients=[lab.mailbox],
        graph_key=key,
    )
    written.attach(FileAttachment(name="menu.txt", content=b"soup"))
    written.save()

    async def work(graph: GraphServiceClient) -> str:
        user = graph.users.by_user_id(lab.mailbox)
        folder = await user.mail_folders.by_mail_folder_id("inbox").child_folders.post(
            MailFolder(display_name=f"Projects {key}")
        )
        assert folder is not None and folder.id
        found = await user.messages.get(RequestConfiguration(query_parameters=None))
        assert found is not None and found.value is not None
        (message,) = [one for one in found.value if one.subject == "written over EWS"]
        assert message.id and message.has_attachments is True
        assert ews_id(message.id) == written.id
        own = user.messages.by_message_id(message.id)
        changed = await own.patch(GraphMessage(subject="changed over Graph", is_read=True))
        assert changed is not None and changed.subject == "changed over Graph"
        moved = await own.move.post(MovePostRequestBody(destination_id=folder.id))
        assert moved is not None and moved.parent_folder_id == folder.id
        return folder.id

    folder_id = run(lab, work)
    (folder,) = [one for one in box.inbox.children if one.id == ews_id(folder_id)]
    (item,) = folder.filter(graph_key=key)
    assert (item.subject, item.is_read) == ("changed over Graph", True)
    assert [file.content for file in item.attachments] == [b"soup"]

    async def remove(graph: GraphServiceClient) -> None:
        folders = graph.users.by_user_id(lab.mailbox).mail_folders
        await folders.by_mail_folder_id(folder_id).delete()

    run(lab, remove)


def test_a_list_comes_in_pages(lab: Lab) -> None:
    key = uuid.uuid4().hex

    async def work(graph: GraphServiceClient) -> list[str | None]:
        messages = (
            graph.users.by_user_id(lab.mailbox2)
            .mail_folders.by_mail_folder_id("inbox")
            .messages
        )
        for number in range(5):
            await messages.post(conversation(f"{number}", key))
        page = await messages.get(
            listing(filter=having(key), orderby=["subject desc"], top=2, count=True)
        )
        assert page is not None and page.odata_count == 5
        seen: list[str | None] = []
        while True:
            assert page is not None and page.value is not None
            seen += [message.subject for message in page.value]
            if not page.odata_next_link:
                return seen
            page = await messages.with_url(page.odata_next_link).get()

    assert run(lab, work) == ["4", "3", "2", "1", "0"]


def test_a_mime_stream_is_a_draft(lab: Lab, session: Session) -> None:
    stream = b"From: omar@fabrikam.example\r\nSubject: =?utf-8?Q?Zo=C3=AB?=\r\n\r\nhello\r\n"
    headers = {"Authorization": f"Bearer {issued(lab, f'{lab.base_url}/.default')}"}
    place = f"{lab.graph_url}/users/{lab.mailbox}/messages"
    made = session.post(
        place,
        data=base64.b64encode(stream),
        headers={**headers, "Content-Type": "text/plain"},
    )
    assert made.status_code == 201, made.text
    assert (made.json()["subject"], made.json()["isDraft"]) == ("Zoë", True)
    read = session.get(f"{place}/{made.json()['id']}/$value", headers=headers)
    assert (read.status_code, read.content) == (200, stream)


def test_mail_goes_in_batches(lab: Lab, session: Session) -> None:
    place = f"/users/{lab.mailbox}/mailFolders/inbox"
    requests = [
        {
            "id": "1",
            "method": "POST",
            "url": f"{place}/messages",
            "headers": {"Content-Type": "application/json"},
            "body": {"subject": "in a batch"},
        },
        {"id": "2", "method": "GET", "url": place, "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/organization"},
        {"id": "4", "method": "GET", "url": f"/users/{lab.mailbox_t2}/messages"},
    ]
    token = issued(lab, f"{lab.base_url}/.default")
    answer = session.post(
        f"{lab.graph_url}/$batch",
        json={"requests": requests},
        headers={"Authorization": f"Bearer {token}"},
    ).json()["responses"]
    assert [one["status"] for one in answer] == [201, 200, 200, 404]
    assert answer[0]["body"]["subject"] == "in a batch"
    assert answer[1]["body"]["totalItemCount"] >= 1
    assert answer[3]["body"]["error"]["code"] == "ErrorInvalidUser"


def test_the_document_tells_of_mail_too(lab: Lab, session: Session) -> None:
    paths = session.get(f"{lab.graph_url}/openapi.json").json()["paths"]
    assert "/users/{userId}/mailFolders/{folderId}/messages" in paths
    assert "/servicePrincipals" in paths


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        ("nobody@fabrikam.example", (404, "ErrorInvalidUser")),
        ("{mailbox_t2}", (404, "ErrorInvalidUser")),
    ],
)
def test_nobody_is_told_from_the_user_of_another_tenant(
    lab: Lab, mailbox: str, expected: tuple[int, str]
) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await graph.users.by_user_id(mailbox.format(mailbox_t2=lab.mailbox_t2)).messages.get()

    assert refused(lab, work) == expected


def test_the_other_tenant_has_its_own_mailboxes(lab: Lab) -> None:
    other = Credential.read(lab.key2_pem, lab.cert2_pem)
    options: dict[str, Any] = {"tenant": lab.tenant2, "client_id": lab.client2_id}

    async def own(graph: GraphServiceClient) -> Any:
        return await graph.users.by_user_id(lab.mailbox_t2).messages.get()

    async def foreign(graph: GraphServiceClient) -> None:
        await graph.users.by_user_id(lab.mailbox).messages.get()

    assert run(lab, own, other, **options).value == []
    assert refused(lab, foreign, credential=other, **options) == (404, "ErrorInvalidUser")


def test_a_token_for_exchange_opens_nothing_at_graph(lab: Lab, session: Session) -> None:
    answer = session.get(
        f"{lab.graph_url}/users/{lab.mailbox}/messages",
        headers={"Authorization": f"Bearer {issued(lab, lab.scope)}"},
    )
    # In a lab the two are one host; the permission is Exchange's all the same.
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")
