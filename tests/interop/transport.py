"""Requests to the lab."""

from __future__ import annotations

from typing import Any

import requests

from lab import Lab

REQUEST_SECONDS = 30


class Session(requests.Session):
    """A session that trusts the lab's authority alone and remembers every answer."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = lab.ca_pem
        self.answers: list[requests.Response] = []

    def request(self, *words: Any, **named: Any) -> requests.Response:
        if named.get("timeout") is None:
            named["timeout"] = REQUEST_SECONDS
        answer = super().request(*words, **named)
        self.answers.append(answer)
        return answer
