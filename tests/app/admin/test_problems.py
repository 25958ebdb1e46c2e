"""Tests of app/admin/problems.py."""

import pytest

from app.admin.problems import AdminError, Kind


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_is_a_whole_problem(kind: Kind) -> None:
    document = AdminError(kind, current={"version": 1}).document("id")
    assert document == {
        "type": "about:blank",
        "title": kind.title,
        "status": kind.status,
        "detail": f"{kind.title}.",
        "code": kind.name,
        "correlationId": "id",
        "current": {"version": 1},
    }
    assert 400 <= kind.status < 600


def test_headers_belong_to_their_kinds() -> None:
    assert "WWW-Authenticate" in AdminError(Kind.NotSignedIn).headers
    assert AdminError(Kind.BodyTooLarge).headers == {"Connection": "close"}
    assert AdminError(Kind.TooManyAttempts, headers={"Retry-After": "3"}).headers == {"Retry-After": "3"}
