"""Schemathesis holds the served OpenAPI document against what is served.

It reads the document that the lab itself serves, makes requests that fit it and requests that
do not, and judges every answer by it. What it makes follows from a seed, so that a failure can
be repeated.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import ready, started
from lab import Lab
from s2s import exchanged
from transport import Session

SEED = "1"
EXAMPLES = "3"
PATIENCE_SECONDS = 600

# The application may do everything, so that no check ends at a missing permission.
LAB = """
[[tenant]]
display_name = "Fabrikam"
domains = ["fabrikam.example"]
[[tenant.user]]
address = "adele@fabrikam.example"
[[tenant.application]]
name = "Examiner"
exchange_partner = true
roles = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All",
         "Directory.ReadWrite.All", "User.ReadWrite.All", "Mail.ReadWrite"]
[[tenant]]
display_name = "Contoso"
domains = ["contoso.example"]
[[tenant.user]]
address = "lena@contoso.example"
[[tenant.application]]
name = "Bystander"
"""

# Every check but that whatever fits the document is accepted: a schema cannot tell a filter's
# grammar, whose domain a name is on, which certificate is one, or that `If-Match` names the
# version that stands.
EXCLUDED = ["positive_data_acceptance"]

# The tool's own list, with 413 and 414: what is too long may be refused for its length. Of mail
# it reads and changes one message with a file, in a folder that is there: ids that it made up
# would end every request at the same refusal. What takes a message away takes one that an answer
# told, or none. Below `/me` it acts as the user.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429]
[parameters]
"path.userId" = "{user}"
"path.folderId" = "inbox"
[[operations]]
include-path-regex = "^/users/.*/messages/"
exclude-path-regex = "(move|permanentDelete)$"
exclude-method = ["DELETE"]
parameters = {{ "path.messageId" = "{message}", "path.attachmentId" = "{file}" }}
[[operations]]
include-path-regex = "^/me/"
headers = {{ Authorization = "Bearer {acting}" }}
"""
FILE = {
    "@odata.type": "#microsoft.graph.fileAttachment",
    "name": "notes.txt",
    "contentType": "text/plain",
    "contentBytes": "MTA6MDI=",
}


@dataclass(frozen=True)
class Examined:
    """A lab of its own, since its objects come and go, with a token for its directory."""

    lab: Lab
    token: str
    own: tuple[str, str]
    configuration: str


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examined]:
    folder = tmp_path_factory.mktemp("openapi")
    for process in started(folder, seed=LAB):
        lab = ready(process)
        with Session(lab) as session:
            token, acting = access_token(lab, session), exchanged(lab, session)
            session.headers["Authorization"] = f"Bearer {token}"
            address = f"{lab.graph_url}/servicePrincipals(appId='{lab.client_id}')"
            own: str = session.get(address).json()["id"]
            configuration = configured(lab, session, acting)
        yield Examined(lab, token, (own, lab.client_id), configuration)


def configured(lab: Lab, session: Session, acting: str) -> str:
    """What it runs with, after a message with a file was put into the mailbox."""
    messages = f"{lab.graph_url}/users/{lab.mailbox}/mailFolders/inbox/messages"
    made = session.post(messages, json={"subject": "Conversation", "attachments": [FILE]})
    assert made.status_code == 201, made.text
    message: str = made.json()["id"]
    files = f"{lab.graph_url}/users/{lab.mailbox}/messages/{message}/attachments"
    return CONFIGURATION.format(
        user=lab.mailbox,
        message=message,
        file=session.get(files).json()["value"][0]["id"],
        acting=acting,
    )


def access_token(lab: Lab, session: Session) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": lab.client_id,
        "client_secret": lab.client_secret,
        "scope": f"{lab.base_url}/.default",
    }
    token: str = session.post(lab.token_url, data=form).json()["access_token"]
    return token


def run(examined: Examined, folder: Path, *words: str) -> str:
    """Runs it to its end; what it prints is shown when it finds something."""
    (folder / "schemathesis.toml").write_text(examined.configuration)
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    command += [f"{examined.lab.graph_url}/openapi.json", "--url", examined.lab.graph_url]
    command += ["--tls-verify", examined.lab.ca_pem, "--request-timeout", "30"]
    command += ["--seed", SEED, "--generation-deterministic", "--max-examples", EXAMPLES]
    command += ["--continue-on-failure", "--no-color", *words]
    here = str(Path(__file__).parent)
    environment = {
        **os.environ,
        "PYTHONPATH": here,
        "SCHEMATHESIS_HOOKS": "openapi_hooks",
        "EXAMINER": ",".join(examined.own),
    }
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def counted(printed: str) -> tuple[int, int]:
    """How many operations it tested, by how many requests."""
    operations = re.search(r"^ *Tested: (\d+)$", printed, re.MULTILINE)
    cases = re.search(r"^ *(\d+) generated", printed, re.MULTILINE)
    assert operations and cases, printed
    return int(operations[1]), int(cases[1])


def operations(examined: Examined) -> int:
    """How many operations the document tells."""
    with Session(examined.lab) as session:
        document = session.get(f"{examined.lab.graph_url}/openapi.json").json()
    return sum(len(item.keys() - {"parameters"}) for item in document["paths"].values())


def test_what_is_served_is_what_the_document_tells(examined: Examined, tmp_path: Path) -> None:
    printed = run(
        examined,
        tmp_path,
        *("--header", f"Authorization: Bearer {examined.token}"),
        *("--phases", "examples,coverage,fuzzing,stateful"),
        *("--checks", "all", "--exclude-checks", ",".join(EXCLUDED)),
    )
    told, (count, cases) = operations(examined), counted(printed)
    assert count == told > 100
    assert cases > 1000


def test_nothing_is_served_without_a_token(examined: Examined, tmp_path: Path) -> None:
    printed = run(
        examined,
        tmp_path,
        *("--phases", "fuzzing", "--checks", "all"),
        *("--exclude-checks", ",".join([*EXCLUDED, "ignored_auth"])),
    )
    assert counted(printed)[0] == operations(examined)
    assert "401/403" in printed, printed
