"""A permission on mail counts while it is assigned, whatever an older token says."""

from __future__ import annotations


from graph import issued
from lab import Lab
from s2s import exchanged, stated
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


def test_an_application_acts_as_a_user(lab: Lab, session: Session) -> None:
    """A token by token exchange (RFC 8693) opens the mailbox of its user alone."""
    token = exchanged(lab, session)
    assert stated(token)["scp"] == "Mail.ReadWrite"
    headers = {"Authorization": f"Bearer {token}"}
    made = session.post(
        f"{lab.graph_url}/me/messages", headers=headers, json={"subject": "as a user"}
    )
    assert made.status_code == 201, made.text
    place = f"{lab.graph_url}/users/{{}}/messages/{made.json()['id']}"
    assert session.get(place.format(lab.mailbox), headers=headers).status_code == 200
    for other in (lab.mailbox2, lab.mailbox_t2, "nobody@fabrikam.example"):
        refused = session.get(place.format(other), headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            403,
            "ErrorAccessDenied",
        )
    # It is for mail at Graph: neither the directory nor EWS takes it.
    assert session.get(f"{lab.graph_url}/users", headers=headers).status_code == 401
    assert session.post(lab.ews_url, headers=headers, data="x").status_code == 401
