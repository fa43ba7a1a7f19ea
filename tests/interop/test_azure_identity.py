"""azure-identity gets tokens from the lab, by its blocking client and by its async one.

The two share no code on the wire: the one is MSAL, the other signs by itself and
pads the parts of its assertions, over which it signs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import azure.identity
import azure.identity.aio
import jwt
import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError

from credentials import Credential
from lab import Lab
from tokens import (
    DISABLED_APPLICATION,
    DISABLED_RESOURCE,
    UNKNOWN_APPLICATION,
    UNKNOWN_KEY,
    Refusal,
    check,
    refusal,
    verified,
)
from transport import REQUEST_SECONDS, Session


class Wire:
    """Remembers what went over the wire: every address, the last form and its answer."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.form: dict[str, str] = {}
        self.status = 0
        self.body: dict[str, Any] = {}

    def __call__(self, response: Any) -> None:
        self.urls.append(response.http_request.url)
        self.form = response.http_request.body or {}
        self.status = response.http_response.status_code
        self.body = json.loads(response.http_response.text())


def settings(
    lab: Lab, credential: Credential, tenant: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    defaults = {
        "tenant_id": tenant or lab.tenant,
        "client_id": lab.client_id,
        "certificate_data": credential.pem.encode(),
        "authority": lab.base_url,
        "disable_instance_discovery": True,
        "connection_verify": lab.ca_pem,
        "connection_timeout": REQUEST_SECONDS,
    }
    return defaults | options


def blocking(
    lab: Lab,
    credential: Credential,
    tenant: str | None = None,
    *,
    scope: str | None = None,
    **options: Any,
) -> str:
    wanted = settings(lab, credential, tenant, options)
    with azure.identity.CertificateCredential(**wanted) as client:
        return client.get_token(scope or lab.scope).token


def asynchronous(
    lab: Lab,
    credential: Credential,
    tenant: str | None = None,
    *,
    scope: str | None = None,
    **options: Any,
) -> str:
    async def ask() -> str:
        wanted = settings(lab, credential, tenant, options)
        async with azure.identity.aio.CertificateCredential(**wanted) as client:
            return (await client.get_token(scope or lab.scope)).token

    return asyncio.run(ask())


Token = Callable[..., str]

both = pytest.mark.parametrize("token", [blocking, asynchronous])


def refused(
    token: Token, lab: Lab, credential: Credential, tenant: str | None = None
) -> Refusal:
    wire = Wire()
    with pytest.raises(ClientAuthenticationError) as raised:
        token(lab, credential, tenant, raw_response_hook=wire)
    found = refusal(wire.status, wire.body)
    (code,) = found[2]
    assert f"AADSTS{code}: " in str(raised.value), "the caller sees why"
    return found


@both
def test_a_certificate_gets_a_token(
    token: Token, lab: Lab, session: Session, own: Credential
) -> None:
    check(lab, session, token(lab, own))


@both
def test_a_certificate_is_sent_along(
    token: Token, lab: Lab, session: Session, own: Credential
) -> None:
    check(lab, session, token(lab, own, send_certificate_chain=True))


@both
def test_the_tenant_may_be_named_by_its_domain(
    token: Token, lab: Lab, session: Session, own: Credential
) -> None:
    check(lab, session, token(lab, own, lab.tenant_domain))


@both
def test_the_directory_is_a_resource_too(
    token: Token, lab: Lab, session: Session, own: Credential
) -> None:
    issued = token(lab, own, scope=f"{lab.base_url}/.default")
    claims = verified(lab, session, issued, lab.base_url)
    assert "Application.ReadWrite.OwnedBy" in claims["roles"]


def test_the_blocking_client_signs_as_msal_does(lab: Lab, own: Credential) -> None:
    wire = Wire()
    blocking(lab, own, raw_response_hook=wire)
    assert wire.urls[0].endswith("/v2.0/.well-known/openid-configuration")
    header = jwt.get_unverified_header(wire.form["client_assertion"])
    assert header["alg"] == "RS256"
    assert "x5t" in header


def test_the_async_client_pads_what_it_signs_and_asks_for_no_discovery(
    lab: Lab, own: Credential
) -> None:
    wire = Wire()
    asynchronous(lab, own, raw_response_hook=wire)
    assert wire.urls == [lab.token_url]
    assertion = wire.form["client_assertion"]
    assert assertion.endswith("=="), "the signature of a 2048-bit key always ends so"
    header = jwt.get_unverified_header(assertion)
    assert header["alg"] == "PS256"
    assert "x5t#S256" in header


def test_the_environment_says_who_signs_in(
    lab: Lab,
    session: Session,
    own: Credential,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pem = tmp_path / "own.pem"
    pem.write_text(own.pem)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", lab.base_url)
    monkeypatch.setenv("AZURE_TENANT_ID", lab.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", lab.client_id)
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(pem))
    with azure.identity.EnvironmentCredential(
        disable_instance_discovery=True, connection_verify=lab.ca_pem
    ) as client:
        check(lab, session, client.get_token(lab.scope).token)


@both
def test_a_key_that_is_not_registered_is_refused(token: Token, lab: Lab) -> None:
    assert refused(token, lab, Credential.of_a_stranger()) == UNKNOWN_KEY


@both
def test_a_wrong_key_under_the_name_of_the_right_one_is_refused(
    token: Token, lab: Lab, own: Credential
) -> None:
    wrong = Credential(Credential.of_a_stranger().key, own.certificate)
    assert refused(token, lab, wrong) == UNKNOWN_KEY


@both
def test_the_key_of_another_application_is_refused(token: Token, lab: Lab) -> None:
    other = Credential.read(lab.key2_pem, lab.cert2_pem)
    assert refused(token, lab, other) == UNKNOWN_KEY


@both
def test_another_tenant_does_not_know_the_application(
    token: Token, lab: Lab, own: Credential
) -> None:
    assert refused(token, lab, own, lab.tenant2) == UNKNOWN_APPLICATION


@both
def test_a_credential_past_its_end_is_refused(token: Token, lab_expired: Lab) -> None:
    own = Credential.of_application(lab_expired)
    assert refused(token, lab_expired, own) == UNKNOWN_KEY


@both
def test_no_token_is_issued_for_a_disabled_exchange(token: Token, lab_disabled: Lab) -> None:
    own = Credential.of_application(lab_disabled)
    assert refused(token, lab_disabled, own) == DISABLED_RESOURCE
    scope = f"{lab_disabled.base_url}/.default"
    assert token(lab_disabled, own, scope=scope), "the client itself is in order"


@both
def test_a_disabled_application_gets_no_token(token: Token, lab_app_disabled: Lab) -> None:
    own = Credential.of_application(lab_app_disabled)
    assert refused(token, lab_app_disabled, own) == DISABLED_APPLICATION


@both
def test_an_authority_that_is_not_trusted_is_not_asked(
    token: Token, lab: Lab, own: Credential
) -> None:
    with pytest.raises(AzureError, match="CERTIFICATE_VERIFY_FAILED"):
        token(lab, own, connection_verify=True, retry_total=0)
