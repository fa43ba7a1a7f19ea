"""The lab's own promises: what its files say, and that they say the same."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab import Lab, Process


def test_the_env_file_says_what_the_ready_file_says(lab: Lab, lab_process: Process) -> None:
    lines = shlex.split(lab_process.env_file.read_text(), comments=True)
    assert dict(line.split("=", 1) for line in lines) == json.loads(
        lab_process.ready_file.read_text()
    )


@pytest.mark.parametrize("name", ["key_pem", "cert_pem", "ca_pem", "key2_pem", "cert2_pem"])
def test_a_pem_is_a_path(lab: Lab, name: str) -> None:
    assert Path(getattr(lab, name)).read_text().startswith("-----BEGIN ")


@pytest.mark.parametrize("name", ["key_pem", "key2_pem"])
def test_a_key_is_its_owners_alone(lab: Lab, name: str) -> None:
    assert Path(getattr(lab, name)).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    ["base_url", "token_url", "metadata_url", "graph_url", "autodiscover_url", "ews_url"],
)
def test_every_address_is_https_on_a_chosen_port(lab: Lab, name: str) -> None:
    url = urlsplit(getattr(lab, name))
    assert url.scheme == "https"
    assert url.port


def test_scope_and_resource_belong_together(lab: Lab) -> None:
    assert lab.scope == f"{lab.resource}/.default"


def test_the_tenants_differ(lab: Lab) -> None:
    assert lab.tenant != lab.tenant2
    assert len({lab.mailbox, lab.mailbox2, lab.mailbox_t2}) == 3
