"""The proxy on a real socket beside a sandbox on a real socket, for the tests of the whole service."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn

from app.answering import Leg
from app.cutover.decision import Source
from app.gateway import Gateway
from app.main import create_app
from app.server import server_config
from app.settings import GivenSettings
from sandbox.server import Sandbox, SandboxThread

BASE = "/EvtMgmt/api/v2.0/"
ADMIN = "the-credential-of-the-admin"


@dataclass
class Service:
    """A running proxy and its sandbox."""

    port: int
    sandbox: Sandbox
    upstream: SandboxThread
    settings: GivenSettings
    gateway: Gateway
    client: httpx.Client

    @property
    def realtime(self) -> Leg:
        """How the real-time organisation is asked."""
        return self.gateway._answering.legs[Source.REALTIME]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path under the old base; the path is sent as it stands."""
        return self.client.get(f"{self.url}{BASE}{path}", **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(f"{self.url}{BASE}{path}", **options)

    def raw(self, data: bytes, timeout: float = 60) -> bytes:
        """Send bytes as they are and give all that comes until the connection closes."""
        return ask_raw(self.port, data, timeout)

    def metric(self, line: str) -> float:
        """The value of a metric's line, 0 when it is not there."""
        for found in self.client.get(f"{self.url}/metrics").text.splitlines():
            if found.startswith(line + " "):
                return float(found.rsplit(" ", 1)[1])
        return 0.0


def ask_raw(port: int, data: bytes, timeout: float = 60) -> bytes:
    """Send bytes to a port of this machine, and give all that comes until the connection closes."""
    with socket(AF_INET, SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(("127.0.0.1", port))
        connection.sendall(data)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
        return b"".join(parts)


class _Server(uvicorn.Server):
    """A server that tells when it listens, and leaves signals to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def event_path(event: str, rest: str = "") -> str:
    return f"events/{quote(event, safe='')}{rest}"


def settings_for(sandbox: Sandbox, **groups: Mapping[str, Any]) -> GivenSettings:
    """Settings that point at a sandbox; ``groups`` are laid over.

    Unless they say so, nothing is kept, no call is left out or made twice, and clients may ask as often as they like.
    """
    realtime = {
        "endpoint": sandbox.realtime_endpoint,
        "token": sandbox.realtime_token,
        "origin": sandbox.realtime_origin,
        **groups.pop("realtime", {}),
    }
    upstream = {"budget": "off", **groups.pop("upstream", {})}
    faults = {"breaker": False, "retry_percent": 0, **groups.pop("faults", {})}
    names = ("registrations_per_client", "registrations_per_event", "reads_per_client")
    rates = {**dict.fromkeys(names, "off"), **groups.pop("rates", {})}
    basis = {"realtime": realtime, "upstream": upstream, "faults": faults, "rates": rates, "cache": {"enabled": False}}
    return GivenSettings.model_validate({**basis, **groups})


def both_sides(sandbox: Sandbox, stage: str = "split", **cutover: Any) -> dict[str, Any]:
    """Groups of settings for a proxy before both organisations of a sandbox, its aliases included."""
    tables = sandbox.control.aliases()
    return {
        "outbound": {
            "endpoint": sandbox.outbound_endpoint,
            "token": sandbox.outbound_token,
            "origin": sandbox.outbound_origin,
        },
        "cutover": {"stage": stage, "sticky_header": "X-Visitor", **cutover},
        "aliases": {kind: tables[kind] for kind in ("events", "sessions", "passes", "fields")},
        "admin": {"token": ADMIN},
    }


@contextmanager
def running_proxy(settings: GivenSettings, port: int = 0) -> Iterator[tuple[int, Gateway]]:
    """The proxy alone, in a thread; gives its port."""
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        host = create_app(settings)
        server = _Server(server_config(host, settings.limits))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="proxy")
        thread.start()
        assert server.listening.wait(60)
        try:
            yield listener.getsockname()[1], host.generation.portals[""].gateway
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


@contextmanager
def running_service(**groups: Any) -> Iterator[Service]:
    """A sandbox and a proxy before it."""
    with _running(lambda sandbox: settings_for(sandbox, **groups)) as service:
        yield service


@contextmanager
def running_both(stage: str = "split", cutover: Mapping[str, Any] | None = None, **groups: Any) -> Iterator[Service]:
    """A sandbox and a proxy before both its organisations."""
    with _running(lambda sandbox: settings_for(sandbox, **both_sides(sandbox, stage, **(cutover or {})), **groups)) as service:
        yield service


@contextmanager
def _running(settings_of: Callable[[Sandbox], GivenSettings]) -> Iterator[Service]:
    thread = SandboxThread(Sandbox())
    with thread as sandbox:
        settings = settings_of(sandbox)
        with running_proxy(settings) as (port, gateway), httpx.Client(timeout=30, trust_env=False) as client:
            yield Service(port, sandbox, thread, settings, gateway, client)
