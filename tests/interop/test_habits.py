"""Habits of real clients, by which servers break that follow the standards to the letter.

Held elsewhere: padded parts of an assertion (azure-identity), audiences in other ways of
writing (Authlib, oauth4webapi), assertions that name no key (Authlib, openid-client),
both kinds of thumbprint (MSAL), and keys that are read before they are written back
(the Graph SDKs).
"""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import msal
import pytest

from credentials import Credential
from lab import Lab
from transport import REQUEST_SECONDS, Session


def form_of_msal(lab: Lab, session: Session, own: Credential) -> dict[str, str]:
    """The form by which MSAL got a token."""
    application = msal.ConfidentialClientApplication(
        lab.client_id,
        client_credential={
            "private_key": own.key,
            "public_certificate": own.certificate,
        },
        authority=f"{lab.base_url}/{lab.tenant}",
        instance_discovery=False,
        http_client=session,
    )
    assert "access_token" in application.acquire_token_for_client([lab.scope])
    body = session.answers[-1].request.body
    assert isinstance(body, str)
    return dict(parse_qsl(body))


def test_times_may_have_fractions(lab: Lab, session: Session, own: Credential) -> None:
    form = form_of_msal(lab, session, own)
    claims = jwt.decode(form["client_assertion"], options={"verify_signature": False})
    assert isinstance(claims["exp"], float), "if MSAL stops this, nobody needs it any more"
    assert isinstance(claims["iat"], float)


def test_one_assertion_is_sent_again_and_again(
    lab: Lab, session: Session, own: Credential
) -> None:
    form = form_of_msal(lab, session, own)
    for _ in range(3):
        assert session.post(lab.token_url, data=form).status_code == 200


def test_an_answer_has_what_clients_can_take(
    lab: Lab, session: Session, own: Credential
) -> None:
    form = form_of_msal(lab, session, own)
    answer = session.post(lab.token_url, data=form)
    members = answer.json()
    assert "scope" not in members, "a token would never be found in a cache again"
    assert type(members.get("refresh_in", 0)) is int
    assert type(members["expires_in"]) is int
    refused = session.post(lab.token_url, data=form | {"client_assertion": "a.b.c"})
    assert refused.status_code == 401
    assert "WWW-Authenticate" not in refused.headers, "clients then hide the error"


@pytest.mark.parametrize("flags", [ssl.VERIFY_X509_STRICT, ssl.VERIFY_DEFAULT])
def test_certificates_are_verified_to_the_letter(lab: Lab, flags: Any) -> None:
    # What Python 3.13 has switched on for everybody.
    context = ssl.create_default_context(cafile=lab.ca_pem)
    context.verify_flags |= flags | ssl.VERIFY_X509_PARTIAL_CHAIN
    place = urlsplit(lab.base_url)
    address = (place.hostname, place.port)
    with (
        socket.create_connection(address, timeout=REQUEST_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=place.hostname) as connection,
    ):
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}
