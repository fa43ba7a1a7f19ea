"""MSAL for Python signs a user in with a code (RFC 8628), the page driven by plain HTTP."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import msal
import pytest
import requests

from lab import Process
from transport import REQUEST_SECONDS

TOOL = "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11"
USER = "adele@fabrikam.example"
PASSWORD = "correct horse battery"
SCOPES = ["Organization.Read.All", "User.Read"]
SEED = f"""
[[tenant]]
display_name = "Fabrikam"
domains = ["fabrikam.example"]
[[tenant.user]]
address = "{USER}"
display_name = "Adele Vance"
password = "{PASSWORD}"
administrator = true
[[tenant.application]]
name = "Application"
[[tenant.application]]
id = "{TOOL}"
name = "Administration"
public_client = true
scopes = {json.dumps(SCOPES)}
"""


@dataclass(frozen=True)
class Cloud:
    """What the ready file of the lab says, as far as it is used here."""

    base_url: str
    graph_url: str
    tenant: str
    ca_pem: str

    def client(self) -> msal.PublicClientApplication:
        return msal.PublicClientApplication(
            TOOL,
            authority=f"{self.base_url}/{self.tenant}",
            instance_discovery=False,
            verify=self.ca_pem,
            timeout=REQUEST_SECONDS,
        )

    def send(self, page: str, form: dict[str, str]) -> str:
        answer = requests.post(page, form, verify=self.ca_pem, timeout=REQUEST_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.text

    def decide(self, flow: dict[str, str], decision: str) -> None:
        """What the user does in a browser."""
        page = flow["verification_uri"]
        form = {"user_code": flow["user_code"], "username": USER, "password": PASSWORD}
        asked = self.send(page, form)
        assert "Administration" in asked and TOOL in asked
        ticket = re.search(r'name="ticket" value="([^"]+)"', asked)
        assert ticket
        self.send(page, {"ticket": html.unescape(ticket[1]), "decision": decision})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder: Path = tmp_path_factory.mktemp("lab-device")
    process = Process(folder, seed=SEED)
    try:
        values = process.wait_for_values()
        names = ["BASE_URL", "GRAPH_URL", "TENANT", "CA_PEM"]
        yield Cloud(**{name.lower(): values[name] for name in names})
    finally:
        process.end()


def test_a_user_signs_in_and_graph_knows_who(cloud: Cloud) -> None:
    client = cloud.client()
    flow = client.initiate_device_flow([f"{cloud.base_url}/.default"])
    assert flow["user_code"] in flow["message"], flow
    cloud.decide(flow, "approve")
    answer = client.acquire_token_by_device_flow(flow)
    assert "access_token" in answer, answer
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["idtyp"] == "user" and claims["upn"] == USER
    assert claims["scp"].split() == SCOPES
    me = requests.get(
        f"{cloud.graph_url}/me",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
        verify=cloud.ca_pem,
        timeout=REQUEST_SECONDS,
    )
    assert me.status_code == 200 and me.json()["userPrincipalName"] == USER, me.text


def test_a_user_may_refuse(cloud: Cloud) -> None:
    client = cloud.client()
    flow = client.initiate_device_flow([f"{cloud.base_url}/User.Read"])
    cloud.decide(flow, "deny")
    answer = client.acquire_token_by_device_flow(flow)
    assert (answer["error"], answer["error_codes"]) == ("access_denied", [65004]), answer


def test_a_code_is_waited_for(cloud: Cloud) -> None:
    client = cloud.client()
    flow = client.initiate_device_flow([f"{cloud.base_url}/.default"])
    # MSAL asks on while it is told that nobody came, unless it is told to ask once.
    waited = client.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)
    assert waited["error"] == "authorization_pending", waited
    cloud.decide(flow, "approve")
    answer = client.acquire_token_by_device_flow(flow)
    assert "access_token" in answer, answer


def test_what_nobody_consented_to_is_refused(cloud: Cloud) -> None:
    flow = cloud.client().initiate_device_flow(["Mail.ReadWrite"])
    assert (flow["error"], flow["error_codes"]) == ("invalid_grant", [65001]), flow
