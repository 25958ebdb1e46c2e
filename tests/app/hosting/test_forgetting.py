"""Nothing of what served before is left: not one object, whatever was asked of it."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from threading import Thread
from typing import Any
from weakref import ref

import httpx
import pytest
from cryptography.fernet import Fernet

from app.hosting.generation import Generation
from app.hosting.host import Host
from app.main import create_app
from app.server import server_config
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for
from tests.clock import until
from tests.service import ADMIN, BASE, _Server, ask_raw, event_path

HELD = {"Authorization": f"Bearer {ADMIN}"}
EVENT = "Contoso_Open_Day"
PAGES = (
    f"{BASE}events/published",
    f"{BASE}{event_path(EVENT)}",
    f"{BASE}{event_path(EVENT, '/sessions')}",
    f"{BASE}{event_path('Nowhere')}",
    *("/metrics", "/readyz", "/docs", "/nowhere", "/admin/cutover", "/admin/cutover/events", "/console", "/console/operations"),
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of secrets that a proxy with all its parts looks at twenty times a second."""
    with SandboxThread(Sandbox()) as sandbox:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        for name, value in {
            **environment_for(sandbox),
            "EVTMGMT_OUTBOUND__ENDPOINT": sandbox.outbound_endpoint,
            "EVTMGMT_OUTBOUND__TOKEN": sandbox.outbound_token,
            "EVTMGMT_OUTBOUND__ORIGIN": sandbox.outbound_origin,
            "EVTMGMT_CUTOVER__STAGE": "split",
            "EVTMGMT_ADMIN__TOKEN": ADMIN,
            "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
            "EVTMGMT_OUTBOX__ENABLED": "true",
            "EVTMGMT_OUTBOX__KEY": Fernet.generate_key().decode(),
            "EVTMGMT_CHALLENGE__MINIMUM_AGE": "1",
            "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "0.2",
            "EVTMGMT_UPSTREAM__READ_TIMEOUT": "0.2",
            "EVTMGMT_UPSTREAM__KEEP_ALIVE": "1",  # what stays open is no growth: calls at once are now more, now fewer
            "EVTMGMT_UPSTREAM__BUDGET": "off",
            "EVTMGMT_CACHE__WARM": "false",
            "EVTMGMT_RELOAD__INTERVAL": "0.05",
            "EVTMGMT_SECRETS_DIR": str(secrets),
        }.items():
            monkeypatch.setenv(name, value)
        yield secrets


AGAIN = 2
"""How often all is made anew after it was counted."""
KEPT = {
    *("app.caching.cache.Entry", "app.caching.cache.Form", "app.caching.cache.Key", "app.calls.Call"),
    "app.cutover.traffic.Tally",
}
"""What is kept of answers, more where Dynamics was too slow for some at first; and of the last minutes, by the second."""


def lives() -> Counter[str]:
    """How many objects there are of each class of the product, beside what is kept of answers."""
    found: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = type(one)
        name = f"{getattr(kind, '__module__', '')}.{kind.__qualname__}"
        if name.startswith(("app.", "routes.")) and name not in KEPT:
            found[name] += 1
    return found


def grown(before: Counter[str]) -> dict[str, int]:
    """What there is more than before, by one at least for each time that it was made anew: one alone may be about to go.

    Collected anew, as a kept connection holds on to the last request that it brought.
    """
    gc.collect()
    return {name: more for name, more in (lives() - before).items() if more >= AGAIN}


def alive(those: list[ref[Any]]) -> list[ref[Any]]:
    gc.collect()
    return [one for one in those if one() is not None]


def of(generation: Generation) -> list[ref[Any]]:
    """What dies with a generation."""
    portal = generation.portals[""]
    answering: Any = portal.gateway._answering
    upstream = portal.life._parts["upstream"].value
    parts = (
        generation,
        portal.gateway,
        portal.life,
        upstream,
        answering.router,
        *(leg.reading for leg in answering.legs.values()),
    )
    return [ref(one) for one in parts]


def reloaded(host: Host, place: Path, number: int) -> None:
    """With other connections, as everything that hangs on them is made anew then."""
    before = host.generation
    new = place / "half"
    new.write_text(str(30 + number))
    new.rename(place / "EVTMGMT_UPSTREAM__CONNECTIONS")
    until(lambda: host.generation is not before, seconds=60)


def test_nothing_is_left_of_what_served_before(place: Path) -> None:
    host = create_app()
    server = _Server(server_config(host, host.limits))
    with ExitStack() as closing:
        listener = closing.enter_context(socket(AF_INET, SOCK_STREAM))
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="proxy")
        thread.start()
        try:
            assert server.listening.wait(60)
            client = closing.enter_context(
                httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HELD, timeout=60, trust_env=False)
            )

            def load() -> None:
                for page in PAGES:
                    assert client.get(page).status_code in (200, 404), page
                ask_raw(port, b"GET / HT\r\n\r\n")

            first = of(host.generation)
            known: Counter[str] = Counter()
            for number in range(1 + AGAIN):
                load()
                reloaded(host, place, number)
                load()
                if number == 0:
                    until(lambda: not alive(first), seconds=60)
                    until(lambda: not host._ending, seconds=60)
                    known = lives()
            until(lambda: not host._ending, seconds=60)
            with suppress(AssertionError):
                until(lambda: not grown(known), seconds=60)
            assert not grown(known)  # and tells of what there is more
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()
