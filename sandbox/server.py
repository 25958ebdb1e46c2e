"""The sandbox as tests, the demo and the command line use it: one port, both APIs, started and stopped at will."""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha512
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from sandbox.application import Application
from sandbox.captcha import Captcha
from sandbox.control import PREFIX, Control
from sandbox.data.ids import guid
from sandbox.faults import FaultBoard
from sandbox.http1 import Listener
from sandbox.organisation import OUTBOUND, REALTIME, Organisation
from sandbox.outbound import OutboundApi
from sandbox.payment import PaymentPages
from sandbox.realtime import RealtimeApi
from sandbox.recorder import Recorder
from sandbox.registrations import Desk
from sandbox.users import USERS

ORIGIN = "http://localhost:4200"


def _token(seed: str) -> str:
    # Long and opaque, with the characters that have to be encoded in a query (CONTRACT 2).
    return "+/=" + b64encode(sha512(seed.encode()).digest() * 3).decode() + "=="


class Sandbox:
    """Both upstream APIs on one port, inside the running event loop: `async with Sandbox() as sandbox`.

    Args:
        port: 0 means any free one. It stays the same when the sandbox is stopped and started again.
        host: Address to listen on.
        public_url: How browsers reach the sandbox, without trailing slash; None: `host` and `port`.
        realtime_origin: Origin registered with the real-time token.
        outbound_origin: Origin registered with the outbound token.
        realtime_token: Web application token of the real-time organisation.
        outbound_token: Web application token of the outbound organisation.
        org_id: GUID in the real-time base.
        users: Signed-in users of the outbound organisation by bearer token.
        ssl_context: Serve TLS with it.
        clock: Seconds that only grow, for quota and background processing.

    Attributes:
        realtime: The real-time organisation.
        outbound: The outbound organisation.
        recorder: What was received. Thread-safe.
        faults: What shall go wrong. Thread-safe.
        control: Registrations, processing, aliases, reset. Thread-safe.
        captcha: The outbound organisation's challenges.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        public_url: str | None = None,
        realtime_origin: str = ORIGIN,
        outbound_origin: str = ORIGIN,
        realtime_token: str = _token("realtime"),
        outbound_token: str = _token("outbound"),
        org_id: str = guid("organisation"),
        users: Mapping[str, dict[str, Any]] = USERS,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port = port
        self._host = host
        self._public_url = public_url
        self._scheme = "http" if ssl_context is None else "https"
        self.realtime = Organisation(REALTIME, token=realtime_token, origin=realtime_origin, org_id=org_id, clock=clock)
        self.outbound = Organisation(OUTBOUND, token=outbound_token, origin=outbound_origin, org_id=org_id, clock=clock)
        self.recorder = Recorder()
        self.faults = FaultBoard()
        self.captcha = Captcha()
        desks = {REALTIME: Desk(self.realtime), OUTBOUND: Desk(self.outbound)}
        self.control = Control(desks, self.captcha, self.recorder, self.faults)
        apis = (
            RealtimeApi(self.realtime, desks[REALTIME]),
            OutboundApi(self.outbound, desks[OUTBOUND], self.captcha, users),
        )
        pages = PaymentPages(tuple(desks.values()))
        self.application = Application(apis, pages, self.captcha, self.control, self.recorder, self.faults)
        self._listener = Listener(self.application, host, ssl_context)

    @property
    def base_url(self) -> str:
        """Scheme, host and port, without trailing slash."""
        host = "127.0.0.1" if self._host == "0.0.0.0" else self._host
        return self._public_url or f"{self._scheme}://{host}:{self.port}"

    @property
    def realtime_endpoint(self) -> str:
        """The real-time base with trailing slash, as Dynamics shows it."""
        return self.realtime.endpoint

    @property
    def outbound_endpoint(self) -> str:
        """The old base with trailing slash."""
        return self.outbound.endpoint

    @property
    def realtime_token(self) -> str:
        """Web application token of the real-time organisation."""
        return self.realtime.token

    @property
    def outbound_token(self) -> str:
        """Web application token of the outbound organisation."""
        return self.outbound.token

    @property
    def realtime_origin(self) -> str:
        """Origin registered with the real-time token."""
        return self.realtime.origin

    @property
    def outbound_origin(self) -> str:
        """Origin registered with the outbound token."""
        return self.outbound.origin

    @property
    def control_url(self) -> str:
        """Base of the control API with trailing slash."""
        return self.base_url + PREFIX

    async def start(self) -> None:
        """Listen."""
        self.port = await self._listener.start(self.port)
        self.realtime.base_url = self.outbound.base_url = self.base_url

    async def stop(self) -> None:
        """Refuse and abort connections. What is stored and recorded stays."""
        await self._listener.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()


class SandboxThread:
    """A sandbox in a thread with an event loop of its own, for code that is not async.

    `with SandboxThread(Sandbox(...)) as sandbox` gives the `Sandbox`; `start` and `stop` may be called again to play
    an upstream that is down for a while.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Listen. Raises: OSError when the port is taken."""
        started = Event()
        self._failure = None
        self._thread = Thread(target=self._run, args=(started,), name="sandbox", daemon=True)
        self._thread.start()
        started.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Refuse and abort connections, and end the thread."""
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._thread = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self.sandbox

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self, started: Event) -> None:
        async def serve() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            async with self.sandbox:
                started.set()
                await self._stop.wait()

        try:
            asyncio.run(serve())
        except OSError as failure:
            self._failure = failure
        finally:
            started.set()
