"""Starts the lab for the suites. The variable ACTAS_BIN names the binary."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab, LabError, Process
from transport import Session


@pytest.fixture(scope="session")
def lab_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    named = os.environ.get("ACTAS_BIN", "")
    binary = Path(named)
    if not binary.is_file():
        pytest.fail(
            f"ACTAS_BIN names no binary ({named!r}); run `cargo xtask test --only "
            "interop`, or build `actas` and set ACTAS_BIN to its path",
            pytrace=False,
        )
    process = Process(binary.resolve(), tmp_path_factory.mktemp("lab"))
    try:
        yield process
    finally:
        process.end()


@pytest.fixture(scope="session")
def lab(lab_process: Process) -> Lab:
    try:
        return lab_process.wait_until_ready()
    except LabError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)


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


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    with Session(lab) as session:
        yield session
