"""The Graph SDK for Python, signed in as an application of the lab."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import azure.identity.aio
import httpx
import msal
import pytest
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from credentials import Credential
from lab import Lab
from transport import REQUEST_SECONDS

Work = Callable[[GraphServiceClient], Awaitable[Any]]


def run(
    lab: Lab,
    work: Work,
    credential: Credential | None = None,
    *,
    tenant: str | None = None,
    client_id: str | None = None,
    allowed_hosts: tuple[str, ...] = ("localhost",),
) -> Any:
    """Does `work` with a client that signs in as the lab's application, or as told."""

    async def signed_in() -> Any:
        signer = credential or Credential.of_application(lab)
        async with (
            azure.identity.aio.CertificateCredential(
                tenant or lab.tenant,
                client_id or lab.client_id,
                certificate_data=signer.pem.encode(),
                authority=lab.base_url,
                connection_verify=lab.ca_pem,
            ) as identity,
            GraphClientFactory.create_with_default_middleware(
                client=httpx.AsyncClient(
                    verify=ssl.create_default_context(cafile=lab.ca_pem),
                    timeout=REQUEST_SECONDS,
                    trust_env=False,
                ),
            ) as http,
        ):
            provider = AzureIdentityAuthenticationProvider(
                identity, scopes=[f"{lab.base_url}/.default"], allowed_hosts=[*allowed_hosts]
            )
            adapter = GraphRequestAdapter(provider, http)
            adapter.base_url = lab.graph_url
            return await work(GraphServiceClient(request_adapter=adapter))

    return asyncio.run(signed_in())


def refused(lab: Lab, work: Work, **options: Any) -> tuple[int | None, str | None]:
    """The status and the code of a request that must fail."""
    with pytest.raises(ODataError) as raised:
        run(lab, work, **options)
    error = raised.value.error
    assert error is not None
    assert error.message
    assert error.inner_error is not None
    assert error.inner_error.request_id
    return raised.value.response_status_code, error.code


def issued(lab: Lab, scope: str) -> str:
    """A token of the lab's application."""
    own = Credential.of_application(lab)
    application = msal.ConfidentialClientApplication(
        lab.client_id,
        client_credential={
            "private_key": own.key,
            "public_certificate": own.certificate,
        },
        authority=f"{lab.base_url}/{lab.tenant}",
        instance_discovery=False,
        verify=lab.ca_pem,
        timeout=REQUEST_SECONDS,
    )
    answer = application.acquire_token_for_client([scope])
    assert "access_token" in answer, answer
    return str(answer["access_token"])
