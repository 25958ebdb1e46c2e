"""The typical mistakes of the first ten minutes, made as a new user makes them: each ends in a sentence that says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run

ENDPOINT, TOKEN, ORIGIN = (f"EVTMGMT_REALTIME__{name}" for name in ("ENDPOINT", "TOKEN", "ORIGIN"))
PAGE = "Settings > Event management > Web applications"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as running:
        yield running


@pytest.mark.parametrize(
    ("setting", "mistake", "status", "sentences"),
    [
        pytest.param(
            ENDPOINT,
            lambda value: value.replace("http://127.0.0.1", "https://public-xyz.mkt.invalid"),
            1,
            ("The host name does not resolve. Compare the endpoint's host", PAGE),
            id="wrong region, which there is not",
        ),
        pytest.param(
            ENDPOINT,
            lambda value: value.replace("/orgs/7", "/orgs/8"),
            1,
            ("Copy the endpoint again", "the id behind /orgs/ or the region in the host name is another one"),
            id="wrong region, which there is",
        ),
        pytest.param(
            ENDPOINT,
            lambda value: value.partition("orgs/")[0] + "eventmanagement/",
            2,
            ("must look like https://public-<geo>.mkt.dynamics.com/api/v1.0/orgs/<id>/eventmanagement/; copy it again", PAGE),
            id="no organisation id",
        ),
        pytest.param(
            ENDPOINT,
            lambda value: "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/",
            2,
            ("is the old outbound one; copy the real-time one", PAGE),
            id="old endpoint",
        ),
        pytest.param(
            ENDPOINT, lambda value: "https://contoso.svc.dynamics.com", 2, ("is the old outbound one", PAGE), id="old host"
        ),
        pytest.param(
            ENDPOINT,
            lambda value: value.replace("http://127.0.0.1", "http://public-eur.mkt.invalid"),
            2,
            ("the endpoint must use https",),
            id="http",
        ),
        pytest.param(ENDPOINT, lambda value: value.partition("//")[2], 2, ("must start with https://",), id="no scheme"),
        pytest.param(
            TOKEN,
            lambda value: "the-0ld-token-of-the-portal",
            1,
            ("Copy the token again", "the one that the old portal had for outbound marketing is another", PAGE),
            id="old token",
        ),
        pytest.param(
            TOKEN, lambda value: f"'{value}'", 1, ("begins or ends with a quote or a blank", "Take it away"), id="quotes"
        ),
        pytest.param(TOKEN, lambda value: f"{value} ", 1, ("begins or ends with a quote or a blank", "Take it away"), id="blank"),
        pytest.param(ORIGIN, lambda value: "", 2, (f"{ORIGIN}: is missing", PAGE, "evtmgmt-proxy init"), id="no origin"),
        pytest.param(
            ORIGIN, lambda value: "https://elsewhere.invalid", 1, (f"Set {ORIGIN} to the origin", PAGE), id="wrong origin"
        ),
        pytest.param(ORIGIN, lambda value: f"{value}/events", 2, ("must end after the host",), id="origin with a path"),
        pytest.param(ENDPOINT, lambda value: f" {value}  ", 0, ("A portal would work.",), id="blanks around the endpoint"),
        pytest.param(ORIGIN, lambda value: f' "{value}/" ', 0, ("A portal would work.",), id="quotes around the origin"),
    ],
)
def test_a_mistake_ends_in_what_to_do(
    setting: str, mistake: object, status: int, sentences: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    assert callable(mistake)
    environment = environment_for(sandbox)
    environment[setting] = mistake(environment[setting])
    done = run("check", folder=tmp_path, **environment)
    assert done.returncode == status, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert [sentence for sentence in sentences if sentence not in told] == [], told
    assert "Traceback" not in told
    for token in (sandbox.realtime_token, "the-0ld-token-of-the-portal"):
        assert token not in told
