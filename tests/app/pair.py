"""One gateway served twice: by ``server_config``, and by uvicorn's protocol as it is, which knows none of the short ways."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import AF_INET, SOCK_STREAM, socket
from threading import Thread
from typing import Any, cast

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.gateway import Gateway
from app.main import create_app
from app.protocol import GuardedProtocol
from app.server import server_config
from sandbox.server import Sandbox, SandboxThread
from tests.app.line import COUNTED, EVENT, LARGE, MIDDLE, NOWHERE, ORIGIN, OTHER, Line, ask, target
from tests.clock import Clock, told_by
from tests.examples import MUNICH, OPEN_DAY, TOKYO
from tests.service import BASE, _Server, settings_for

KEPT, AT_ONCE, USUAL = "kept", "at once", "usual"
"""The ways of an answer."""


class Pair:
    """A sandbox, one gateway before it, and two servers of that.

    Attributes:
        guarded: The port of ours.
        plain: The port of uvicorn's protocol.
        image: The target of a picture.
        loop: The loop of both servers.
    """

    loop: asyncio.AbstractEventLoop

    def __init__(self, sandbox: Sandbox, gateway: Gateway, servers: list[_Server], ports: list[int], clock: Clock) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.server, _ = servers
        self.guarded, self.plain = ports
        self.clock = clock
        self.image = f"{BASE}speakers/{sandbox.realtime.events[OPEN_DAY].speakers[0]['id']}/image"

    @property
    def connections(self) -> list[GuardedProtocol]:
        """Those of our server."""
        return cast("list[GuardedProtocol]", list(self.server.server_state.connections))

    def metric(self, name: str, **labels: str) -> float:
        return self.gateway._recorder._metrics.registry.get_sample_value(name, labels) or 0.0

    def warm(self) -> None:
        """Have all kinds of answers kept."""
        for path in (EVENT, OTHER, COUNTED, LARGE, MIDDLE, self.image):
            for accepted in ((), ("Accept-Encoding: gzip",)):
                answer = Line(self.plain).asks(ask(path, *accepted))
                assert answer.startswith(b"HTTP/1.1 200 ")
        assert Line(self.plain).asks(ask(NOWHERE)).startswith(b"HTTP/1.1 404 ")


@contextmanager
def pairing(**groups: Any) -> Iterator[Pair]:
    clock = Clock()
    with SandboxThread(Sandbox()) as sandbox, ExitStack() as closing:
        cache = {"warm": False, **groups.pop("cache", {})}
        settings = settings_for(sandbox, cache=cache, portal={"origins": [ORIGIN]}, **{"log_level": "error", **groups})
        with told_by(clock):
            host = create_app(settings)
        gateway = host.generation.portals[""].gateway
        usual = uvicorn.Config(
            host,
            interface="asgi3",
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.limits.keep_alive,
        )
        servers = [_Server(server_config(host, settings.limits)), _Server(usual)]
        listeners = [closing.enter_context(socket(AF_INET, SOCK_STREAM)) for _ in servers]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        pair = Pair(sandbox, gateway, servers, [listener.getsockname()[1] for listener in listeners], clock)

        async def serve() -> None:
            pair.loop = asyncio.get_running_loop()
            await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True)))

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())

        thread = Thread(target=run, name="both servers")
        thread.start()
        try:
            assert all(server.listening.wait(60) for server in servers)
            for event, size in ((MUNICH, 200_000), (TOKYO, 40_000)):
                body = [{"id": "1", "name": "y" * size}]
                sandbox.faults.add("body", body=body, operation="list_tracks", times=1)
                assert Line(pair.plain).asks(ask(target(event, "/tracks"))).startswith(b"HTTP/1.1 200 ")
            pair.warm()
            yield pair
        finally:
            for server in servers:
                server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def requests(pair: Pair) -> float:
    """How many requests were counted."""
    return sum(
        sample.value
        for metric in pair.gateway._recorder._metrics.requests.collect()
        for sample in metric.samples
        if sample.name == "evtmgmt_requests_total"
    )
