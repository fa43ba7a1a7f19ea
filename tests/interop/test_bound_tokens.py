"""Tokens that are bound to a key, by DPoP or by a TLS certificate, with proofs by hand.

The proofs are made by PyJWT and by joserfc, of which neither knows DPoP: what is in
them is what RFC 9449 says, and nothing of the product's.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from credentials import Credential
from lab import Lab
from s2s import MESSAGES, SOAP, TYPES, segment
from transport import Session

ALGORITHMS = 'algs="ES256 PS256 RS256"'


class Holder:
    """A key, with which PyJWT makes proofs."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        if algorithm == "ES256":
            self.key: Any = ec.generate_private_key(ec.SECP256R1())
            self.jwk = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        else:
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            self.jwk = {name: public[name] for name in ("e", "kty", "n")}

    def sign(self, claims: dict[str, Any]) -> str:
        headers = {"typ": "dpop+jwt", "jwk": self.jwk}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers=headers)


class JoserfcHolder(Holder):
    """A key, with which joserfc makes proofs."""

    def __init__(self, algorithm: str = "ES256") -> None:
        super().__init__(algorithm)
        self.own = joserfc.jwk.ECKey.generate_key("P-256")
        self.jwk = dict(self.own.as_dict(private=False))
        self.jwk.pop("kid", None)

    def sign(self, claims: dict[str, Any]) -> str:
        header = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk}
        return joserfc.jwt.encode(header, claims, self.own, algorithms=[self.algorithm])


def proof(
    holder: Holder, method: str, url: str, token: str | None = None, **changes: Any
) -> str:
    claims: dict[str, Any] = {
        "jti": uuid.uuid4().hex,
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if token is not None:
        claims["ath"] = segment(hashlib.sha256(token.encode()).digest())
    return holder.sign(claims | changes)


def thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638: the members that a key needs, in their order."""
    members = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("e", "kty", "n")
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
    return segment(hashlib.sha256(text.encode()).digest())


def issued(lab: Lab, session: Session, scope: str, shown: str | None) -> dict[str, Any]:
    form = {
        "grant_type": "client_credentials",
        "client_id": lab.client_id,
        "client_secret": lab.client_secret,
        "scope": scope,
    }
    headers = {} if shown is None else {"DPoP": shown}
    answer: dict[str, Any] = session.post(lab.token_url, data=form, headers=headers).json()
    return answer


def bound(lab: Lab, session: Session, holder: Holder, scope: str) -> str:
    answer = issued(lab, session, scope, proof(holder, "POST", lab.token_url))
    assert answer["token_type"] == "DPoP", answer
    token = str(answer["access_token"])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": thumbprint(holder.jwk)}
    return token


class Place:
    """A resource of the lab: where it is, and a request that it answers."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        if name == "graph":
            self.scope = f"{lab.base_url}/.default"
            self.method, self.url, self.body = "GET", f"{lab.graph_url}/servicePrincipals", None
        else:
            self.scope = lab.scope
            self.method, self.url = "POST", lab.ews_url
            self.body = (
                f'<s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"><s:Header>'
                "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
                f"{lab.mailbox}</t:PrimarySmtpAddress></t:ConnectingSID>"
                "</t:ExchangeImpersonation></s:Header><s:Body><m:GetFolder><m:FolderShape>"
                "<t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
                '<t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body>'
                "</s:Envelope>"
            )

    def ask(
        self, session: requests.Session, token: str, *proofs: str, scheme: str = "DPoP"
    ) -> requests.Response:
        headers: dict[str, str] = {"Authorization": f"{scheme} {token}"}
        if self.body is not None:
            headers["Content-Type"] = "text/xml; charset=utf-8"
        if proofs:
            headers["DPoP"] = ", ".join(proofs)
        return session.request(self.method, self.url, data=self.body, headers=headers)

    def proof(self, holder: Holder, token: str, **changes: Any) -> str:
        return proof(holder, self.method, self.url, token, **changes)


@pytest.fixture(params=["graph", "ews"])
def place(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Place]:
    yield Place(lab, request.param)


@pytest.mark.parametrize(
    "holder", [Holder("ES256"), Holder("RS256"), Holder("PS256"), JoserfcHolder()]
)
def test_a_proof_gets_a_token_and_opens_a_resource(
    lab: Lab, session: Session, place: Place, holder: Holder
) -> None:
    token = bound(lab, session, holder, place.scope)
    answer = place.ask(session, token, place.proof(holder, token))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "attack",
    ["none", "used", "method", "address", "token", "no token", "old", "symmetric", "two"],
)
def test_what_is_no_proof_for_this_request(
    lab: Lab, session: Session, place: Place, attack: str
) -> None:
    holder = Holder()
    token = bound(lab, session, holder, place.scope)
    good = place.proof(holder, token)
    assert place.ask(session, token, good).status_code == 200
    changed: dict[str, dict[str, Any]] = {
        "method": {"htm": "PUT"},
        "address": {"htu": "https://elsewhere.example/"},
        "token": {"ath": segment(hashlib.sha256(b"other").digest())},
        "no token": {"ath": None},
        "old": {"iat": int(time.time()) - 3600},
    }
    if attack in changed:
        shown = [place.proof(holder, token, **changed[attack])]
    elif attack == "symmetric":
        headers = {"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": segment(b"k" * 32)}}
        said = jwt.decode(good, options={"verify_signature": False}) | {"jti": "another"}
        shown = [jwt.encode(said, b"k" * 32, algorithm="HS256", headers=headers)]
    elif attack == "two":
        shown = [place.proof(holder, token), place.proof(holder, token)]
    else:
        shown = [good] if attack == "used" else []
    answer = place.ask(session, token, *shown)
    assert answer.status_code == 401
    expected = f'DPoP error="invalid_dpop_proof", {ALGORITHMS}'
    assert answer.headers["WWW-Authenticate"] == expected


def test_a_proof_of_another_key_opens_nothing(lab: Lab, session: Session, place: Place) -> None:
    token = bound(lab, session, Holder(), place.scope)
    answer = place.ask(session, token, place.proof(Holder(), token))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'DPoP error="invalid_token", {ALGORITHMS}'


def test_a_bound_token_is_no_bearer_token(lab: Lab, session: Session, place: Place) -> None:
    holder = Holder()
    token = bound(lab, session, holder, place.scope)
    for proofs in [(), (place.proof(holder, token),)]:
        answer = place.ask(session, token, *proofs, scheme="Bearer")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].endswith(f", DPoP {ALGORITHMS}")


def test_a_bearer_token_is_no_bound_one(lab: Lab, session: Session, place: Place) -> None:
    token = str(issued(lab, session, place.scope, None)["access_token"])
    assert place.ask(session, token, scheme="Bearer").status_code == 200
    answer = place.ask(session, token, place.proof(Holder(), token))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'DPoP error="invalid_token", {ALGORITHMS}'


def test_the_token_endpoint_takes_a_proof_once(lab: Lab, session: Session) -> None:
    shown = proof(Holder(), "POST", lab.token_url)
    assert "access_token" in issued(lab, session, lab.scope, shown)
    assert issued(lab, session, lab.scope, shown)["error"] == "invalid_dpop_proof"


# === a TLS certificate (RFC 8705) ===


def over_tls(lab: Lab, key_pem: str, cert_pem: str) -> Session:
    session = Session(lab)
    session.cert = (cert_pem, key_pem)
    return session


def test_a_token_of_a_certificate_is_good_with_that_certificate_alone(
    lab: Lab, session: Session, place: Place
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": lab.client_id,
        "scope": place.scope,
    }
    with over_tls(lab, lab.key_pem, lab.cert_pem) as own:
        token = str(own.post(lab.token_url, data=form).json()["access_token"])
        claims = jwt.decode(token, options={"verify_signature": False})
        digest = hashlib.sha256(Credential.of_application(lab).der()).digest()
        assert claims["cnf"] == {"x5t#S256": segment(digest)}
        assert place.ask(own, token, scheme="Bearer").status_code == 200
    assert place.ask(session, token, scheme="Bearer").status_code == 401
    with over_tls(lab, lab.key2_pem, lab.cert2_pem) as other:
        assert place.ask(other, token, scheme="Bearer").status_code == 401
        refused = other.post(lab.token_url, data=form).json()
        assert refused["error_codes"] == [700027]
