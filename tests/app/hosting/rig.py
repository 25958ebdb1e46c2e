"""A proxy with a table of portals before sandboxes that hold different events, each with a mark of its own."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from socket import AF_INET, SOCK_STREAM, socket
from threading import Thread
from typing import Any

import httpx

from app.hosting.host import Host
from app.hosting.installation import read_table
from app.main import create_app
from app.server import server_config
from sandbox.server import Sandbox, SandboxThread
from tests.service import BASE, _Server

NAMES = ("contoso", "fabrikam", "tailspin")
PLACES: dict[str, dict[str, Any]] = {
    "contoso": {"hosts": ["contoso.invalid"]},
    "fabrikam": {"path_prefix": "/fabrikam"},
    "tailspin": {},
}
EVENT = "Contoso_Open_Day"
"""The same readable id in all sandboxes: only the marks tell whose it is."""


def mark_of(name: str) -> str:
    return f"mark-of-{name}-7"


def mark(sandbox: Sandbox, name: str) -> None:
    """Write the portal's mark into all that its organisation has."""
    for event in sandbox.realtime.events.values():
        event.fields["eventName"] = mark_of(name)
        for parts in (event.sessions, event.tracks, event.speakers):
            for part in parts:
                part["name"] = mark_of(name)


def realtime_of(sandbox: Sandbox) -> dict[str, str]:
    return {"endpoint": sandbox.realtime_endpoint, "token": sandbox.realtime_token, "origin": sandbox.realtime_origin}


@dataclass
class Town:
    """A running proxy and the sandboxes behind it, by the portals' names."""

    port: int
    host: Host
    sandboxes: Mapping[str, Sandbox]
    client: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, name: str, path: str, *, by_token: bool = False, **options: Any) -> httpx.Response:
        """Ask a portal, at its place or by its client token."""
        headers = dict(options.pop("headers", {}))
        prefix, query = PLACES[name].get("path_prefix", ""), ""
        if "hosts" in PLACES[name] and not by_token:
            headers["Host"] = "Contoso.invalid:8443"
        if by_token or not PLACES[name]:
            prefix, query = "", f"{'&' if '?' in path else '?'}emApplicationtoken=client-of-{name}"
        return self.client.request(method, f"{self.url}{prefix}{BASE}{path}{query}", headers=headers, **options)

    def get(self, name: str, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", name, path, **options)

    def metrics(self, name: str | None = None) -> str:
        return self.client.get(f"{self.url}/metrics", params={} if name is None else {"portal": name}).text


@contextmanager
def running_town(shared: Mapping[str, Any] | None = None, **own: Mapping[str, Any]) -> Iterator[Town]:
    """A proxy for all of ``NAMES``; ``own`` are laid over a portal's settings."""
    with ExitStack() as closing:
        sandboxes = {name: closing.enter_context(SandboxThread(Sandbox())) for name in NAMES}
        for name, sandbox in sandboxes.items():
            mark(sandbox, name)
        table = {
            name: {
                **PLACES[name],
                "client_tokens": [f"client-of-{name}"],
                "realtime": realtime_of(sandbox),
                "portal": {"origins": [f"https://{name}.invalid"]},
                **own.get(name, {}),
            }
            for name, sandbox in sandboxes.items()
        }
        values = {"upstream": {"budget": "off"}, "cache": {"warm": False}, **(shared or {}), "portals": table}
        host = create_app(read_table(values))
        listener = closing.enter_context(socket(AF_INET, SOCK_STREAM))
        listener.bind(("127.0.0.1", 0))
        server = _Server(server_config(host, host.limits))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="town")
        thread.start()
        assert server.listening.wait(30)
        try:
            client = closing.enter_context(httpx.Client(timeout=30, trust_env=False))
            yield Town(listener.getsockname()[1], host, sandboxes, client)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
