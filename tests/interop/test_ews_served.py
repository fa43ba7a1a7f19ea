"""exchangelib at a server with limits of its own: it waits as it is told, and its largest files
are never whole in the server's memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exchangelib
import msal
import pytest
from exchangelib import (
    IMPERSONATION,
    OAUTH2,
    UTC,
    Account,
    Configuration,
    FailFast,
    FaultTolerance,
    FileAttachment,
    Message,
)
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import ErrorMessageSizeExceeded, ErrorServerBusy
from exchangelib.protocol import BaseProtocol
from exchangelib.version import EXCHANGE_2016, Version

from credentials import Credential
from gate import eventually, free_port
from lab import END_SECONDS, binary
from transport import REQUEST_SECONDS

APPLICATION = "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11"
MAILBOX = "adam@contoso.example"
SEED = f"""
[[tenant]]
display_name = "Contoso"
domains = ["contoso.example"]
[[tenant.user]]
address = "{MAILBOX}"
[[tenant.application]]
id = "{APPLICATION}"
name = "Voice"
roles = ["full_access_as_app"]
exchange_partner = true
"""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Served:
    url: str
    ca_pem: str
    token: str
    pid: int

    def account(self, policy: Any) -> Account:
        credentials = OAuth2AuthorizationCodeCredentials(
            access_token={"access_token": self.token, "token_type": "Bearer"}
        )
        config = Configuration(
            service_endpoint=f"{self.url}/EWS/Exchange.asmx",
            credentials=credentials,
            auth_type=OAUTH2,
            retry_policy=policy,
            version=Version(build=EXCHANGE_2016),
        )
        return Account(
            primary_smtp_address=MAILBOX,
            config=config,
            autodiscover=False,
            access_type=IMPERSONATION,
            default_timezone=UTC,
            locale="en_US",
        )

    def peak_bytes(self) -> int:
        """The most memory that the server ever had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


def served(folder: Path, limits: str) -> Iterator[Served]:
    """`actas serve`, and a token of its application."""
    port = free_port()
    url = f"https://localhost:{port}"
    (folder / "seed.toml").write_text(SEED)
    (folder / "actas.toml").write_text(
        f'[cloud]\nlisten = "127.0.0.1:{port}"\npublic_origin = "{url}"\n'
        f'data = "cloud"\nseed_file = "seed.toml"\n{limits}\n'
    )
    ready = folder / "ready.json"
    command = [str(binary()), "serve", "--data", str(folder), "--ready-file", str(ready)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually("the server", process, ready)
        ca_pem = json.loads(ready.read_text())["CA_PEM"]
        own = folder / "cloud" / "applications" / APPLICATION
        credential = Credential.read(f"{own}.key", f"{own}.cer")
        application = msal.ConfidentialClientApplication(
            APPLICATION,
            client_credential={
                "private_key": credential.key,
                "public_certificate": credential.certificate,
            },
            authority=f"{url}/contoso.example",
            instance_discovery=False,
            verify=ca_pem,
            timeout=REQUEST_SECONDS,
        )
        answer = application.acquire_token_for_client(["https://localhost/.default"])
        assert "access_token" in answer, answer
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REQUESTS_CA_BUNDLE", ca_pem)
            patch.setattr(BaseProtocol, "TIMEOUT", 4 * REQUEST_SECONDS)
            yield Served(url, ca_pem, str(answer["access_token"]), process.pid)
            exchangelib.close_connections()
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def throttled(tmp_path: Path) -> Iterator[Served]:
    yield from served(tmp_path, "mailbox_rate = { per_second = 4, burst = 4 }")


@pytest.fixture
def bounded(tmp_path: Path) -> Iterator[Served]:
    yield from served(tmp_path, f"mailbox_item_bytes = {22 * MIB}")


def test_exchangelib_waits_as_long_as_it_is_told(throttled: Served) -> None:
    """Without patience it is told when to come back; with it, it comes back then."""
    impatient = throttled.account(FailFast())
    folder_id = impatient.inbox.id
    with pytest.raises(ErrorServerBusy) as busy:
        for _ in range(40):
            list(impatient.inbox.all().only("subject"))
    assert 0 < busy.value.back_off <= 1
    exchangelib.close_connections()

    patient = throttled.account(FaultTolerance(max_wait=60))
    assert patient.inbox.id == folder_id
    subjects = {f"s{number}" for number in range(12)}
    for subject in sorted(subjects):
        Message(account=patient, folder=patient.inbox, subject=subject).save()
    assert {item.subject for item in patient.inbox.all().only("subject")} == subjects


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is not told here")
def test_a_large_file_is_never_whole_in_memory(bounded: Served) -> None:
    box = bounded.account(FailFast())
    content = uuid.uuid4().bytes * (20 * MIB // 16)
    before = bounded.peak_bytes()
    message = Message(account=box, folder=box.inbox, subject="large")
    message.attach(FileAttachment(name="large.bin", content=content))
    message.save()
    read = box.inbox.get(subject="large")
    (file,) = read.attachments
    digest = hashlib.sha256(file.content).hexdigest()
    assert digest == hashlib.sha256(content).hexdigest()
    assert bounded.peak_bytes() - before < 16 * MIB

    with pytest.raises(ErrorMessageSizeExceeded):
        more = Message(account=box, folder=box.inbox, subject="larger")
        more.attach(FileAttachment(name="larger.bin", content=content + bytes(4 * MIB)))
        more.save()
    assert box.inbox.filter(subject="larger").count() == 0
