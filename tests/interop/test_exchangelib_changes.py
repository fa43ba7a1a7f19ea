"""exchangelib changes mailboxes: items, files, folders; and is told what changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from exchangelib import UTC, Account, FileAttachment, HTMLBody, Mailbox, Message, Q
from exchangelib.errors import (
    ErrorChangeKeyRequiredForWriteOperations,
    ErrorDeleteDistinguishedFolder,
    ErrorFolderExists,
    ErrorFolderNotFound,
    ErrorInvalidIdMalformed,
    ErrorInvalidSyncStateData,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorMoveDistinguishedFolder,
    ErrorNameResolutionNoResults,
    ErrorSubscriptionNotFound,
)
from exchangelib.folders import Folder, Messages
from exchangelib.items import ALWAYS_OVERWRITE, NEVER_OVERWRITE
from exchangelib.properties import (
    AlternateId,
    CreatedEvent,
    DeletedEvent,
    ItemId,
    ModifiedEvent,
    Notification,
)
from exchangelib.services import ConvertId

from lab import Lab
from test_exchangelib import (  # noqa: F401
    account,
    exchangelib_in_the_lab,
    no_connection_is_left,
    token,
)


@pytest.fixture
def box(lab: Lab, token: str) -> Account:  # noqa: F811
    return account(lab, lab.mailbox, token)


@pytest.fixture
def folder(box: Account) -> Iterator[Any]:
    """A folder of a test's own."""
    made = Messages(parent=box.inbox, name=f"Case {uuid.uuid4().hex}")
    made.save()
    yield made
    if made.id:
        made.delete()


def written(folder: Any, **fields: Any) -> Message:
    message = Message(account=folder.account, folder=folder, **{"subject": "one", **fields})
    message.save()
    return message


# === items ===


def test_a_message_is_changed(box: Account, folder: Any) -> None:
    message = written(folder, body=HTMLBody("<p>a</p>"), categories=["red"])
    old_key = message.changekey
    message.subject = "Zoë & <two>"
    message.body = HTMLBody("<p>b &amp; c</p>")
    message.categories = ["blue", "green"]
    message.importance = "High"
    message.to_recipients = [Mailbox(name="Omar", email_address="omar@x.example")]
    message.delivery_key = "key"
    message.save(
        update_fields=[
            "subject",
            "body",
            "categories",
            "importance",
            "to_recipients",
            "delivery_key",
        ]
    )
    assert message.changekey != old_key
    read = folder.get(id=message.id)
    assert (read.subject, read.body) == ("Zoë & <two>", HTMLBody("<p>b &amp; c</p>"))
    assert (read.categories, read.importance) == (["blue", "green"], "High")
    assert [person.email_address for person in read.to_recipients] == ["omar@x.example"]
    assert read.changekey == message.changekey
    (found,) = folder.filter(delivery_key="key")
    assert found.id == message.id

    message.delivery_key = None
    message.categories = None
    message.save(update_fields=["delivery_key", "categories"])
    assert list(folder.filter(delivery_key="key")) == []
    assert folder.get(id=message.id).categories is None


def test_everything_is_saved_at_once(folder: Any) -> None:
    message = written(folder)
    read = folder.get(id=message.id)
    read.subject = "whole"
    read.save()
    assert folder.get(id=message.id).subject == "whole"


def test_the_read_flag_is_counted(folder: Any) -> None:
    message = written(folder)
    folder.refresh()
    assert (folder.total_count, folder.unread_count) == (1, 1)
    message.is_read = True
    message.save(update_fields=["is_read"])
    folder.refresh()
    assert (folder.total_count, folder.unread_count) == (1, 0)
    message.delete()
    folder.refresh()
    assert (folder.total_count, folder.unread_count) == (0, 0)


def test_two_writers_of_one_item(box: Account, folder: Any) -> None:
    first = written(folder)
    second = folder.get(id=first.id)
    third = folder.get(id=first.id)
    first.subject = "first"
    first.save(update_fields=["subject"])

    second.subject = "second"
    for resolution in (NEVER_OVERWRITE, "AutoResolve"):
        with pytest.raises(ErrorIrresolvableConflict):
            second.save(update_fields=["subject"], conflict_resolution=resolution)
    # What the other did not change is no conflict.
    third.importance = "Low"
    third.save(update_fields=["importance"])
    second.save(update_fields=["subject"], conflict_resolution=ALWAYS_OVERWRITE)
    read = folder.get(id=first.id)
    assert (read.subject, read.importance) == ("second", "Low")

    first.changekey = None
    with pytest.raises((ErrorChangeKeyRequiredForWriteOperations, ValueError)):
        first.save(update_fields=["subject"])


def test_messages_are_moved_and_copied(box: Account, folder: Any) -> None:
    message = written(folder, delivery_key="moves")
    copied_id, _ = message.copy(to_folder=box.drafts) or (None, None)
    assert box.drafts.filter(delivery_key="moves").count() == 1
    message.move(to_folder=box.conversation_history)
    assert folder.all().count() == 0
    (moved,) = box.conversation_history.filter(delivery_key="moves")
    assert (moved.id, moved.changekey) == (message.id, message.changekey)
    message.move_to_trash()
    (thrown,) = box.trash.filter(delivery_key="moves")
    thrown.delete()
    for copied in box.drafts.filter(delivery_key="moves"):
        assert copied_id in (None, copied.id)
        copied.delete()


def test_many_are_changed_in_one_request(box: Account, folder: Any) -> None:
    messages = [Message(account=box, folder=folder, subject=f"m{n}") for n in range(25)]
    ids = box.bulk_create(folder=folder, items=messages)
    assert len(ids) == 25
    items = list(folder.all())
    for item in items:
        item.subject = f"changed {item.subject}"
    updated = box.bulk_update([(item, ["subject"]) for item in items])
    assert len(updated) == 25
    assert folder.filter(subject__startswith="changed m").count() == 25
    results = box.bulk_delete(updated[:10])
    assert results == [True] * 10
    assert folder.all().count() == 15
    gone = list(box.bulk_delete(updated[:1]))
    assert isinstance(gone[0], ErrorItemNotFound)


# === searches ===


def test_searches(folder: Any) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(7):
        written(
            folder,
            subject=f"Case {number} {'tea' if number % 2 else 'Coffee'}",
            importance="High" if number < 2 else "Normal",
            is_read=number > 4,
        )
    count = folder.filter
    assert count(subject="Case 3 tea").count() == 1
    assert count(subject__contains="offee").count() == 4
    assert count(subject__icontains="coffee").count() == 4
    assert count(subject__iexact="case 1 TEA").count() == 1
    assert count(subject__startswith="Case").count() == 7
    assert count(importance="High").count() == 2
    assert count(is_read=False).count() == 5
    assert count(subject__in=["Case 1 tea", "Case 2 Coffee", "x"]).count() == 2
    assert count(Q(subject__contains="tea") | Q(importance="High")).count() == 4
    assert count(~Q(subject__contains="tea")).count() == 4
    assert count(subject__gt="Case 4", subject__lt="Case 6").count() == 2
    assert count(subject__exists=True).count() == 7
    assert count(datetime_received__gt=start).count() == 7
    assert count(datetime_received__range=(start, start + timedelta(days=1))).count() == 0
    assert folder.exclude(importance="High").count() == 5
    names = [item.subject for item in folder.all().order_by("-subject").only("subject")]
    assert names == sorted(names, reverse=True)
    assert [item.subject for item in folder.all().order_by("subject")[2:4]] == [
        "Case 2 Coffee",
        "Case 3 tea",
    ]
    assert (
        list(folder.all().order_by("subject").values_list("subject", flat=True))[0]
        == "Case 0 Coffee"
    )


def test_pages(box: Account, folder: Any) -> None:
    messages = [Message(account=box, folder=folder, subject=f"{n:03}") for n in range(57)]
    box.bulk_create(folder=folder, items=messages)
    everything = folder.all().only("subject").order_by("subject")
    everything.page_size = 10
    assert [item.subject for item in everything] == [f"{n:03}" for n in range(57)]
    newest = folder.all().only("subject").order_by("-datetime_received")
    newest.page_size = 25
    assert sorted(item.subject for item in newest) == [f"{n:03}" for n in range(57)]


# === files ===


def test_files(folder: Any) -> None:
    content = bytes(range(256)) * 4000
    message = Message(account=folder.account, folder=folder, subject="files")
    message.attach(FileAttachment(name="Zoë & <1>.bin", content=content))
    message.save()
    assert message.attachments[0].attachment_id.id
    read = folder.get(id=message.id)
    assert read.has_attachments
    assert read.attachments[0].name == "Zoë & <1>.bin"
    assert read.attachments[0].content == content
    with read.attachments[0].fp as stream:
        assert stream.read() == content

    more = FileAttachment(
        name="more.txt", content=b"more", content_type="text/plain", is_inline=False
    )
    old_key = read.changekey
    read.attach(more)
    assert read.changekey != old_key
    again = folder.get(id=message.id)
    assert [file.name for file in again.attachments] == ["Zoë & <1>.bin", "more.txt"]
    again.detach(again.attachments[0])
    last = folder.get(id=message.id)
    assert [(file.name, file.content) for file in last.attachments] == [("more.txt", b"more")]
    last.detach(last.attachments[0])
    assert not folder.get(id=message.id).has_attachments
    last.subject = "still the newest version"
    last.save(update_fields=["subject"])


# === folders ===


def test_folders(box: Account, folder: Any) -> None:
    inner = Folder(parent=folder, name="Inner")
    inner.save()
    written(inner, subject="deep")
    with pytest.raises(ErrorFolderExists):
        Folder(parent=folder, name="inner").save()
    assert inner.folder_class == "IPF.Note" or inner.folder_class is None
    folder.root.clear_cache()
    found = box.inbox / folder.name / "Inner"
    assert found.id == inner.id
    assert found.folder_class == "IPF.Note"
    assert found.effective_rights.delete and found.effective_rights.create_contents
    assert found.all().count() == 1

    found.name = "Renamed"
    found.save(update_fields=["name"])
    folder.root.clear_cache()
    assert (box.inbox / folder.name / "Renamed").id == inner.id

    with pytest.raises(ErrorDeleteDistinguishedFolder):
        box.inbox.delete()
    assert not box.inbox.effective_rights.delete
    outer_id, inner_id = folder.id, found.id
    folder.delete()
    folder.id = None
    for gone in (outer_id, inner_id):
        with pytest.raises((ErrorFolderNotFound, ErrorItemNotFound)):
            Folder(root=box.root, id=gone).refresh()


def test_folders_are_moved_and_emptied(box: Account, folder: Any) -> None:
    inner = Folder(parent=folder, name="Inner")
    inner.save()
    for n in range(3):
        written(inner, subject=f"{n}")
    inner.move(to_folder=box.drafts)
    folder.root.clear_cache()
    moved = box.drafts / "Inner"
    assert moved.id == inner.id
    assert moved.all().count() == 3
    with pytest.raises(ErrorMoveDistinguishedFolder):
        box.drafts.move(to_folder=folder)

    before = box.trash.all().count()
    moved.empty(delete_type="MoveToDeletedItems")
    assert (moved.all().count(), box.trash.all().count()) == (0, before + 3)
    moved.move(to_folder=folder)
    written(folder, subject="outer")
    folder.wipe()
    folder.root.clear_cache()
    assert folder.all().count() == 0
    assert folder.child_folder_count == 0 or not list(folder.children)


# === what changed ===


def test_items_are_synchronised(box: Account, folder: Any) -> None:
    first, second = written(folder, subject="first"), written(folder, subject="second")
    changes = list(folder.sync_items())
    assert [(kind, item.subject) for kind, item in changes] == [
        ("create", "first"),
        ("create", "second"),
    ]
    assert list(folder.sync_items()) == []
    state = folder.item_sync_state

    first.is_read = True
    first.save(update_fields=["is_read"])
    second.subject = "changed"
    second.save(update_fields=["subject"])
    third = written(folder, subject="third")
    changes = list(folder.sync_items(only_fields=["subject"]))
    kinds = {kind for kind, _ in changes}
    assert kinds == {"read_flag_change", "update", "create"}
    (flag,) = [change for kind, change in changes if kind == "read_flag_change"]
    assert (flag[0].id, flag[1]) == (first.id, True)

    third.move(to_folder=box.drafts)
    second_id = second.id
    second.delete()
    changes = list(folder.sync_items())
    assert {(kind, item.id) for kind, item in changes} == {
        ("delete", second_id),
        ("delete", third.id),
    }
    third.delete()
    # An old state tells it all at once.
    kinds = sorted(kind for kind, _ in folder.sync_items(sync_state=state))
    assert kinds == ["delete", "delete", "read_flag_change"]
    with pytest.raises(ErrorInvalidSyncStateData):
        list(folder.sync_items(sync_state="AAAA"))


def test_items_are_synchronised_in_parts(box: Account, folder: Any) -> None:
    box.bulk_create(
        folder, [Message(account=box, folder=folder, subject=str(n)) for n in range(23)]
    )
    changes = list(folder.sync_items(max_changes_returned=5))
    assert len({item.id for _, item in changes}) == len(changes) == 23
    assert {kind for kind, _ in changes} == {"create"}


def test_folders_are_synchronised(box: Account) -> None:
    first = {
        folder.id for kind, folder in box.msg_folder_root.sync_hierarchy() if kind == "create"
    }
    assert box.inbox.id in first
    made = Folder(parent=box.inbox, name=f"Synchronised {uuid.uuid4().hex}")
    made.save()
    changes = list(box.msg_folder_root.sync_hierarchy())
    assert ("create", made.id) in {(kind, folder.id) for kind, folder in changes}
    made_id = made.id
    made.delete()
    changes = list(box.msg_folder_root.sync_hierarchy())
    assert ("delete", made_id) in {(kind, folder.id) for kind, folder in changes}


def test_events_are_pulled(folder: Any) -> None:
    with folder.pull_subscription() as (subscription, watermark):
        message = written(folder)
        message.subject = "changed"
        message.save(update_fields=["subject"])
        told: list[Notification] = list(folder.get_events(subscription, watermark))
        events = [event for notification in told for event in notification.events]
        assert [type(event) for event in events] == [CreatedEvent, ModifiedEvent]
        assert {event.item_id.id for event in events} == {message.id}
        watermark = events[-1].watermark
        message_id = message.id
        message.delete()
        (notification,) = folder.get_events(subscription, watermark)
        (event,) = notification.events
        assert isinstance(event, DeletedEvent) and event.item_id.id == message_id
        (quiet,) = folder.get_events(subscription, event.watermark)
        assert [event.ELEMENT_NAME for event in quiet.events] == ["StatusEvent"]
    with pytest.raises(ErrorSubscriptionNotFound):
        list(folder.get_events(subscription, watermark))


# === people, zones, ids ===


def test_names_are_resolved(lab: Lab, box: Account) -> None:
    assert box.protocol.version, "asks the server, which resolve_names does not"
    resolve = box.protocol.resolve_names
    (found,) = resolve([lab.mailbox])
    assert found.email_address == lab.mailbox
    ((mailbox, contact),) = resolve([lab.mailbox], return_full_contact_data=True)
    assert mailbox.email_address == lab.mailbox
    assert contact.display_name == mailbox.name
    for nobody in (lab.mailbox_t2, f"nobody-{uuid.uuid4().hex}"):
        (failed,) = resolve([nobody])
        assert isinstance(failed, ErrorNameResolutionNoResults)


def test_time_zones(box: Account) -> None:
    zones = {
        zone.id: zone for zone in box.protocol.get_timezones(return_full_timezone_data=True)
    }
    assert {"UTC", "W. Europe Standard Time", "Pacific Standard Time"} <= set(zones)
    standard, daylight, _ = zones["W. Europe Standard Time"].get_std_and_dst(2026)
    assert standard.bias is not None and daylight.bias is not None
    (named,) = box.protocol.get_timezones(timezones=[UTC])
    assert named.id == "UTC"


def test_ids_are_converted(lab: Lab, box: Account, folder: Any) -> None:
    message = written(folder)
    text, known = message.id, "EwsId"
    for other in ("EntryId", "HexEntryId", "OwaId", "EwsId"):
        (converted,) = ConvertId(protocol=box.protocol).call(
            items=[AlternateId(id=text, format=known, mailbox=lab.mailbox)],
            destination_format=other,
        )
        assert converted.format == other
        text, known = converted.id, other
    assert text == message.id
    (refused,) = ConvertId(protocol=box.protocol).call(
        items=[AlternateId(id="DUMMY", format="EwsId", mailbox="DUMMY")],
        destination_format="EntryId",
    )
    assert isinstance(refused, ErrorInvalidIdMalformed)


def test_another_tenants_ids_lead_nowhere(
    lab: Lab,
    token: str,
    box: Account,
    folder: Any,  # noqa: F811
) -> None:
    message = written(folder)
    second = account(lab, lab.mailbox2, token)
    (gone,) = second.fetch([ItemId(message.id, message.changekey)])
    assert isinstance(gone, ErrorItemNotFound)
