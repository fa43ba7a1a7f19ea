"""MSAL for Python gets tokens from the lab, as it would from the real cloud."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import jwt
import msal
import pytest

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
)
from transport import REQUEST_SECONDS, Session


def by_thumbprint(credential: Credential) -> dict[str, str]:
    """What has MSAL sign with RS256 and name the certificate in `x5t`."""
    return {
        "private_key": credential.key,
        "thumbprint": credential.thumbprint().hex().upper(),
    }


def by_pem(credential: Credential) -> dict[str, str]:
    """What has MSAL sign with PS256 and name the certificate in `x5t#S256`."""
    return {"private_key": credential.key, "public_certificate": credential.certificate}


def client(lab: Lab, credential: object, **options: Any) -> msal.ConfidentialClientApplication:
    settings: dict[str, Any] = {
        "client_id": lab.client_id,
        "client_credential": credential,
        "timeout": REQUEST_SECONDS,
    }
    if "oidc_authority" not in options:
        settings |= {
            "authority": f"{lab.base_url}/{lab.tenant}",
            "instance_discovery": False,
        }
    if "http_client" not in options:
        settings["verify"] = lab.ca_pem
    return msal.ConfidentialClientApplication(**(settings | options))


def token(lab: Lab, application: msal.ConfidentialClientApplication) -> str:
    answer = application.acquire_token_for_client([lab.scope])
    assert "access_token" in answer, answer
    assert answer["token_type"] == "Bearer"
    return str(answer["access_token"])


def refused(lab: Lab, session: Session, credential: object, **options: Any) -> Refusal:
    application = client(lab, credential, http_client=session, **options)
    answer = application.acquire_token_for_client([lab.scope])
    return refusal(session.answers[-1].status_code, answer)


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_a_certificate_gets_a_token(
    lab: Lab, session: Session, own: Credential, form: Any
) -> None:
    check(lab, session, token(lab, client(lab, form(own))), strength="2")


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_the_tenant_may_be_named_by_its_domain(
    lab: Lab, session: Session, own: Credential, form: Any
) -> None:
    authority = f"{lab.base_url}/{lab.tenant_domain}"
    application = client(lab, form(own), authority=authority)
    check(lab, session, token(lab, application), strength="2")


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
@pytest.mark.parametrize("version", ["", "/v2.0"])
def test_an_oidc_authority_gets_a_token(
    lab: Lab, session: Session, own: Credential, form: Any, version: str
) -> None:
    authority = f"{lab.base_url}/{lab.tenant}{version}"
    application = client(lab, form(own), oidc_authority=authority)
    check(lab, session, token(lab, application), strength="2")


def test_a_secret_gets_a_token(lab: Lab, session: Session) -> None:
    check(lab, session, token(lab, client(lab, lab.client_secret)), strength="1")


def test_an_authority_with_a_slash_at_its_end_gets_a_token(
    lab: Lab, session: Session, own: Credential
) -> None:
    authority = f"{lab.base_url}/{lab.tenant}/"
    application = client(lab, by_pem(own), authority=authority)
    check(lab, session, token(lab, application), strength="2")


@pytest.mark.parametrize(
    ("form", "algorithm", "hint"),
    [(by_thumbprint, "RS256", "x5t"), (by_pem, "PS256", "x5t#S256")],
)
def test_the_assertion_has_the_form_that_is_meant(
    lab: Lab, session: Session, own: Credential, form: Any, algorithm: str, hint: str
) -> None:
    token(lab, client(lab, form(own), http_client=session))
    body = session.answers[-1].request.body
    assert isinstance(body, str)
    header = jwt.get_unverified_header(parse_qs(body)["client_assertion"][0])
    assert header["alg"] == algorithm
    assert hint in header


def test_a_second_token_comes_out_of_the_cache(
    lab: Lab, session: Session, own: Credential
) -> None:
    application = client(lab, by_pem(own), http_client=session)
    first = token(lab, application)
    requests = len(session.answers)
    assert token(lab, application) == first
    assert len(session.answers) == requests, "an answer that names a scope is never found again"


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_a_key_that_is_not_registered_is_refused(lab: Lab, session: Session, form: Any) -> None:
    stranger = form(Credential.of_a_stranger())
    assert refused(lab, session, stranger) == UNKNOWN_KEY


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_a_wrong_key_under_the_name_of_the_right_one_is_refused(
    lab: Lab, session: Session, own: Credential, form: Any
) -> None:
    wrong = form(Credential(Credential.of_a_stranger().key, own.certificate))
    assert refused(lab, session, wrong) == UNKNOWN_KEY


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_the_key_of_another_application_is_refused(
    lab: Lab, session: Session, form: Any
) -> None:
    other = form(Credential.read(lab.key2_pem, lab.cert2_pem))
    assert refused(lab, session, other) == UNKNOWN_KEY


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
@pytest.mark.parametrize("kind", ["authority", "oidc_authority"])
def test_another_tenant_does_not_know_the_application(
    lab: Lab, session: Session, own: Credential, form: Any, kind: str
) -> None:
    authority = {kind: f"{lab.base_url}/{lab.tenant2}"}
    assert refused(lab, session, form(own), **authority) == UNKNOWN_APPLICATION


def test_a_wrong_secret_is_refused(lab: Lab, session: Session) -> None:
    found = refused(lab, session, lab.client_secret[:-1] + "~")
    assert found == (401, "invalid_client", [7000215])


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_a_credential_past_its_end_is_refused(lab_expired: Lab, form: Any) -> None:
    own = form(Credential.of_application(lab_expired))
    with Session(lab_expired) as session:
        assert refused(lab_expired, session, own) == UNKNOWN_KEY


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_no_token_is_issued_for_a_disabled_exchange(lab_disabled: Lab, form: Any) -> None:
    own = form(Credential.of_application(lab_disabled))
    with Session(lab_disabled) as session:
        assert refused(lab_disabled, session, own) == DISABLED_RESOURCE


@pytest.mark.parametrize("form", [by_thumbprint, by_pem])
def test_a_disabled_application_gets_no_token(lab_app_disabled: Lab, form: Any) -> None:
    own = form(Credential.of_application(lab_app_disabled))
    with Session(lab_app_disabled) as session:
        assert refused(lab_app_disabled, session, own) == DISABLED_APPLICATION


def test_an_authority_that_is_not_trusted_is_not_asked(lab: Lab, own: Credential) -> None:
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        token(lab, client(lab, by_pem(own), verify=True))
