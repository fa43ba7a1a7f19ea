"""`actas mailbox export`, read by Python's own `mailbox` and `email`."""

from __future__ import annotations

import email
import email.policy
import json
import mailbox
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exchangelib import Account, FileAttachment, Message
from exchangelib.folders import Messages

from lab import Lab, binary
from test_exchangelib import (  # noqa: F401
    account,
    exchangelib_in_the_lab,
    no_connection_is_left,
    token,
)

COMMAND_SECONDS = 60
CAME_AS_MIME = (
    b"From: Omar <omar@fabrikam.example>\r\n"
    b"Subject: as it came\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    b"From here on\r\n>From there\r\n>>From afar\r\nFromage f\xc3\xbcr alle\r\n"
)


def export(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(binary()), "--data", lab.data_dir, "mailbox", "export", "--output", "json"]
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )


@pytest.fixture
def box(lab: Lab, token: str) -> Account:  # noqa: F811
    return account(lab, lab.mailbox, token)


@pytest.fixture
def folder(box: Account) -> Iterator[Any]:
    """A folder with an item that came as MIME, and one with files that did not."""
    made = Messages(parent=box.inbox, name=f"Export {uuid.uuid4().hex}")
    made.save()
    Message(account=box, folder=made, mime_content=CAME_AS_MIME).save()
    written = Message(account=box, folder=made, subject="Zoë <1>", body="From me\nto you")
    written.attach(FileAttachment(name="Zoë.bin", content=bytes(range(256))))
    written.save()
    yield made
    made.delete()


def unquoted(message: bytes) -> bytes:
    return re.sub(rb"^>(>*From )", rb"\1", message, flags=re.MULTILINE)


def test_a_folder_as_mbox(lab: Lab, folder: Any, tmp_path: Path) -> None:
    to = tmp_path / "folder.mbox"
    words = ["--mailbox", lab.mailbox, "--folder", f"Inbox/{folder.name}"]
    done = export(lab, *words, "--format", "mbox", "--to", str(to))
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert (told["Folder"], told["Items"]) == (f"Inbox/{folder.name}", 2)
    assert to.stat().st_mode & 0o777 == 0o600
    box = mailbox.mbox(to, create=False)
    texts = {box[key]["Subject"]: unquoted(box.get_bytes(key)) for key in box.keys()}  # noqa: SIM118
    assert texts["as it came"].rstrip() == CAME_AS_MIME.replace(b"\r\n", b"\n").rstrip()
    stored = {item.subject: item.mime_content for item in folder.all()}
    other = email.message_from_bytes(stored["Zoë <1>"], policy=email.policy.default)
    mine = next(
        read
        for read in (
            email.message_from_bytes(t, policy=email.policy.default) for t in texts.values()
        )
        if read["Subject"] == "Zoë <1>"
    )
    assert mine.get_body(("plain",)).get_content() == other.get_body(("plain",)).get_content()
    (file,) = mine.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Zoë.bin", bytes(range(256)))

    again = export(lab, *words, "--format", "mbox", "--to", str(to))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mbox"]


def test_a_folder_as_eml(lab: Lab, folder: Any, tmp_path: Path) -> None:
    to = tmp_path / "folder"
    words = ["--mailbox", lab.mailbox, "--folder", f"inbox/{folder.name.upper()}"]
    done = export(lab, *words, "--format", "eml", "--to", str(to))
    assert done.returncode == 0, done.stderr
    files = sorted(to.iterdir())
    assert [file.suffix for file in files] == [".eml", ".eml"]
    assert CAME_AS_MIME in [file.read_bytes() for file in files]
    stored = {bytes(item.mime_content) for item in folder.all()}
    assert {file.read_bytes() for file in files} == stored


def test_a_mailbox_is_a_file_for_each_folder(lab: Lab, folder: Any, tmp_path: Path) -> None:
    to = tmp_path / "all"
    words = ["--mailbox", lab.mailbox, "--format", "mbox"]
    assert export(lab, *words, "--to", str(to)).returncode == 0
    own = to / "Inbox" / f"{folder.name}.mbox"
    assert len(mailbox.mbox(own, create=False)) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--mailbox", "nobody@nowhere.example"], "no mailbox `nobody@nowhere.example`"),
        (["--mailbox", "{mailbox}", "--folder", "No such"], "no folder `No such`"),
    ],
)
def test_what_is_not_there_is_told(
    lab: Lab, tmp_path: Path, words: list[str], told: str
) -> None:
    words = [word.format(mailbox=lab.mailbox) for word in words]
    done = export(lab, *words, "--format", "eml", "--to", str(tmp_path / "x"))
    assert done.returncode == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []
