"""Authlib gets tokens with `private_key_jwt`, and tells the lab little of itself.

It sends no `client_id`, and its assertions name no key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.integrations.requests_client.oauth2_session import OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from credentials import Credential
from lab import Lab
from tokens import (
    DISABLED_APPLICATION,
    DISABLED_RESOURCE,
    UNKNOWN_APPLICATION,
    UNKNOWN_KEY,
    Refusal,
    check,
    discovery,
    refusal,
)
from transport import REQUEST_SECONDS, Session


class Client(OAuth2Session):  # type: ignore[misc]
    """Authlib's session, which trusts the lab's authority and keeps the last answer."""

    def __init__(
        self, lab: Lab, credential: Credential, token_url: str | None = None, **options: Any
    ) -> None:
        super().__init__(
            lab.client_id, credential.key, token_endpoint_auth_method="private_key_jwt"
        )
        self.trust_env = False
        self.verify = lab.ca_pem
        self.token_url = token_url or lab.token_url
        self.scope_wanted = lab.scope
        self.register_client_auth_method(PrivateKeyJWT(self.token_url, **options))
        self.hooks["response"].append(self.keep)

    def keep(self, answer: Any, *_words: Any, **_named: Any) -> None:
        self.answer = answer

    def token(self) -> dict[str, Any]:
        found: dict[str, Any] = self.fetch_token(
            self.token_url,
            grant_type="client_credentials",
            scope=self.scope_wanted,
            timeout=REQUEST_SECONDS,
        )
        return found

    def sent(self) -> dict[str, list[str]]:
        return parse_qs(self.answer.request.body)


def refused(client: Client) -> Refusal:
    with pytest.raises(OAuthError) as raised:
        client.token()
    status, error, codes = refusal(client.answer.status_code, client.answer.json())
    assert raised.value.error == error
    return status, error, codes


def test_a_key_gets_a_token(lab: Lab, session: Session, own: Credential) -> None:
    with Client(lab, own) as client:
        answer = client.token()
        assert "client_id" not in client.sent()
        (assertion,) = client.sent()["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": "RS256"}
    assert answer["token_type"] == "Bearer"
    check(lab, session, answer["access_token"])


def test_the_other_algorithm_gets_a_token(lab: Lab, session: Session, own: Credential) -> None:
    with Client(lab, own, alg="PS256") as client:
        check(lab, session, client.token()["access_token"])


def issuer(lab: Lab, session: Session) -> str:
    return str(discovery(lab, session, "/v2.0")["issuer"])


def domain(lab: Lab, _session: Session) -> str:
    return f"{lab.base_url}/{lab.tenant_domain}/oauth2/v2.0/token"


@pytest.mark.parametrize("audience", [issuer, domain])
def test_the_audience_may_be_written_in_other_ways(
    lab: Lab, session: Session, own: Credential, audience: Callable[[Lab, Session], str]
) -> None:
    claims = {"aud": audience(lab, session)}
    with Client(lab, own, claims=claims) as client:
        check(lab, session, client.token()["access_token"])
        (assertion,) = client.sent()["client_assertion"]
    said = jwt.decode(assertion, options={"verify_signature": False})
    assert said["aud"] == claims["aud"], "the claim was sent as it was wanted"


def test_the_older_endpoint_answers_too(lab: Lab, session: Session, own: Credential) -> None:
    endpoint = discovery(lab, session)["token_endpoint"]
    assert endpoint != lab.token_url
    with Client(lab, own, endpoint) as client:
        check(lab, session, client.token()["access_token"])


@pytest.mark.parametrize(
    "audience", ["https://elsewhere.example/token", "https://localhost/oauth2/v2.0/token"]
)
def test_an_assertion_for_somebody_else_is_refused(
    lab: Lab, own: Credential, audience: str
) -> None:
    with Client(lab, own, claims={"aud": audience}) as client:
        assert refused(client) == (401, "invalid_client", [700023])


def test_a_key_that_is_not_registered_is_refused(lab: Lab) -> None:
    with Client(lab, Credential.of_a_stranger()) as client:
        assert refused(client) == UNKNOWN_KEY


def test_the_key_of_another_application_is_refused(lab: Lab) -> None:
    with Client(lab, Credential.read(lab.key2_pem, lab.cert2_pem)) as client:
        assert refused(client) == UNKNOWN_KEY


def test_another_tenant_does_not_know_the_application(lab: Lab, own: Credential) -> None:
    token_url = f"{lab.base_url}/{lab.tenant2}/oauth2/v2.0/token"
    with Client(lab, own, token_url) as client:
        assert refused(client) == UNKNOWN_APPLICATION


def test_a_credential_past_its_end_is_refused(lab_expired: Lab) -> None:
    with Client(lab_expired, Credential.of_application(lab_expired)) as client:
        assert refused(client) == UNKNOWN_KEY


def test_no_token_is_issued_for_a_disabled_exchange(lab_disabled: Lab) -> None:
    with Client(lab_disabled, Credential.of_application(lab_disabled)) as client:
        assert refused(client) == DISABLED_RESOURCE


def test_a_disabled_application_gets_no_token(lab_app_disabled: Lab) -> None:
    with Client(lab_app_disabled, Credential.of_application(lab_app_disabled)) as client:
        assert refused(client) == DISABLED_APPLICATION
