"""The server-to-server protocol by hand: assertions, actor and act-as tokens, SOAP.

Nothing here is code of the product: what the lab accepts is what anybody can
write from the protocol's description.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from credentials import Credential
from lab import Lab

EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
STS = "00000001-0000-0000-c000-000000000000"
GRANT = "http://oauth.net/grant_type/jwt/1.0/bearer"
ACTIVE_DIRECTORY = "urn:office:idp:activedirectory"

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
AUTODISCOVER = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"

ASSERTION_SECONDS = 300
ACT_AS_SECONDS = 300

Claims = dict[str, Any]


def segment(value: Claims | bytes) -> str:
    """One part of a token: base64url without padding."""
    if isinstance(value, dict):
        value = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(claims: Claims, *, algorithm: str = "none") -> str:
    return f"{segment({'typ': 'JWT', 'alg': algorithm})}.{segment(claims)}."


def signed(claims: Claims, credential: Credential) -> str:
    headers = {"x5t": segment(credential.thumbprint())}
    return jwt.encode(claims, credential.key, algorithm="RS256", headers=headers)


def stated(token: str) -> Claims:
    """What a token says, believed or not."""
    body = token.split(".")[1]
    claims: Claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def times(seconds: int, *, begin: int = 0) -> Claims:
    """The claims of a lifetime that begins `begin` seconds from now, as strings."""
    start = int(time.time()) + begin
    return {"nbf": str(start), "exp": str(start + seconds)}


def resource(lab: Lab) -> str:
    return f"{EXCHANGE}/{lab.exchange_audience_host}@{lab.tenant}"


def client(lab: Lab) -> str:
    return f"{lab.client_id}@{lab.tenant}"


@dataclass(frozen=True)
class Sts:
    """What the metadata document of a tenant says of its token service."""

    issuer: str
    token_url: str
    audience: str
    keys: list[rsa.RSAPublicKey]
    certificates: list[str]

    @classmethod
    def read(cls, lab: Lab, session: requests.Session) -> Sts:
        document = session.get(lab.metadata_url).json()
        (token_url,) = [
            endpoint["location"]
            for endpoint in document["endpoints"]
            if endpoint["protocol"] == "OAuth2" and endpoint["usage"] == "issuance"
        ]
        audience = next(
            name for name in document["allowedAudiences"] if name.endswith(f"@{lab.tenant}")
        )
        certificates = [
            key["keyValue"]["value"] for key in document["keys"] if key["usage"] == "signing"
        ]
        keys = []
        for certificate in certificates:
            der = base64.b64decode(certificate)
            key = x509.load_der_x509_certificate(der).public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            keys.append(key)
        return cls(document["issuer"], token_url, audience, keys, certificates)

    def assertion(self, lab: Lab, **changes: Any) -> Claims:
        """The claims by which the client asks for an actor token."""
        claims = {
            "aud": self.audience,
            "iss": client(lab),
            "nameid": client(lab),
            **times(ASSERTION_SECONDS),
        }
        return claims | changes

    def ask(
        self, session: requests.Session, assertion: str, resource: str, **fields: str
    ) -> requests.Response:
        form = {"grant_type": GRANT, "assertion": assertion, "resource": resource}
        return session.post(self.token_url, data=form, headers=fields)


def act_as_claims(lab: Lab, actor: str, user: str, **changes: Any) -> Claims:
    """The claims of an act-as token: a user, in an envelope around the actor."""
    said = stated(actor)
    claims = {
        "aud": said["aud"],
        "iss": said["nameid"],
        **times(ACT_AS_SECONDS),
        "nameid": user,
        "nii": ACTIVE_DIRECTORY,
        "upn": user,
        "smtp": user,
        "sip": user,
        "actortoken": actor,
    }
    return claims | changes


def exchanged(lab: Lab, session: requests.Session, resource: str | None = None) -> str:
    """A token by which the application acts as its user (RFC 8693), at Graph unless said."""
    own = Credential.of_application(lab)

    def assertion(subject: str) -> str:
        moments = {name: int(value) for name, value in times(ASSERTION_SECONDS).items()}
        claims = {"iss": lab.client_id, "sub": subject, "aud": lab.token_url, **moments}
        return signed({**claims, "jti": uuid.uuid4().hex}, own)

    answer = session.post(
        lab.token_url,
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_id": lab.client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion(lab.client_id),
            "subject_token": assertion(lab.mailbox),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "resource": resource or lab.base_url,
        },
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def act_as(lab: Lab, actor: str, user: str, **changes: Any) -> str:
    return unsigned(act_as_claims(lab, actor, user, **changes))


@dataclass(frozen=True)
class Answer:
    """What Autodiscover or EWS answered."""

    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    text: str

    def all(self, namespace: str, name: str) -> list[str]:
        """The texts of every element of that name; none where no XML was answered."""
        if not self.text.startswith("<"):
            return []
        found = ElementTree.fromstring(self.text).iter(f"{{{namespace}}}{name}")
        return [(element.text or "").strip() for element in found]

    @property
    def succeeded(self) -> bool:
        """Whether the call as a whole and everything in it went well."""
        if self.status != 200:
            return False
        codes = self.all(MESSAGES, "ResponseCode") + self.all(AUTODISCOVER, "ErrorCode")
        return bool(codes) and set(codes) == {"NoError"}

    def challenge(self) -> dict[str, str]:
        """The parameters of the Bearer challenge."""
        (header,) = [
            part
            for part in re.split(r", (?=[A-Za-z]+ )", self.headers["WWW-Authenticate"])
            if part.startswith("Bearer ")
        ]
        return dict(re.findall(r'(\w+)="([^"]*)"', header))


def call(
    session: requests.Session,
    url: str,
    authorization: str | None,
    body: str,
    mailbox: str | None = None,
) -> Answer:
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    headers["client-request-id"] = str(uuid.uuid4())
    if authorization is not None:
        headers["Authorization"] = authorization
    if mailbox is not None:
        headers["X-AnchorMailbox"] = mailbox
    answer = session.post(url, data=body.encode(), headers=headers, allow_redirects=False)
    return Answer(answer.status_code, answer.headers, answer.text)


def get_user_settings(
    lab: Lab, session: requests.Session, authorization: str | None, mailbox: str
) -> Answer:
    """Asks Autodiscover for the address of a mailbox's EWS."""
    url = lab.autodiscover_url
    body = f"""<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="{SOAP}" xmlns:wsa="{ADDRESSING}" xmlns:a="{AUTODISCOVER}">
  <s:Header>
    <a:RequestedServerVersion>Exchange2016</a:RequestedServerVersion>
    <wsa:Action>{AUTODISCOVER}/Autodiscover/GetUserSettings</wsa:Action>
    <wsa:To>{escape(url)}</wsa:To>
  </s:Header>
  <s:Body>
    <a:GetUserSettingsRequestMessage><a:Request>
      <a:Users><a:User><a:Mailbox>{escape(mailbox)}</a:Mailbox></a:User></a:Users>
      <a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting></a:RequestedSettings>
    </a:Request></a:GetUserSettingsRequestMessage>
  </s:Body>
</s:Envelope>"""
    return call(session, url, authorization, body)


def get_inbox(
    lab: Lab,
    session: requests.Session,
    authorization: str | None,
    *,
    mailbox: str | None = None,
    impersonate: str | None = None,
) -> Answer:
    """Asks EWS for the inbox of the caller, or of `mailbox`, or as another user."""
    header = owner = ""
    if impersonate is not None:
        header = (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
            f"{escape(impersonate)}"
            "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
        )
    if mailbox is not None:
        owner = f"<t:Mailbox><t:EmailAddress>{escape(mailbox)}</t:EmailAddress></t:Mailbox>"
    body = f"""<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">
  <s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>{header}</s:Header>
  <s:Body><m:GetFolder>
    <m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
    <m:FolderIds><t:DistinguishedFolderId Id="inbox">{owner}</t:DistinguishedFolderId></m:FolderIds>
  </m:GetFolder></s:Body>
</s:Envelope>"""
    return call(session, lab.ews_url, authorization, body, impersonate or mailbox)
