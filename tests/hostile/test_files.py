"""The cases of ``cases_files.py`` against a proxy that serves a portal."""

from collections.abc import Iterator

import pytest

from tests.hostile.case import Case, get
from tests.hostile.cases_files import CASES, SECRETS
from tests.hostile.test_hostile import answers, converse, outcome
from tests.service import Service, running_service


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("files")
    (root / "outside.txt").write_bytes(SECRETS[0])
    portal = root / "portal"
    for name in (
        "assets/.svn/entries",
        ".git/config",
        ".well-known/.env",
        ".env",
        "main.js.map",
        "main.js.MAP",
        "main.js.map.gz",
    ):
        path = portal / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SECRETS[1])
    (portal / "index.html").write_text("page")
    (portal / "main.js").write_text("script")
    (portal / "link.txt").symlink_to(root / "outside.txt")
    (portal / "out").symlink_to(root)
    (portal / "loop").symlink_to("loop")
    limits = {"keep_alive": 2}
    with running_service(portal={"static_dir": portal}, limits=limits) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_hostile_targets_of_files(served: Service, case: Case) -> None:
    raw = converse(served, case)
    assert not any(secret in raw for secret in SECRETS)
    assert tuple(outcome(*answer) for answer in answers(raw)) == case.answers, case.why
    [(status, _, body)] = answers(served.raw(get(b"/main.js")))
    assert (status, body) == (200, b"script")


def test_the_table_is_whole() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
