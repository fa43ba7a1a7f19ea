"""A permission on mail counts while it is assigned, whatever an older token says."""

from __future__ import annotations

from graph import issued
from lab import Lab
from transport import Session


def test_a_permission_is_given_and_taken_away(lab_manager: Lab) -> None:
    lab = lab_manager
    with Session(lab) as session:

        def bearer() -> dict[str, str]:
            return {"Authorization": f"Bearer {issued(lab, f'{lab.base_url}/.default')}"}

        def told(headers: dict[str, str]) -> tuple[int, str | None]:
            place = f"{lab.graph_url}/users/{lab.mailbox}/messages"
            answer = session.get(place, headers=headers)
            return answer.status_code, answer.json().get("error", {}).get("code")

        first = bearer()
        assert told(first) == (403, "ErrorAccessDenied")
        names = {"own": lab.client_id, "graph": "00000003-0000-0000-c000-000000000000"}
        ids = {
            name: session.get(
                f"{lab.graph_url}/servicePrincipals(appId='{app}')", headers=first
            ).json()["id"]
            for name, app in names.items()
        }
        roles = f"{lab.graph_url}/servicePrincipals/{ids['own']}/appRoleAssignments"
        given = session.post(
            roles,
            headers=first,
            json={
                "principalId": ids["own"],
                "resourceId": ids["graph"],
                "appRoleId": "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
            },
        )
        assert given.status_code == 201, given.text
        # What was issued before says nothing of it.
        assert told(first) == (403, "ErrorAccessDenied")
        second = bearer()
        assert told(second) == (200, None)
        session.delete(f"{roles}/{given.json()['id']}", headers=second).raise_for_status()
        assert told(second) == (403, "ErrorAccessDenied")
        disabled = session.patch(
            f"{lab.graph_url}/servicePrincipals/{ids['own']}",
            headers=second,
            json={"accountEnabled": False},
        )
        assert disabled.status_code == 204, disabled.text
        assert told(second) == (401, "InvalidAuthenticationToken")
