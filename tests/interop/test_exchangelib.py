"""exchangelib works on mailboxes with tokens that MSAL got."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import exchangelib
import msal
import pytest
from exchangelib import IMPERSONATION, OAUTH2, UTC, Account, Configuration, HTMLBody, Message
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorImpersonationDenied,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    UnauthorizedError,
)
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.protocol import BaseProtocol

from credentials import Credential
from lab import Lab
from transport import REQUEST_SECONDS

CONVERSATION = "IPM.Note.Microsoft.Conversation"
NO_RIGHT = (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorImpersonationDenied,
    ErrorNonExistentMailbox,
    UnauthorizedError,
)


class MessageClass(ExtendedProperty):  # type: ignore[misc]
    """The class of an item, which exchangelib can set in this way only."""

    property_tag = 0x001A
    property_type = "String"


class MessageFlags(ExtendedProperty):  # type: ignore[misc]
    """1 says that the message is read and is no draft."""

    property_tag = 0x0E07
    property_type = "Integer"


class DeliveryKey(ExtendedProperty):  # type: ignore[misc]
    """A named property, by which a message is found again."""

    distinguished_property_set_id = "PublicStrings"
    property_name = "InteropDeliveryKey"
    property_type = "String"


@pytest.fixture(scope="module", autouse=True)
def exchangelib_in_the_lab(lab: Lab) -> Iterator[None]:
    """Has exchangelib trust the lab's authority and know our properties."""
    properties = {
        "message_class": MessageClass,
        "message_flags": MessageFlags,
        "delivery_key": DeliveryKey,
    }
    for name, kind in properties.items():
        Message.register(name, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", lab.ca_pem)
        patch.setattr(BaseProtocol, "TIMEOUT", REQUEST_SECONDS)
        yield
    for name in properties:
        Message.deregister(name)


@pytest.fixture(autouse=True)
def no_connection_is_left() -> Iterator[None]:
    yield
    exchangelib.close_connections()


def issued(lab: Lab, tenant: str, client_id: str, credential: Credential) -> str:
    application = msal.ConfidentialClientApplication(
        client_id,
        client_credential={
            "private_key": credential.key,
            "public_certificate": credential.certificate,
        },
        authority=f"{lab.base_url}/{tenant}",
        instance_discovery=False,
        verify=lab.ca_pem,
        timeout=REQUEST_SECONDS,
    )
    answer = application.acquire_token_for_client([lab.scope])
    assert "access_token" in answer, answer
    return str(answer["access_token"])


@pytest.fixture(scope="module")
def token(lab: Lab) -> str:
    credential = Credential.read(lab.key_pem, lab.cert_pem)
    return issued(lab, lab.tenant, lab.client_id, credential)


@pytest.fixture(scope="module")
def token2(lab: Lab) -> str:
    """A token of the second tenant's application."""
    credential = Credential.read(lab.key2_pem, lab.cert2_pem)
    return issued(lab, lab.tenant2, lab.client2_id, credential)


def configuration(url: str, access_token: str) -> Configuration:
    credentials = OAuth2AuthorizationCodeCredentials(
        access_token={"access_token": access_token, "token_type": "Bearer"}
    )
    return Configuration(service_endpoint=url, credentials=credentials, auth_type=OAUTH2)


def account(lab: Lab, mailbox: str, access_token: str) -> Account:
    return Account(
        primary_smtp_address=mailbox,
        config=configuration(lab.ews_url, access_token),
        autodiscover=False,
        access_type=IMPERSONATION,
        default_timezone=UTC,
        locale="en_US",
    )


FOLDERS = ["inbox", "conversation_history"]


@pytest.mark.parametrize("folder_name", FOLDERS)
def test_a_message_is_written_found_read_and_deleted(
    lab: Lab, token: str, folder_name: str
) -> None:
    box = account(lab, lab.mailbox, token)
    folder = getattr(box, folder_name)
    before = folder.all().count()
    key = uuid.uuid4().hex
    subject = f"Conversation about <tea> & Zoë's cake {key}"
    written = Message(
        account=box,
        folder=folder,
        subject=subject,
        body=HTMLBody("<p>10:02 Omar: lunch?</p>"),
        to_recipients=[lab.mailbox],
        message_class=CONVERSATION,
        message_flags=1,
        delivery_key=key,
    )
    written.save()
    assert written.id and written.changekey
    assert folder.all().count() == before + 1

    (by_subject,) = folder.filter(subject=subject)
    assert by_subject.id == written.id
    (by_property,) = folder.filter(delivery_key=key)
    assert by_property.id == written.id
    assert list(folder.filter(delivery_key=f"{key}0")) == []

    read = folder.get(id=written.id)
    assert read.subject == subject
    assert read.body == HTMLBody("<p>10:02 Omar: lunch?</p>")
    assert read.message_class == read.item_class == CONVERSATION
    assert read.delivery_key == key
    assert read.is_draft is False
    assert [person.email_address for person in read.to_recipients] == [lab.mailbox]

    read.delete()
    assert folder.all().count() == before
    # Depending on the call, exchangelib raises the error or hands it back.
    assert list(folder.filter(delivery_key=key)) == []
    (gone,) = box.fetch([(written.id, written.changekey)])
    assert isinstance(gone, ErrorItemNotFound)


def test_the_application_works_in_every_mailbox_of_its_tenant(lab: Lab, token: str) -> None:
    key = uuid.uuid4().hex
    box = account(lab, lab.mailbox2, token)
    written = Message(account=box, folder=box.inbox, subject="second", delivery_key=key)
    written.save()
    assert box.inbox.filter(delivery_key=key).count() == 1
    own = account(lab, lab.mailbox, token)
    assert own.inbox.filter(delivery_key=key).count() == 0
    written.delete()


def test_the_folder_is_called_by_its_name_in_a_walk(lab: Lab, token: str) -> None:
    box = account(lab, lab.mailbox, token)
    names = {folder.name for folder in box.msg_folder_root.walk()}
    assert box.inbox.name in names
    assert box.conversation_history.name in names


def test_autodiscover_names_the_address_of_ews(lab: Lab, token: str) -> None:
    protocol = AutodiscoverProtocol(config=configuration(lab.autodiscover_url, token))
    found: Any = protocol.get_user_settings(user=lab.mailbox)
    assert found.ews_url == lab.ews_url
    assert found.autodiscover_smtp_address == lab.mailbox


def test_the_second_tenant_works_in_its_own_mailbox(lab: Lab, token2: str) -> None:
    count = account(lab, lab.mailbox_t2, token2).inbox.all().count()
    assert isinstance(count, int)


def test_a_token_of_another_tenant_is_refused(lab: Lab, token2: str) -> None:
    with pytest.raises(NO_RIGHT):
        account(lab, lab.mailbox, token2).inbox.all().count()


def test_a_mailbox_of_another_tenant_is_refused(lab: Lab, token: str) -> None:
    with pytest.raises(NO_RIGHT):
        account(lab, lab.mailbox_t2, token).inbox.all().count()


@pytest.mark.parametrize("bad", ["garbage", "a.b.c", "e30.e30."])
def test_what_is_no_token_is_refused(lab: Lab, bad: str) -> None:
    with pytest.raises(UnauthorizedError):
        account(lab, lab.mailbox, bad).inbox.all().count()


def test_a_token_with_another_signature_is_refused(lab: Lab, token: str) -> None:
    head, _, signature = token.rpartition(".")
    changed = head + "." + ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(UnauthorizedError):
        account(lab, lab.mailbox, changed).inbox.all().count()


def test_an_unknown_mailbox_is_refused(lab: Lab, token: str) -> None:
    unknown = f"nobody-{uuid.uuid4().hex}@{lab.mailbox.partition('@')[2]}"
    with pytest.raises(ErrorNonExistentMailbox):
        account(lab, unknown, token).inbox.all().count()
