"""Who is told of events: a web server, and who reads the standard output."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from onprem import Onprem

CONFIG = """
call_records = ["kamailio"]

[onprem.events]
stdout = true
webhook = {{ url = "http://127.0.0.1:{port}/hook", token_file = "token" }}
"""
MISSED = {
    "method": "INVITE",
    "sip_code": "486",
    "sip_reason": "Busy Here",
    "call_id": "4711",
    "time": 1764000000,
    "from_uri": "sip:nobody@elsewhere.example",
    "to_uri": "sip:no-one@elsewhere.example",
}


@pytest.fixture
def hook() -> Iterator[tuple[int, queue.Queue[tuple[str, Any]]]]:
    """A web server that is busy at first."""
    told: queue.Queue[tuple[str, Any]] = queue.Queue()
    answers = iter([503])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = next(answers, 204)
            if status == 204:
                told.put((self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, told
        server.shutdown()


def test_events_are_told(tmp_path: Path, hook: tuple[int, queue.Queue[Any]]) -> None:
    port, told = hook
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("a-token\n")
    side = Onprem(tmp_path, CONFIG.format(port=port))
    try:
        token = side.token("kamailio")
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{side.url}/sources/kamailio"
        for _ in range(2):
            answer = requests.post(url, json=MISSED, headers=headers, timeout=30)
            assert answer.status_code == 202, answer.text
        authorization, event = told.get(timeout=30)
    finally:
        side.end()
    assert authorization == "Bearer a-token"
    assert (event["Id"], event["Fields"]["system"]) == (45020, "kamailio")
    assert told.empty(), "a repeat is not told"
    lines = [line for line in side.printed().splitlines() if line.startswith("{")]
    assert [json.loads(line)["Id"] for line in lines] == [45020]
    assert (tmp_path / "onprem" / "unclaimed").is_dir()
