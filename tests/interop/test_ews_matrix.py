"""exchangelib's whole day at a mailbox, with each kind of token."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from exchangelib import (
    DELEGATE,
    IMPERSONATION,
    OAUTH2,
    UTC,
    Account,
    Configuration,
    FileAttachment,
    Identity,
    ItemAttachment,
    Message,
    OAuth2Credentials,
    Q,
)
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import ErrorItemNotFound
from exchangelib.folders import Messages

import s2s
from credentials import Credential
from lab import Lab
from test_exchangelib import (  # noqa: F401
    exchangelib_in_the_lab,
    no_connection_is_left,
    token,
)
from transport import Session

Credentials = OAuth2Credentials | OAuth2AuthorizationCodeCredentials


def given(access_token: str) -> Credentials:
    return OAuth2AuthorizationCodeCredentials(
        access_token={"access_token": access_token, "token_type": "Bearer"}
    )


def a_given_token(lab: Lab, session: Session, own: Credential, ready: str) -> Credentials:
    return given(ready)


def client_credentials(lab: Lab, session: Session, own: Credential, ready: str) -> Credentials:
    """exchangelib asks the token endpoint by itself."""

    class LabCredentials(OAuth2Credentials):  # type: ignore[misc]
        token_url = lab.token_url
        scope = [lab.scope]

    return LabCredentials(
        client_id=lab.client_id,
        client_secret=lab.client_secret,
        tenant_id=lab.tenant,
        identity=Identity(primary_smtp_address=lab.mailbox),
    )


def act_as(lab: Lab, session: Session, own: Credential, ready: str) -> Credentials:
    """The protocol's own token of a user: an envelope around the actor's."""
    sts = s2s.Sts.read(lab, session)
    answer = sts.ask(session, s2s.signed(sts.assertion(lab), own), s2s.resource(lab))
    assert answer.status_code == 200, answer.text
    return given(s2s.act_as(lab, answer.json()["access_token"], lab.mailbox))


def exchanged(lab: Lab, session: Session, own: Credential, ready: str) -> Credentials:
    """A token of a user that the token service signed (RFC 8693)."""
    return given(s2s.exchanged(lab, session, lab.resource))


Kind = Callable[[Lab, Session, Credential, str], Credentials]
KINDS: list[tuple[Kind, str]] = [
    (a_given_token, IMPERSONATION),
    (client_credentials, IMPERSONATION),
    (act_as, DELEGATE),
    (exchanged, DELEGATE),
]


@pytest.mark.parametrize(
    ("kind", "access_type"), KINDS, ids=[kind.__name__ for kind, _ in KINDS]
)
def test_a_day_at_a_mailbox(
    lab: Lab,
    session: Session,
    own: Credential,
    token: str,  # noqa: F811
    kind: Kind,
    access_type: str,
) -> None:
    credentials = kind(lab, session, own, token)

    def at(url: str) -> Configuration:
        return Configuration(service_endpoint=url, credentials=credentials, auth_type=OAUTH2)

    # Discovery by address.
    discovery = AutodiscoverProtocol(config=at(lab.autodiscover_url))
    found: Any = discovery.get_user_settings(user=lab.mailbox)
    assert found.autodiscover_smtp_address == lab.mailbox
    box = Account(
        primary_smtp_address=lab.mailbox,
        config=at(found.ews_url),
        autodiscover=False,
        access_type=access_type,
        default_timezone=UTC,
        locale="en_US",
    )

    # Folders.
    folder = Messages(parent=box.inbox, name=f"Day {uuid.uuid4().hex}")
    folder.save()
    other = Messages(parent=folder, name="Other")
    other.save()
    assert {child.name for child in folder.children} == {"Other"}

    # Created with a file and an item.
    content = bytes(range(256)) * 3000
    begin = datetime(2026, 11, 20, 10, tzinfo=UTC)
    key = uuid.uuid4().hex
    for number in range(7):
        message = Message(
            account=box,
            folder=folder,
            subject=f"Note {number} of {'tea' if number % 2 else 'cake'}",
            body=f"body {number}",
            to_recipients=[lab.mailbox],
            delivery_key=f"{key}-{number}",
            message_flags=1,
        )
        if number == 3:
            message.attach(FileAttachment(name="file.bin", content=content))
            inner = Message(account=box, folder=folder, subject="inner", body="inside")
            inner.attach(FileAttachment(name="inner.txt", content=b"in an item"))
            message.attach(ItemAttachment(name="inner", item=inner))
        message.save()

    # Found by several filters, and in pages.
    def subjects(query: Any) -> list[str]:
        return sorted(str(item.subject) for item in query)

    tea = [f"Note {number} of tea" for number in (1, 3, 5)]
    assert subjects(folder.filter(subject__icontains="TEA")) == tea
    assert subjects(folder.filter(delivery_key=f"{key}-3")) == ["Note 3 of tea"]
    either = Q(subject__startswith="Note 1") | Q(has_attachments=True)
    assert subjects(folder.filter(either)) == ["Note 1 of tea", "Note 3 of tea"]
    recent = folder.filter(datetime_received__gt=begin - timedelta(days=36500))
    assert recent.count() == 7
    paged = folder.all().order_by("-subject").only("subject")
    paged.page_size = 3
    assert [str(item.subject) for item in paged] == sorted(subjects(folder.all()), reverse=True)

    # Read.
    read = folder.get(delivery_key=f"{key}-3")
    assert read.body == "body 3"
    # exchangelib tells them by their kind.
    item, file = sorted(read.attachments, key=lambda one: isinstance(one, FileAttachment))
    assert (file.name, file.content) == ("file.bin", content)
    assert isinstance(item, ItemAttachment)
    assert (item.item.subject, item.item.body) == ("inner", "inside")
    assert [(one.name, one.content) for one in item.item.attachments] == [
        ("inner.txt", b"in an item")
    ]

    # Synchronised: what there is, then what changes.
    first = list(folder.sync_items())
    assert [change for change, _ in first] == ["create"] * 7

    # Updated, moved, deleted.
    read.subject = "changed"
    read.save(update_fields=["subject"])
    moved = folder.get(subject="Note 1 of tea")
    moved.move(to_folder=other)
    gone = folder.get(subject="Note 5 of tea")
    gone_id = (gone.id, gone.changekey)
    gone.delete()
    changes = sorted(change for change, _ in folder.sync_items())
    assert changes == ["delete", "delete", "update"]
    assert subjects(other.all()) == ["Note 1 of tea"]
    (missing,) = box.fetch([gone_id])
    assert isinstance(missing, ErrorItemNotFound)
    assert folder.get(subject="changed").delivery_key == f"{key}-3"
    folder.delete()
