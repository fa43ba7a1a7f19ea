"""The Graph SDK for Python reads the directory, and renews the application's own key."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.key_credential import KeyCredential
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.service_principals.item.add_key.add_key_post_request_body import (
    AddKeyPostRequestBody,
)
from msgraph.generated.service_principals.item.remove_key.remove_key_post_request_body import (
    RemoveKeyPostRequestBody,
)
from msgraph.generated.service_principals.item.service_principal_item_request_builder import (
    ServicePrincipalItemRequestBuilder,
)
from msgraph.generated.service_principals.service_principals_request_builder import (
    ServicePrincipalsRequestBuilder,
)
from msgraph.graph_service_client import GraphServiceClient

from credentials import Credential
from graph import refused, run
from lab import Lab
from s2s import EXCHANGE, segment

DIRECTORY = "00000002-0000-0000-c000-000000000000"


def selecting(*names: str) -> RequestConfiguration[Any]:
    query = (
        ServicePrincipalItemRequestBuilder.ServicePrincipalItemRequestBuilderGetQueryParameters
    )
    return RequestConfiguration(query_parameters=query(select=[*names]))


def filtering(condition: str) -> RequestConfiguration[Any]:
    query = ServicePrincipalsRequestBuilder.ServicePrincipalsRequestBuilderGetQueryParameters
    return RequestConfiguration(query_parameters=query(filter=condition))


async def read(graph: GraphServiceClient, app_id: str, *names: str) -> ServicePrincipal:
    """The principal of an application, found by the application's identifier."""
    found = await graph.service_principals_with_app_id(app_id).get(
        request_configuration=selecting(*names)
    )
    assert found is not None
    return found


async def keys(graph: GraphServiceClient, lab: Lab) -> tuple[str, list[KeyCredential]]:
    """The identifier of the own principal and its keys, with what they are."""
    own = await read(graph, lab.client_id, "id", "keyCredentials")
    assert own.id
    assert own.key_credentials is not None
    return own.id, own.key_credentials


async def replace_keys(
    graph: GraphServiceClient, object_id: str, wanted: list[KeyCredential]
) -> None:
    change = ServicePrincipal(key_credentials=wanted)
    await graph.service_principals.by_service_principal_id(object_id).patch(change)


def added(credential: Credential, name: str) -> KeyCredential:
    return KeyCredential(
        type="AsymmetricX509Cert",
        usage="Verify",
        key=credential.der(),
        display_name=name,
    )


def test_the_organization_is_the_tenant(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> Any:
        return await graph.organization.get()

    (organization,) = run(lab, work).value
    assert organization.id == lab.tenant
    assert lab.tenant_domain in [domain.name for domain in organization.verified_domains]


def test_the_own_principal_is_listed(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> Any:
        return await graph.service_principals.get()

    listed = run(lab, work).value
    (own,) = [principal for principal in listed if principal.app_id == lab.client_id]
    assert own.account_enabled is True
    assert own.display_name
    assert own.service_principal_type == "Application"
    assert all(key.key is None for key in own.key_credentials), "a list never has the keys"


@pytest.mark.parametrize(
    ("condition", "number"),
    [
        ("appId eq '{client_id}'", 1),
        ("servicePrincipalNames/any(name:name eq '{client_id}')", 1),
        ("appId eq '{client2_id}'", 0),
    ],
)
def test_a_list_is_filtered(lab: Lab, condition: str, number: int) -> None:
    async def work(graph: GraphServiceClient) -> Any:
        wanted = condition.format(client_id=lab.client_id, client2_id=lab.client2_id)
        return await graph.service_principals.get(request_configuration=filtering(wanted))

    listed = run(lab, work).value
    assert [principal.app_id for principal in listed] == [lab.client_id] * number


def test_the_own_keys_are_read(lab: Lab, own: Credential) -> None:
    async def work(graph: GraphServiceClient) -> Any:
        return await keys(graph, lab)

    _, found = run(lab, work)
    (key,) = found
    assert key.key == own.der()
    assert key.type == "AsymmetricX509Cert"
    assert key.usage == "Verify"
    assert isinstance(key.key_id, uuid.UUID)
    assert key.start_date_time < key.end_date_time


def test_a_key_is_added_used_and_taken_away(lab: Lab, own: Credential) -> None:
    new = Credential.of_a_stranger()
    name = f"interop {uuid.uuid4().hex}"

    async def add(graph: GraphServiceClient) -> list[KeyCredential]:
        object_id, before = await keys(graph, lab)
        await replace_keys(graph, object_id, [*before, added(new, name)])
        _, after = await keys(graph, lab)
        assert [key.key_id for key in after[:-1]] == [key.key_id for key in before]
        assert [key.key for key in after] == [own.der(), new.der()]
        assert after[-1].display_name == name
        assert after[-1].key_id
        return before

    async def take_away(graph: GraphServiceClient) -> None:
        object_id, now = await keys(graph, lab)
        await replace_keys(graph, object_id, [key for key in now if key.display_name != name])
        _, left = await keys(graph, lab)
        assert [key.key for key in left] == [own.der()]

    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        run(lab, add, new)
    run(lab, add)
    # It is the new key that signs in to take itself away.
    run(lab, take_away, new)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        run(lab, take_away, new)


def proof(signer: Credential, object_id: str, **changes: Any) -> str:
    """What shows that a key of the object is held, as the documentation of addKey has it."""
    now = int(time.time())
    claims = {"aud": DIRECTORY, "iss": object_id, "nbf": now, "exp": now + 600} | changes
    headers = {"x5t": segment(signer.thumbprint())}
    return jwt.encode(claims, signer.key, algorithm="RS256", headers=headers)


async def add_key(
    graph: GraphServiceClient, object_id: str, new: Credential, shown: str
) -> KeyCredential:
    body = AddKeyPostRequestBody(key_credential=added(new, "interop"), proof=shown)
    principal = graph.service_principals.by_service_principal_id(object_id)
    answer = await principal.add_key.post(body)
    assert answer is not None
    return answer


def test_a_key_is_added_and_removed_by_proof(lab: Lab, own: Credential) -> None:
    new = Credential.of_a_stranger()

    async def add(graph: GraphServiceClient) -> None:
        object_id, before = await keys(graph, lab)
        answer = await add_key(graph, object_id, new, proof(own, object_id))
        assert answer.key is None, "an answer does not repeat the key"
        _, after = await keys(graph, lab)
        assert [key.key for key in after] == [*(key.key for key in before), new.der()]
        assert after[-1].key_id == answer.key_id

    async def remove(graph: GraphServiceClient) -> None:
        object_id, now = await keys(graph, lab)
        (key,) = [key for key in now if key.key == new.der()]
        body = RemoveKeyPostRequestBody(key_id=key.key_id, proof=proof(new, object_id))
        await graph.service_principals.by_service_principal_id(object_id).remove_key.post(body)
        _, left = await keys(graph, lab)
        assert [key.key for key in left] == [own.der()]

    run(lab, add)
    # The new key signs in, and proves itself.
    run(lab, remove, new)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        run(lab, remove, new)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://graph.microsoft.com"},
        {"iss": "00000000-0000-0000-0000-000000000000"},
        {"nbf": 1, "exp": 601},
        {"exp": int(time.time()) + 24 * 3600},
        None,
    ],
)
def test_what_is_no_proof_adds_no_key(
    lab: Lab, own: Credential, changes: dict[str, Any] | None
) -> None:
    signer = own if changes is not None else Credential.of_a_stranger()

    async def work(graph: GraphServiceClient) -> None:
        object_id, _ = await keys(graph, lab)
        shown = proof(signer, object_id, **(changes or {}))
        await add_key(graph, object_id, Credential.of_a_stranger(), shown)

    assert refused(lab, work) == (401, "Authentication_MissingOrMalformed")


def test_a_kept_key_is_named_by_its_identifier_alone(lab: Lab, own: Credential) -> None:
    async def work(graph: GraphServiceClient) -> None:
        object_id, before = await keys(graph, lab)
        await replace_keys(graph, object_id, [KeyCredential(key_id=before[0].key_id)])
        _, after = await keys(graph, lab)
        assert [(key.key_id, key.key) for key in after] == [(before[0].key_id, own.der())]

    run(lab, work)


def test_a_kept_key_is_not_changed_in_place(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        object_id, (key,) = await keys(graph, lab)
        changed = KeyCredential(key_id=key.key_id, key=Credential.of_a_stranger().der())
        await replace_keys(graph, object_id, [changed])

    assert refused(lab, work) == (400, "Request_BadRequest")


def test_what_is_no_certificate_is_no_key(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        object_id, before = await keys(graph, lab)
        nothing = KeyCredential(type="AsymmetricX509Cert", usage="Verify", key=b"nothing")
        await replace_keys(graph, object_id, [*before, nothing])

    assert refused(lab, work) == (400, "Request_BadRequest")


def test_more_than_the_keys_takes_another_permission(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        object_id, _ = await keys(graph, lab)
        principal = graph.service_principals.by_service_principal_id(object_id)
        await principal.patch(ServicePrincipal(display_name="renamed"))

    assert refused(lab, work) == (403, "Authorization_RequestDenied")


def test_the_principal_of_a_service_is_not_the_applications(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await read(graph, EXCHANGE, "id", "keyCredentials")

    assert refused(lab, work) == (403, "Authorization_RequestDenied")


def test_another_tenant_sees_nothing_of_the_application(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await read(graph, lab.client_id, "id")

    other = Credential.read(lab.key2_pem, lab.cert2_pem)
    found = refused(lab, work, credential=other, tenant=lab.tenant2, client_id=lab.client2_id)
    assert found == (404, "Request_ResourceNotFound")


def test_without_a_token_nothing_is_told(lab: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await graph.service_principals.get()

    # The SDK sends its token to hosts of this list alone.
    found = refused(lab, work, allowed_hosts=("elsewhere.example",))
    assert found == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("tenant", ["own", "other"])
def test_who_is_not_known_does_not_get_here(lab: Lab, own: Credential, tenant: str) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await graph.service_principals.get()

    expected = {"own": "AADSTS700027", "other": "AADSTS700016"}[tenant]
    with pytest.raises(ClientAuthenticationError, match=expected):
        if tenant == "own":
            run(lab, work, Credential.of_a_stranger())
        else:
            run(lab, work, own, tenant=lab.tenant2)


def test_a_credential_past_its_end_does_not_get_here(lab_expired: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await graph.service_principals.get()

    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        run(lab_expired, work)


def test_a_disabled_application_does_not_get_here(lab_app_disabled: Lab) -> None:
    async def work(graph: GraphServiceClient) -> None:
        await graph.service_principals.get()

    with pytest.raises(ClientAuthenticationError, match="AADSTS7000112"):
        run(lab_app_disabled, work)


def test_a_disabled_exchange_does_not_close_the_directory(lab_disabled: Lab) -> None:
    async def work(graph: GraphServiceClient) -> Any:
        return await graph.service_principals.get()

    listed = run(lab_disabled, work).value
    assert lab_disabled.client_id in [principal.app_id for principal in listed]
