"""The server-to-server protocol, spoken by hand.

Each attack is a token that differs from an accepted one in one point.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import jwt
import pytest
import requests

import s2s
from credentials import Credential
from lab import Lab
from transport import Session


@pytest.fixture(scope="module")
def sts(lab: Lab) -> s2s.Sts:
    with Session(lab) as session:
        return s2s.Sts.read(lab, session)


@pytest.fixture(scope="module")
def actor(lab: Lab, sts: s2s.Sts, own: Credential) -> str:
    """An actor token for the lab's Exchange."""
    with Session(lab) as session:
        answer = sts.ask(session, s2s.signed(sts.assertion(lab), own), s2s.resource(lab))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


# The token service.


def test_the_metadata_speaks_for_the_tenant(lab: Lab, sts: s2s.Sts) -> None:
    assert sts.issuer == f"{s2s.STS}@{lab.tenant}"
    assert sts.token_url.startswith("https://")
    assert sts.audience.startswith(f"{s2s.STS}/")
    assert len(sts.keys) >= 2, "the next key is published before it is used"


def test_the_answer_is_of_strings(
    lab: Lab, session: Session, sts: s2s.Sts, own: Credential
) -> None:
    answer = sts.ask(session, s2s.signed(sts.assertion(lab), own), s2s.resource(lab))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "no-store" in answer.headers["Cache-Control"]
    said = answer.json()
    assert all(isinstance(value, str) for value in said.values()), said
    assert said["token_type"] == "Bearer"
    assert said["resource"] == s2s.resource(lab)
    assert int(said["not_before"]) < int(said["expires_on"])
    assert int(said["expires_in"]) > 0
    assert "refresh_token" not in said


def test_the_actor_token_is_signed_with_a_published_key(
    lab: Lab, sts: s2s.Sts, actor: str
) -> None:
    def verify(key: object) -> dict[str, object] | None:
        try:
            return jwt.decode(actor, key, algorithms=["RS256"], audience=s2s.resource(lab))  # type: ignore[arg-type]
        except jwt.InvalidSignatureError:
            return None

    (claims,) = filter(None, map(verify, sts.keys))
    assert claims["iss"] == sts.issuer
    assert claims["nameid"] == s2s.client(lab)
    assert claims["trustedfordelegation"] == "true"


def refusal(answer: requests.Response) -> str:
    assert answer.status_code in (400, 401), answer.text
    assert answer.text.startswith('{"error"'), "clients of this protocol look for it there"
    return str(answer.json()["error"])


def test_an_assertion_of_a_stranger_is_refused(
    lab: Lab, session: Session, sts: s2s.Sts, own: Credential
) -> None:
    stranger = Credential.of_a_stranger()
    for credential in (stranger, Credential(stranger.key, own.certificate)):
        assertion = s2s.signed(sts.assertion(lab), credential)
        assert refusal(sts.ask(session, assertion, s2s.resource(lab))) == "invalid_client"


def test_an_assertion_of_another_tenants_application_is_refused(
    lab: Lab, session: Session, sts: s2s.Sts
) -> None:
    other = Credential.read(lab.key2_pem, lab.cert2_pem)
    refusal(sts.ask(session, s2s.signed(sts.assertion(lab), other), s2s.resource(lab)))
    theirs = f"{lab.client2_id}@{lab.tenant2}"
    claims = sts.assertion(lab, iss=theirs, nameid=theirs)
    refusal(sts.ask(session, s2s.signed(claims, other), s2s.resource(lab)))


def test_an_assertion_without_signature_is_refused(
    lab: Lab, session: Session, sts: s2s.Sts
) -> None:
    refusal(sts.ask(session, s2s.unsigned(sts.assertion(lab)), s2s.resource(lab)))


def test_an_assertion_past_its_time_is_refused(
    lab: Lab, session: Session, sts: s2s.Sts, own: Credential
) -> None:
    claims = sts.assertion(lab, **s2s.times(300, begin=-3600))
    refusal(sts.ask(session, s2s.signed(claims, own), s2s.resource(lab)))


def test_an_assertion_for_another_service_is_refused(
    lab: Lab, session: Session, sts: s2s.Sts, own: Credential
) -> None:
    claims = sts.assertion(lab, aud=f"{s2s.STS}/sts.elsewhere.example@{lab.tenant}")
    refusal(sts.ask(session, s2s.signed(claims, own), s2s.resource(lab)))


@pytest.mark.parametrize(
    ("appid", "host", "realm"),
    [
        (s2s.EXCHANGE, "mail.elsewhere.example", None),
        ("0fffffff-0000-0ff1-ce00-000000000000", None, None),
        (s2s.EXCHANGE, None, "second tenant"),
    ],
    ids=["host", "application", "tenant"],
)
def test_a_token_for_another_resource_is_refused(
    lab: Lab,
    session: Session,
    sts: s2s.Sts,
    own: Credential,
    appid: str,
    host: str | None,
    realm: str | None,
) -> None:
    host = host or lab.exchange_audience_host
    target = f"{appid}/{host}@{lab.tenant2 if realm else lab.tenant}"
    refusal(sts.ask(session, s2s.signed(sts.assertion(lab), own), target))


# The challenge.

Service = Callable[[Lab, Session, str | None], s2s.Answer]


def autodiscover(lab: Lab, session: Session, authorization: str | None) -> s2s.Answer:
    return s2s.get_user_settings(lab, session, authorization, lab.mailbox)


def ews(lab: Lab, session: Session, authorization: str | None) -> s2s.Answer:
    return s2s.get_inbox(lab, session, authorization)


@pytest.mark.parametrize("service", [autodiscover, ews])
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer "])
def test_who_shows_no_token_is_told_what_is_wanted(
    lab: Lab, session: Session, sts: s2s.Sts, service: Service, authorization: str | None
) -> None:
    answer = service(lab, session, authorization)
    assert answer.status == 401
    challenge = answer.challenge()
    assert challenge["client_id"] == s2s.EXCHANGE
    issuers = challenge["trusted_issuers"].split(",")
    assert sts.issuer in issuers or f"{s2s.STS}@*" in issuers
    assert challenge["token_types"] == "app_asserted_user_v1 service_asserted_app_v1"
    assert "error" not in challenge, "no token was shown"


# What is accepted.


def test_autodiscover_answers_who_acts_as_a_user(
    lab: Lab, session: Session, actor: str
) -> None:
    token = s2s.act_as(lab, actor, lab.mailbox)
    answer = s2s.get_user_settings(lab, session, f"Bearer {token}", lab.mailbox)
    assert answer.succeeded, answer
    assert answer.all(s2s.AUTODISCOVER, "Name") == ["ExternalEwsUrl"]
    assert answer.all(s2s.AUTODISCOVER, "Value") == [lab.ews_url]


def test_ews_answers_who_acts_as_a_user(lab: Lab, session: Session, actor: str) -> None:
    token = s2s.act_as(lab, actor, lab.mailbox)
    answer = s2s.get_inbox(lab, session, f"Bearer {token}")
    assert answer.succeeded, answer
    assert answer.all(s2s.TYPES, "DisplayName")


def test_one_actor_token_serves_several_users(lab: Lab, session: Session, actor: str) -> None:
    for user in (lab.mailbox, lab.mailbox2):
        token = s2s.act_as(lab, actor, user)
        assert s2s.get_inbox(lab, session, f"bearer {token}", mailbox=user).succeeded


def test_an_application_by_itself_works_in_a_mailbox_of_its_tenant(
    lab: Lab, session: Session, actor: str
) -> None:
    answer = s2s.get_inbox(lab, session, f"Bearer {actor}", impersonate=lab.mailbox)
    assert answer.succeeded, answer


# What is not.


def test_a_user_does_not_reach_the_mailbox_of_another(
    lab: Lab, session: Session, actor: str
) -> None:
    authorization = f"Bearer {s2s.act_as(lab, actor, lab.mailbox)}"
    for user in (lab.mailbox2, lab.mailbox_t2):
        for reach in ({"mailbox": user}, {"impersonate": user}):
            answer = s2s.get_inbox(lab, session, authorization, **reach)
            assert not answer.succeeded, (reach, answer)
            assert not answer.all(s2s.TYPES, "FolderId"), (reach, answer)


def test_an_application_by_itself_reaches_no_other_tenant(
    lab: Lab, session: Session, actor: str
) -> None:
    for reach in (
        {"impersonate": lab.mailbox_t2},
        {"mailbox": lab.mailbox_t2},
        {"impersonate": lab.mailbox, "mailbox": lab.mailbox_t2},
    ):
        answer = s2s.get_inbox(lab, session, f"Bearer {actor}", **reach)
        assert not answer.succeeded, (reach, answer)
        assert not answer.all(s2s.TYPES, "FolderId"), (reach, answer)


@dataclass(frozen=True)
class Attack:
    """What an attacker holds: a genuine actor token, and the client's own key."""

    lab: Lab
    sts: s2s.Sts
    own: Credential
    actor: str

    def act_as(self, user: str | None = None, **changes: object) -> str:
        return s2s.act_as(self.lab, self.actor, user or self.lab.mailbox, **changes)

    def around(self, actor: str) -> str:
        return replace(self, actor=actor).act_as()

    def changed_actor(self, **changes: object) -> str:
        """The actor token with other claims under the same signature."""
        head, _, signature = self.actor.split(".")
        return f"{head}.{s2s.segment(s2s.stated(self.actor) | changes)}.{signature}"


def actor_of_no_algorithm(attack: Attack) -> str:
    return attack.around(s2s.unsigned(s2s.stated(attack.actor)))


def actor_of_no_algorithm_with_its_old_signature(attack: Attack) -> str:
    signature = attack.actor.rpartition(".")[2]
    return attack.around(s2s.unsigned(s2s.stated(attack.actor)) + signature)


def actor_without_its_signature(attack: Attack) -> str:
    return attack.around(attack.actor.rpartition(".")[0] + ".")


def actor_with_any_signature(attack: Attack) -> str:
    return attack.around(attack.actor.rpartition(".")[0] + ".AAAA")


def actor_with_changed_claims(attack: Attack) -> str:
    later = int(s2s.stated(attack.actor)["exp"]) + 60
    return attack.around(attack.changed_actor(exp=str(later)))


def actor_signed_by_the_client(attack: Attack) -> str:
    return attack.around(s2s.signed(s2s.stated(attack.actor), attack.own))


def actor_issued_by_the_client(attack: Attack) -> str:
    claims = s2s.stated(attack.actor) | {"iss": s2s.client(attack.lab)}
    return attack.around(s2s.signed(claims, attack.own))


def actor_that_carries_its_own_key(attack: Attack) -> str:
    stranger = Credential.of_a_stranger()
    body = stranger.certificate.replace("\n", "")
    der = re.sub(r"-----[^-]+-----", "", body)
    headers = {"x5t": s2s.segment(stranger.thumbprint()), "x5c": [der]}
    claims = s2s.stated(attack.actor)
    return attack.around(jwt.encode(claims, stranger.key, algorithm="RS256", headers=headers))


def actor_within_an_actor(attack: Attack) -> str:
    return attack.around(attack.act_as())


def no_actor(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    del claims["actortoken"]
    return s2s.unsigned(claims)


def envelope_of_an_algorithm_spelt_differently(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    return s2s.unsigned(claims, algorithm="None")


def envelope_with_a_signature(attack: Attack) -> str:
    return attack.act_as() + "AAAA"


def envelope_signed_by_the_client(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    return s2s.signed(claims, attack.own)


def envelope_past_its_time(attack: Attack) -> str:
    return attack.act_as(**s2s.times(300, begin=-3600))


def envelope_before_its_time(attack: Attack) -> str:
    return attack.act_as(**s2s.times(300, begin=3600))


def envelope_without_an_end(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    del claims["exp"]
    return s2s.unsigned(claims)


def envelope_of_another_issuer(attack: Attack) -> str:
    return attack.act_as(iss=f"{attack.lab.client2_id}@{attack.lab.tenant}")


def envelope_of_another_tenant(attack: Attack) -> str:
    lab = attack.lab
    return attack.act_as(
        lab.mailbox_t2,
        iss=f"{lab.client_id}@{lab.tenant2}",
        aud=f"{s2s.EXCHANGE}/{lab.exchange_audience_host}@{lab.tenant2}",
    )


def audience_of_another_tenant(attack: Attack) -> str:
    lab = attack.lab
    audience = f"{s2s.EXCHANGE}/{lab.exchange_audience_host}@{lab.tenant2}"
    return attack.act_as(lab.mailbox_t2, aud=audience)


def audience_of_another_host(attack: Attack) -> str:
    return attack.act_as(aud=f"{s2s.EXCHANGE}/mail.elsewhere.example@{attack.lab.tenant}")


def user_of_another_tenant(attack: Attack) -> str:
    return attack.act_as(attack.lab.mailbox_t2)


def user_that_does_not_exist(attack: Attack) -> str:
    return attack.act_as(f"nobody@{attack.lab.mailbox.partition('@')[2]}")


def two_users(attack: Attack) -> str:
    return attack.act_as(smtp=attack.lab.mailbox2)


def no_user(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    for name in ("nameid", "nii", "upn", "smtp", "sip"):
        del claims[name]
    return s2s.unsigned(claims)


def a_claim_given_twice(attack: Attack) -> str:
    claims = s2s.act_as_claims(attack.lab, attack.actor, attack.lab.mailbox)
    doubled = json.dumps(claims)[:-1] + f', "smtp": "{attack.lab.mailbox2}"}}'
    head = s2s.segment({"typ": "JWT", "alg": "none"})
    return f"{head}.{s2s.segment(doubled.encode())}."


ATTACKS: list[Callable[[Attack], str]] = [
    actor_of_no_algorithm,
    actor_of_no_algorithm_with_its_old_signature,
    actor_without_its_signature,
    actor_with_any_signature,
    actor_with_changed_claims,
    actor_signed_by_the_client,
    actor_issued_by_the_client,
    actor_that_carries_its_own_key,
    actor_within_an_actor,
    no_actor,
    envelope_of_an_algorithm_spelt_differently,
    envelope_with_a_signature,
    envelope_signed_by_the_client,
    envelope_past_its_time,
    envelope_before_its_time,
    envelope_without_an_end,
    envelope_of_another_issuer,
    envelope_of_another_tenant,
    audience_of_another_tenant,
    audience_of_another_host,
    user_of_another_tenant,
    user_that_does_not_exist,
    two_users,
    no_user,
    a_claim_given_twice,
]


@pytest.mark.parametrize("service", [autodiscover, ews])
@pytest.mark.parametrize("forge", ATTACKS)
def test_an_attack_is_refused(
    lab: Lab,
    session: Session,
    sts: s2s.Sts,
    own: Credential,
    actor: str,
    forge: Callable[[Attack], str],
    service: Service,
) -> None:
    attack = Attack(lab, sts, own, actor)
    answer = service(lab, session, f"Bearer {forge(attack)}")
    assert answer.status == 401, answer
    assert answer.challenge()["error"] == "invalid_token"
    assert re.match(r'\d{7};reason="', answer.headers["x-ms-diagnostics"])
    # Twin: without the change, the same token is accepted.
    assert service(lab, session, f"Bearer {attack.act_as()}").succeeded
