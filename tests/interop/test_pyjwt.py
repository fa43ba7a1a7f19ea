"""PyJWT verifies the lab's tokens by the keys that the lab publishes."""

from __future__ import annotations

import ssl
from typing import Any

import jwt
import msal
import pytest

from credentials import Credential
from lab import Lab
from tokens import discovery
from transport import REQUEST_SECONDS, Session


@pytest.fixture(scope="module")
def token(lab: Lab) -> str:
    application = msal.ConfidentialClientApplication(
        lab.client_id,
        client_credential=lab.client_secret,
        authority=f"{lab.base_url}/{lab.tenant}",
        instance_discovery=False,
        verify=lab.ca_pem,
        timeout=REQUEST_SECONDS,
    )
    return str(application.acquire_token_for_client([lab.scope])["access_token"])


class Verifier:
    """What a service does with tokens of one tenant."""

    def __init__(self, lab: Lab, session: Session) -> None:
        document = discovery(lab, session)
        self.issuer = document["issuer"]
        self.audience = lab.resource
        self.leeway = 0
        self.options: dict[str, Any] = {}
        self.keys = jwt.PyJWKClient(
            document["jwks_uri"], ssl_context=ssl.create_default_context(cafile=lab.ca_pem)
        )

    def claims(self, token: str) -> dict[str, Any]:
        options: Any = {"require": ["aud", "exp", "iat", "iss", "nbf", "sub"]} | self.options
        claims: dict[str, Any] = jwt.decode(
            token,
            self.keys.get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            audience=self.audience,
            issuer=self.issuer,
            leeway=self.leeway,
            options=options,
        )
        return claims


@pytest.fixture
def verifier(lab: Lab, session: Session) -> Verifier:
    return Verifier(lab, session)


def forged(token: str, *, kid: str | None = None) -> str:
    """A stranger's token with the same claims, under the name of a key of the lab."""
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = {"kid": kid or header["kid"]}
    key = Credential.of_a_stranger().key
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def test_a_token_is_believed(lab: Lab, verifier: Verifier, token: str) -> None:
    assert verifier.claims(token)["appid"] == lab.client_id


def test_more_than_one_key_is_published(verifier: Verifier) -> None:
    keys = verifier.keys.get_signing_keys()
    assert len({key.key_id for key in keys}) == len(keys) >= 2
    assert {key.public_key_use for key in keys} == {"sig"}
    assert {key.algorithm_name for key in keys} == {"RS256"}


@pytest.mark.parametrize("place", ["", "/v2.0"])
def test_both_documents_publish_the_same_keys(
    lab: Lab, session: Session, verifier: Verifier, place: str
) -> None:
    keys = jwt.PyJWKSet.from_dict(
        session.get(discovery(lab, session, place)["jwks_uri"]).json()
    )
    assert {key.key_id for key in keys} == {
        key.key_id for key in verifier.keys.get_signing_keys()
    }


def test_a_token_of_another_hand_is_not_believed(verifier: Verifier, token: str) -> None:
    with pytest.raises(jwt.InvalidSignatureError):
        verifier.claims(forged(token))


def test_a_key_that_is_not_published_is_not_found(verifier: Verifier, token: str) -> None:
    with pytest.raises(jwt.PyJWKClientError):
        verifier.claims(forged(token, kid="stranger"))


def test_a_token_for_another_service_is_not_believed(verifier: Verifier, token: str) -> None:
    verifier.audience = "https://elsewhere.example"
    with pytest.raises(jwt.InvalidAudienceError):
        verifier.claims(token)


def test_a_token_is_not_of_another_tenant(
    lab: Lab, session: Session, verifier: Verifier, token: str
) -> None:
    theirs = session.get(f"{lab.base_url}/{lab.tenant2}/.well-known/openid-configuration")
    verifier.issuer = theirs.json()["issuer"]
    with pytest.raises(jwt.InvalidIssuerError):
        verifier.claims(token)


def test_a_token_ends(verifier: Verifier, token: str) -> None:
    # A day later, as far as its end goes.
    verifier.leeway = -24 * 3600
    verifier.options = {"verify_iat": False, "verify_nbf": False}
    with pytest.raises(jwt.ExpiredSignatureError):
        verifier.claims(token)


def test_keys_are_not_taken_from_whom_nobody_trusts(lab: Lab, session: Session) -> None:
    client = jwt.PyJWKClient(discovery(lab, session)["jwks_uri"])
    with pytest.raises(jwt.PyJWKClientConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get_signing_keys()
