"""Starts the labs for the suites. The variable ACTAS_BIN names the binary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials import Credential
from lab import Lab, LabError, Process
from transport import Session


def started(folder: Path, *faults: str, seed: str | None = None) -> Iterator[Process]:
    try:
        process = Process(folder, faults, seed)
    except LabError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield process
    finally:
        process.end()


def ready(process: Process) -> Lab:
    try:
        return process.wait_until_ready()
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def lab_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    yield from started(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def lab(lab_process: Process) -> Lab:
    return ready(lab_process)


@pytest.fixture(scope="session")
def lab_expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose application has a credential past its end."""
    for process in started(tmp_path_factory.mktemp("lab-expired"), "cred-expired"):
        yield ready(process)


@pytest.fixture(scope="session")
def lab_disabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose Exchange has a disabled service principal."""
    for process in started(tmp_path_factory.mktemp("lab-disabled"), "sp-disabled"):
        yield ready(process)


@pytest.fixture(scope="session")
def lab_app_disabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose application has a disabled service principal."""
    for process in started(tmp_path_factory.mktemp("lab-app-disabled"), "app-disabled"):
        yield ready(process)


# Each tenant as the lab needs it; the first one's application manages permissions and has
# none on mail.
MANAGER_SEED = """
[[tenant]]
display_name = "Fabrikam"
domains = ["fabrikam.example"]
user = [{ address = "adele@fabrikam.example" }, { address = "omar@fabrikam.example" }]

[[tenant.application]]
name = "Manager"
roles = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"]

[[tenant]]
display_name = "Contoso"
domains = ["contoso.example"]
user = [{ address = "lena@contoso.example" }]

[[tenant.application]]
name = "Other"
roles = ["Mail.ReadWrite"]
"""


@pytest.fixture
def lab_manager(tmp_path: Path) -> Iterator[Lab]:
    """A lab of its own for one test, whose application manages permissions."""
    for process in started(tmp_path, seed=MANAGER_SEED):
        yield ready(process)


@pytest.fixture(scope="session", autouse=True)
def a_plain_environment() -> Iterator[None]:
    """Clients must find the lab and its authority by what a test tells them alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            patch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        yield


@pytest.fixture(scope="session")
def own(lab: Lab) -> Credential:
    """The credential of the lab's application."""
    return Credential.of_application(lab)


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    with Session(lab) as session:
        yield session
