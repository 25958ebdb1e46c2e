"""Which portal a request is for: as a table of cases."""

import pytest

from app.hosting.selecting import Selection
from app.hosting.settings import Selectors

A, B, C, D = "aaaaaaaa", "b+b/bbbb", "cccccccc", "dddddddd"
SELECTION = Selection(
    {
        "host": Selectors(hosts=("a.invalid",), client_tokens=(A,)),
        "deep": Selectors(hosts=("a.invalid",), path_prefix="/Deep"),
        "path": Selectors(path_prefix="/path", client_tokens=(B,)),
        "longer": Selectors(path_prefix="/path/longer"),
        "token": Selectors(client_tokens=(C, D)),
    }
)
API = "/EvtMgmt/api/v2.0/events/published"


@pytest.mark.parametrize(
    ("host", "path", "query", "name", "rest"),
    [
        ("a.invalid", API, "", "host", API),
        ("A.Invalid.:8443", API, "", "host", API),
        ("a.invalid", f"/deep{API}", "", "deep", API),
        ("a.invalid", f"//%44EEP//{API}", "", "deep", f"//{API}"),
        ("b.invalid", API, "", None, API),
        ("", API, "", None, API),
        ("b.invalid", f"/path{API}", "", "path", API),
        ("b.invalid", f"/path/longer{API}", "", "longer", API),
        ("b.invalid", f"/paths{API}", "", None, f"/paths{API}"),
        ("b.invalid", API, f"emApplicationtoken={C}", "token", API),
        ("b.invalid", API, f"x=1&EMAPPLICATIONTOKEN={D}", "token", API),
        ("b.invalid", API, f"%65mApplicationtoken={C}", "token", API),
        ("b.invalid", API, "emApplicationtoken=b%2Bb%2Fbbbb", "path", API),
        ("b.invalid", API, "emApplicationtoken=b+b/bbbb", "path", API),
        ("b.invalid", f"/path{API}", "emApplicationtoken=b%2Bb%2Fbbbb", "path", API),
        ("a.invalid", API, f"emApplicationtoken={C}", "token", API),
        ("a.invalid", API, "emApplicationtoken=unknown-token", "host", API),
        ("a.invalid", API, f"emApplicationtoken={A}&emApplicationtoken={C}", None, API),
        ("a.invalid", API, f"emApplicationtoken={C}&emApplicationtoken={D}", "token", API),
        ("a.invalid", "/metrics", "", None, "/metrics"),
        ("b.invalid", "/path/console", "", None, "/path/console"),
        ("b.invalid", "/path", "", "path", "/"),
        ("a.invalid", "/main.js", "", "host", "/main.js"),
    ],
)
def test_the_portal_of_a_request(host: str, path: str, query: str, name: str | None, rest: str) -> None:
    for _ in range(2):  # the second time from memory
        found = SELECTION.choose(host.encode(), path.encode(), query.encode())
        assert (found.name, found.raw_path) == (name, rest.encode())


def test_what_is_remembered_is_bounded() -> None:
    selection = Selection({"path": Selectors(path_prefix="/")})
    for number in range(20_000):
        assert selection.choose(b"x", f"{API}/{number}".encode(), b"").name == "path"
    assert len(selection._known) <= 8_192
    selection.choose(b"x", b"/" + b"y" * 2_000, b"")
    assert all(len(path) < 600 for _, path, _ in selection._known)
