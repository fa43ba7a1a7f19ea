"""What real systems emit becomes items: Debian's Kamailio with phones that call, Prosody, mail."""

from __future__ import annotations

import email.policy
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path

import pytest

from kamailio import Kamailio, Phone
from onprem import Onprem
from prosody import Chatter, Prosody

SOURCES = """
call_records = ["kamailio"]
conversations = true
smtp_listen = "127.0.0.1:{smtp}"

[onprem.sources.domains]
"pbx.example" = "fabrikam.example"
"chat.example" = "fabrikam.example"

[[onprem.sources.patterns]]
match = '(adele|omar)@127\\.[0-9.]+'
mailbox = '$1@fabrikam.example'
"""


@pytest.fixture
def smtp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def onprem(tmp_path: Path, smtp_port: int) -> Iterator[Onprem]:
    side = Onprem(tmp_path, SOURCES.replace("{smtp}", str(smtp_port)))
    yield side
    side.end()


def test_calls_through_kamailio(onprem: Onprem, tmp_path: Path) -> None:
    with ExitStack() as running:
        proxy = Kamailio(tmp_path, onprem.url, onprem.token("kamailio"))
        running.callback(proxy.end)

        def phone(user: str) -> Phone:
            made = Phone(tmp_path / user, user, proxy.address)
            running.callback(made.end)
            return made

        adele = phone("adele")
        omar = phone("omar")
        # Nobody here has a mailbox for this one.
        stranger = phone("stranger")

        adele.dial("omar")
        omar.accept()
        adele.wait_for("Call established")
        omar.wait_for("Call established")
        adele.hang_up()
        answered = onprem.wait_for_items(2)
        by_owner = {item["Owner"]: item for item in answered}
        subject = by_owner["omar@fabrikam.example"]["Subject"]
        assert subject == f"Call from adele@{proxy.address}", proxy.printed()
        subject = by_owner["adele@fabrikam.example"]["Subject"]
        assert subject == f"Call to omar@{proxy.address}"

        # Nobody answers, and who called hangs up.
        stranger.dial("adele")
        adele.wait_for("Incoming call")
        stranger.hang_up()
        items = onprem.wait_for_items(3)
        (missed,) = [item for item in items if item["Key"] not in {i["Key"] for i in answered}]
        assert missed["Owner"] == "adele@fabrikam.example"
        assert missed["Subject"] == f"Missed call from stranger@{proxy.address}"
        assert missed["Component"] == "MissedCall"
        assert not (tmp_path / "onprem" / "unclaimed").exists()


def test_voice_mail_by_smtplib(onprem: Onprem, smtp_port: int) -> None:
    message = EmailMessage()
    message["From"] = "PBX <pbx@pbx.example>"
    message["To"] = "omar@pbx.example"
    message["Subject"] = "Voice message from Zoë"
    message.set_content("21 seconds\n.a line that begins with a dot\n")
    message.add_attachment(bytes(range(256)) * 400, "audio", "wav", filename="message.wav")
    content = message.as_bytes(policy=email.policy.SMTP)
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=30) as client:
        client.sendmail("pbx@pbx.example", ["omar@pbx.example"], content)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("pbx@pbx.example", ["omar@elsewhere.example"], content)
        # As a sender does that heard nothing.
        client.sendmail("pbx@pbx.example", ["omar@pbx.example"], content)
    (item,) = onprem.items()
    assert (item["Owner"], item["Component"]) == ("omar@fabrikam.example", "Voicemail")
    assert item["Subject"] == "Voice message from Zoë"


def test_conversations_of_prosody(onprem: Onprem, tmp_path: Path) -> None:
    with ExitStack() as running:
        server = Prosody(tmp_path, onprem.url, onprem.token("prosody"))
        running.callback(lambda: server.end())
        adele, omar = Chatter(server, "adele"), Chatter(server, "omar")
        adele.write("omar", "Hello & welcome", "t1")
        omar.wait_for("welcome")
        omar.write("adele", "Hi <3", "t1")
        adele.wait_for("&lt;3")
        adele.write("omar", "Something else", "t2")
        omar.wait_for("Something else")
        adele.end()
        omar.end()
        # What was written is there after a restart.
        server.end()
        server.start()
        items = onprem.wait_for_items(4)
        assert sorted((item["Owner"], item["Subject"]) for item in items) == [
            ("adele@fabrikam.example", "Conversation with omar@chat.example"),
            ("adele@fabrikam.example", "Conversation with omar@chat.example"),
            ("omar@fabrikam.example", "Conversation with adele@chat.example"),
            ("omar@fabrikam.example", "Conversation with adele@chat.example"),
        ], server.printed()
        assert {item["Component"] for item in items} == {"ConversationHistory"}
