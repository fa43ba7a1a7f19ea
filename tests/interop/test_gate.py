"""A service of somebody else behind a proxy that asks `actas gate`.

nginx is the real one, with the configuration of `examples`; what Traefik and Envoy ask is
written by hand.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

import gate as around
import s2s
from credentials import Credential
from lab import Lab, binary
from test_bound_tokens import Holder, proof
from transport import Session

Answer = tuple[int, dict[str, str]]

# What callers believe to dial: tests reach nginx at another port.
ORIGIN = "https://mail.contoso.example"

FIELDS = {
    f"x-actas-{name}"
    for name in ("app", "tenant", "how", "user", "user-ids", "user-object", "expires")
}


@pytest.fixture(scope="module")
def actor(lab: Lab, own: Credential) -> str:
    with Session(lab) as session:
        sts = s2s.Sts.read(lab, session)
        answer = sts.ask(session, s2s.signed(sts.assertion(lab), own), s2s.resource(lab))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def gate(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[around.Gate]:
    head = f"""
[proxy]
kind = "nginx"
addresses = ["127.0.0.1"]
origins = ["{ORIGIN}"]
"""
    gate = around.Gate(tmp_path_factory.mktemp("gate"), around.trust(lab, head=head))
    yield gate
    assert gate.end() == 0


@pytest.fixture(scope="module")
def nginx(
    gate: around.Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[around.Nginx]:
    service = around.Service()
    nginx = around.Nginx(tmp_path_factory.mktemp("nginx"), gate, service)
    yield nginx
    nginx.end()
    service.end()


def through(nginx: around.Nginx, token: str | None, **fields: str) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}".strip()
    return requests.get(
        f"{nginx.url}/EWS/Exchange.asmx",
        headers=headers,
        verify=str(nginx.certificate),
        timeout=30,
    )


def seen(answer: requests.Response) -> dict[str, str]:
    """The fields that the service was sent, each once."""
    assert answer.status_code == 200, answer.text
    pairs = answer.json()
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def test_nginx_lets_an_application_pass_and_says_who_it_is(
    lab: Lab, nginx: around.Nginx, actor: str
) -> None:
    fields = seen(through(nginx, actor))
    assert fields["x-actas-app"] == lab.client_id
    assert fields["x-actas-tenant"] == lab.tenant
    assert fields["x-actas-how"] == "app-only"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fields["x-actas-expires"])
    assert "x-actas-user" not in fields
    assert "authorization" not in fields, "the service has no use for the token"


def test_nginx_lets_a_user_pass(lab: Lab, nginx: around.Nginx, actor: str) -> None:
    fields = seen(through(nginx, s2s.act_as(lab, actor, lab.mailbox)))
    assert fields["x-actas-how"] == "act-as"
    assert fields["x-actas-user"] == lab.mailbox
    ids = fields["x-actas-user-ids"].split(",")
    assert ids == [f"{kind}={lab.mailbox}" for kind in ("upn", "upn", "smtp", "sip")]


def test_what_a_caller_made_up_never_arrives(lab: Lab, nginx: around.Nginx, actor: str) -> None:
    made_up = {
        name.replace("-", "_"): "administrator@contoso.example" for name in sorted(FIELDS)
    }
    fields = seen(through(nginx, actor, **made_up))
    assert "administrator@contoso.example" not in fields.values(), fields
    assert fields["x-actas-app"] == lab.client_id and "x-actas-user" not in fields
    fields = seen(through(nginx, s2s.act_as(lab, actor, lab.mailbox), **made_up))
    assert fields["x-actas-user"] == lab.mailbox
    # The same with underscores, and twice.
    connection = http.client.HTTPSConnection("localhost", nginx.port, context=trusting(nginx))
    connection.putrequest("GET", "/")
    connection.putheader("Authorization", f"Bearer {actor}")
    for name in ("X_Actas_User", "X-Actas-User", "x-actas-user"):
        connection.putheader(name, "administrator@contoso.example")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 200
    assert not [pair for pair in json.loads(answer.read()) if "user" in pair[0]]


def trusting(nginx: around.Nginx) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(nginx.certificate))


def test_without_a_token_nginx_answers_the_challenge(lab: Lab, nginx: around.Nginx) -> None:
    for token in (None, ""):
        answer = through(nginx, token)
        assert answer.status_code == 401
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith(f'Bearer client_id="{s2s.EXCHANGE}", realm="{lab.tenant}"')
        assert f'trusted_issuers="{s2s.STS}@{lab.tenant}"' in challenge
        assert 'token_types="app_asserted_user_v1 service_asserted_app_v1"' in challenge
        assert "error=" not in challenge and "x-ms-diagnostics" not in answer.headers


def test_a_changed_token_is_refused_without_details(
    lab: Lab, nginx: around.Nginx, actor: str
) -> None:
    changed = actor[:-12] + "AAAAAAAAAAAA"
    for token, code in [
        (changed, "2000000;"),
        (s2s.act_as(lab, changed, lab.mailbox), "2000000;"),
        (s2s.act_as(lab, actor, lab.mailbox, aud="x"), "2000003;"),
        (s2s.act_as(lab, actor, lab.mailbox, iss=f"{s2s.EXCHANGE}@{lab.tenant}"), "2000001;"),
        (s2s.act_as(lab, actor, lab.mailbox, smtp=lab.mailbox2), "2000005;"),
        ("a.b", "2000001;"),
    ]:
        answer = through(nginx, token)
        assert answer.status_code == 401, answer.text
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        diagnostics = answer.headers["x-ms-diagnostics"]
        assert diagnostics.startswith(code), diagnostics
        assert "rule=" not in diagnostics


def ask(gate: around.Gate, method: str, path: str, **fields: str) -> Answer:
    """Asks the gate itself, as a proxy would."""
    connection = http.client.HTTPConnection(gate.authority, timeout=30)
    connection.request(method, path, headers=fields)
    answer = connection.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_traefik_asks_with_forwarded_fields(lab: Lab, gate: around.Gate, actor: str) -> None:
    forwarded = {
        "X-Forwarded-Method": "POST",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Uri": "/EWS/Exchange.asmx",
        "X-Forwarded-For": "192.0.2.7",
    }
    status, fields = ask(gate, "GET", "/auth", Authorization=f"Bearer {actor}", **forwarded)
    assert status == 200 and fields["x-actas-app"] == lab.client_id
    assert fields.keys() >= FIELDS and fields["x-actas-user"] == ""
    status, fields = ask(gate, "GET", "/auth", **forwarded)
    assert status == 401 and fields["www-authenticate"].startswith("Bearer client_id=")
    assert not fields.keys() & FIELDS


def test_envoy_asks_with_the_requests_own_method_and_path(
    lab: Lab, gate: around.Gate, actor: str
) -> None:
    for method in ("GET", "POST", "PROPFIND"):
        own = {"Authorization": f"Bearer {actor}", "Content-Length": "0"}
        status, fields = ask(gate, method, "/auth/EWS/Exchange.asmx?a=b", **own)
        assert status == 200 and fields.keys() >= FIELDS, (method, status)
        assert ask(gate, method, "/auth/EWS/Exchange.asmx")[0] == 401
    assert ask(gate, "GET", "/EWS/Exchange.asmx", Authorization=f"Bearer {actor}")[0] == 404


def test_details_and_several_user_ids_are_switched_on(
    lab: Lab, actor: str, tmp_path: Path
) -> None:
    open_gate = around.Gate(
        tmp_path, around.trust(lab, diagnostics=True, several_user_ids=True)
    )
    try:
        mixed = s2s.act_as(lab, actor, lab.mailbox, smtp=lab.mailbox2)
        status, fields = ask(open_gate, "GET", "/auth", Authorization=f"Bearer {mixed}")
        assert status == 200 and fields["x-actas-user"] == ""
        assert f"smtp={lab.mailbox2}" in fields["x-actas-user-ids"].split(",")
        foreign = s2s.act_as(lab, actor, lab.mailbox, aud=f"{s2s.EXCHANGE}/evil@{lab.tenant}")
        status, fields = ask(open_gate, "GET", "/auth", Authorization=f"Bearer {foreign}")
        assert status == 401 and 'rule="V12"' in fields["x-ms-diagnostics"]
    finally:
        assert open_gate.end() == 0


def test_many_at_once_and_readiness(gate: around.Gate, actor: str) -> None:
    assert ask(gate, "GET", "/healthz")[0] == ask(gate, "GET", "/readyz")[0] == 200
    with ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(ask, gate, "GET", "/auth", Authorization=f"Bearer {actor}")
            for _ in range(200)
        ]
        assert {future.result()[0] for future in asked} == {200}


def test_the_command_says_what_the_gate_would(
    lab: Lab, gate: around.Gate, actor: str, tmp_path: Path
) -> None:
    def validate(token: str, *words: str) -> tuple[int, dict[str, str]]:
        file = tmp_path / "token.txt"
        file.write_text(f"Authorization: Bearer {token}\n")
        command = [str(binary()), "token", "validate", "--file", str(file), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        rows = json.loads(done.stdout) if done.stdout else []
        return done.returncode, {
            f"{row['Rule']} {row['Token'] or ''}".strip(): row["Result"] for row in rows
        }

    by_file = ("--trust", str(gate.file), "--output", "json")
    status, results = validate(s2s.act_as(lab, actor, lab.mailbox), *by_file)
    assert status == 0 and set(results.values()) == {"pass", "not applicable"}, results
    late = s2s.act_as(lab, actor, lab.mailbox, exp="1700000000", nbf="1699999000")
    status, results = validate(late, *by_file)
    assert (
        status == 1
        and results["V13 act-as"] == "fail"
        and results["V14 act-as"] == "not reached"
    )
    assert results["V10 actor"] == "pass"


@pytest.fixture(scope="module")
def held(lab: Lab, own: Credential) -> tuple[Holder, str]:
    """A key, and an actor token that is bound to it."""
    holder = Holder()
    with Session(lab) as session:
        sts = s2s.Sts.read(lab, session)
        own_proof = proof(holder, "POST", sts.token_url)
        assertion = s2s.signed(sts.assertion(lab), own)
        answer = sts.ask(session, assertion, s2s.resource(lab), DPoP=own_proof)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "DPoP", answer.text
    return holder, str(answer.json()["access_token"])


def shown(
    nginx: around.Nginx, token: str, shown: str, scheme: str = "DPoP", **fields: str
) -> requests.Response:
    return requests.post(
        f"{nginx.url}/EWS/Exchange.asmx?a=b",
        headers={"Authorization": f"{scheme} {token}", "DPoP": shown, **fields},
        verify=str(nginx.certificate),
        timeout=30,
    )


def test_a_bound_token_passes_nginx_with_a_proof_for_what_was_asked(
    lab: Lab, nginx: around.Nginx, held: tuple[Holder, str]
) -> None:
    holder, token = held
    url = f"{ORIGIN}/EWS/Exchange.asmx"
    good = proof(holder, "POST", url, token)
    fields = seen(shown(nginx, token, good))
    assert fields["x-actas-app"] == lab.client_id
    assert "dpop" not in fields and "authorization" not in fields
    assert shown(nginx, token, good).status_code == 401, "a proof is used once"
    for method, address in [("GET", url), ("POST", f"{ORIGIN}/other"), ("POST", nginx.url)]:
        answer = shown(nginx, token, proof(holder, method, address, token))
        assert answer.status_code == 401, (method, address)
        assert answer.headers["www-authenticate"].startswith("DPoP "), answer.headers
    as_bearer = shown(nginx, token, proof(holder, "POST", url, token), "Bearer")
    assert as_bearer.status_code == 401


def test_a_caller_does_not_say_what_was_asked(
    nginx: around.Nginx, held: tuple[Holder, str]
) -> None:
    holder, token = held
    elsewhere = proof(holder, "GET", f"{ORIGIN}/other", token)
    for prefix in ("X-Original", "X-Forwarded"):
        made_up = {f"{prefix}-Method": "GET", f"{prefix}-URI": "/other"}
        assert shown(nginx, token, elsewhere, **made_up).status_code == 401, prefix


@pytest.mark.parametrize("kind", ["traefik", "envoy"])
def test_other_proxies_say_it_in_their_own_way(
    lab: Lab, held: tuple[Holder, str], tmp_path: Path, kind: str
) -> None:
    holder, token = held
    head = f'[proxy]\nkind = "{kind}"\norigins = ["{ORIGIN}"]'
    gate = around.Gate(tmp_path, around.trust(lab, head=head))
    forwarded = {"X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/EWS/Exchange.asmx?a"}
    own = (
        ("GET", "/auth", forwarded)
        if kind == "traefik"
        else ("POST", "/auth/EWS/Exchange.asmx", {})
    )
    try:
        for path, expected in [("/EWS/Exchange.asmx", 200), ("/other", 401)]:
            fields = {
                "Authorization": f"DPoP {token}",
                "DPoP": proof(holder, "POST", f"{ORIGIN}{path}", token),
            }
            status, _ = ask(gate, own[0], own[1], **fields, **own[2])
            assert status == expected, path
    finally:
        assert gate.end() == 0


def test_a_proxy_at_another_address_is_not_believed(
    lab: Lab, held: tuple[Holder, str], tmp_path: Path
) -> None:
    holder, token = held
    head = f'[proxy]\nkind = "envoy"\naddresses = ["192.0.2.1"]\norigins = ["{ORIGIN}"]'
    gate = around.Gate(tmp_path, around.trust(lab, head=head))
    try:
        fields = {
            "Authorization": f"DPoP {token}",
            "DPoP": proof(holder, "GET", f"{ORIGIN}/a", token),
        }
        assert ask(gate, "GET", "/auth/a", **fields)[0] == 401
    finally:
        assert gate.end() == 0


def test_the_gate_speaks_tls_and_reads_its_file_again(
    lab: Lab, actor: str, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "gate.pem", tmp_path / "gate.key"
    around.certify(certificate, key)
    head = 'certificate_file = "gate.pem"\nkey_file = "gate.key"'
    gate = around.Gate(tmp_path, around.trust(lab, head=head))
    assert gate.url.startswith("https://")
    url = gate.url.replace("127.0.0.1", "localhost")
    headers = {"Authorization": f"Bearer {actor}"}

    def status() -> int:
        answer = requests.get(url, headers=headers, verify=str(certificate), timeout=30)
        return answer.status_code

    def eventually(expected: int) -> None:
        deadline = time.monotonic() + 15
        while status() != expected:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    try:
        assert status() == 200
        text = gate.file.read_text()
        gate.file.write_text("listen = 7")
        gate.process.send_signal(signal.SIGHUP)
        gate.file.write_text(text.replace("act_as = true", "enabled = false"))
        gate.process.send_signal(signal.SIGHUP)
        eventually(401)
        # Another certificate comes with the next reading.
        around.certify(certificate, key)
        gate.file.write_text(text)
        gate.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 15
        while True:
            try:
                if status() == 200:
                    break
            except requests.exceptions.SSLError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        assert gate.end() == 0
