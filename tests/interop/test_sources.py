"""What real systems emit becomes items: Debian's Kamailio with two phones that call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kamailio import Kamailio, Phone
from onprem import Onprem

SOURCES = """
call_records = ["kamailio"]

[[onprem.sources.patterns]]
match = '(adele|omar)@127\\.[0-9.]+'
mailbox = '$1@fabrikam.example'
"""


@pytest.fixture
def onprem(tmp_path: Path) -> Iterator[Onprem]:
    side = Onprem(tmp_path, SOURCES)
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
