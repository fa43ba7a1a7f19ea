"""What an access token of the lab must say, and what a refusal."""

from __future__ import annotations

from typing import Any

import jwt

from lab import Lab
from transport import Session

# The status, the error and its codes of a request that must fail.
Refusal = tuple[int, str, list[int]]

UNKNOWN_KEY: Refusal = (401, "invalid_client", [700027])
UNKNOWN_APPLICATION: Refusal = (400, "unauthorized_client", [700016])
DISABLED_APPLICATION: Refusal = (400, "unauthorized_client", [7000112])
DISABLED_RESOURCE: Refusal = (400, "invalid_resource", [500011])


def discovery(lab: Lab, session: Session, version: str = "") -> dict[str, Any]:
    """The discovery document, of version `/v2.0` or of the first."""
    place = f"{lab.base_url}/{lab.tenant}{version}/.well-known/openid-configuration"
    document: dict[str, Any] = session.get(place).json()
    return document


def verified(
    lab: Lab, session: Session, access_token: str, audience: str | None = None
) -> dict[str, Any]:
    """The claims, checked with the keys and the issuer that the lab publishes."""
    stated = jwt.decode(access_token, options={"verify_signature": False})
    document = discovery(lab, session, "" if stated["ver"] == "1.0" else "/v2.0")
    keys = jwt.PyJWKSet.from_dict(session.get(document["jwks_uri"]).json())
    claims: dict[str, Any] = jwt.decode(
        access_token,
        keys[jwt.get_unverified_header(access_token)["kid"]],
        algorithms=["RS256"],
        audience=audience or lab.resource,
        issuer=document["issuer"],
        options={"require": ["aud", "exp", "iat", "iss", "nbf", "sub"]},
    )
    return claims


def check(lab: Lab, session: Session, access_token: str, *, strength: str = "2") -> None:
    """Checks a token of the lab's application for its Exchange."""
    claims = verified(lab, session, access_token)
    assert claims["aud"] == lab.resource
    assert claims["appid"] == lab.client_id
    assert claims["appidacr"] == strength
    assert claims["tid"] == lab.tenant
    assert claims["oid"] == claims["sub"]
    assert "full_access_as_app" in claims["roles"]
    assert "scp" not in claims, "it would make it a user's token"


def refusal(status: int, body: dict[str, Any]) -> Refusal:
    """A refusal in its parts, whose description must begin with its code."""
    assert "access_token" not in body
    (code,) = body["error_codes"]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    return status, body["error"], body["error_codes"]
