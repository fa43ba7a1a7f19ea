"""The lab under test: `actas lab`, started once, and what its ready file says."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

READY_SECONDS = 120
END_SECONDS = 15


class LabError(Exception):
    """The lab did not start, or says something else than was agreed."""


@dataclass(frozen=True)
class Lab:
    """Every key of the ready file, in lower case. Names that end in `_pem` are paths."""

    base_url: str
    tenant: str
    tenant_domain: str
    client_id: str
    client_secret: str
    key_pem: str
    cert_pem: str
    ca_pem: str
    scope: str
    resource: str
    token_url: str
    metadata_url: str
    graph_url: str
    autodiscover_url: str
    ews_url: str
    exchange_audience_host: str
    mailbox: str
    mailbox2: str
    data_dir: str
    tenant2: str
    client2_id: str
    key2_pem: str
    cert2_pem: str
    mailbox_t2: str

    @classmethod
    def from_values(cls, values: dict[str, str]) -> Lab:
        names = [field.name for field in fields(cls)]
        missing = [name.upper() for name in names if name.upper() not in values]
        if missing:
            raise LabError(f"the ready file has no {', '.join(missing)}")
        return cls(**{name: values[name.upper()] for name in names})


def binary() -> Path:
    """The product's binary."""
    named = os.environ.get("ACTAS_BIN", "")
    path = Path(named)
    if not path.is_file():
        raise LabError(
            f"ACTAS_BIN names no binary ({named!r}); run `cargo xtask test --only "
            "interop`, or build `actas` and set ACTAS_BIN to its path"
        )
    return path.resolve()


class Process:
    """A running `actas lab`, with those of the doctor's faults in place."""

    def __init__(
        self, folder: Path, faults: Sequence[str] = (), options: Sequence[str] = ()
    ) -> None:
        self.ready_file = folder / "ready.json"
        self.env_file = folder / "lab.env"
        self._log = folder / "lab.log"
        command = [str(binary()), "--data", str(folder / "data"), "lab"]
        command += ["--listen", "127.0.0.1:0"]
        command += ["--ready-file", str(self.ready_file)]
        command += ["--env-file", str(self.env_file)]
        for fault in faults:
            command += ["--fault", fault]
        command += options
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> Lab:
        """Returns what the ready file says; it is moved into place, so it is whole."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready_file.exists():
            code = self._process.poll()
            if code is not None:
                raise LabError(f"`actas lab` ended with {code}:\n{self._printed()}")
            if time.monotonic() > deadline:
                raise LabError(
                    f"`actas lab` is not ready after {READY_SECONDS} s:\n{self._printed()}"
                )
            time.sleep(0.05)
        return Lab.from_values(json.loads(self.ready_file.read_text()))

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _printed(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]
