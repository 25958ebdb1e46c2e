"""A proxy that is killed, a sandbox that counts, and visitors who remember what they were told.

The proxy is a real process on a real socket, forked from a server that has imported all of it, so that a start costs little.
Its port is the parent's: visitors who come while none runs wait for the next.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIGKILL
from socket import AF_INET, SOCK_STREAM, socket
from threading import Event, Thread
from typing import Any

from cryptography.fernet import Fernet

import app.backend
import app.outbox.delivering
import app.outbox.outbox
import app.outbox.store
import routes.service
from app.main import create_app
from app.openapi import describe
from app.outbox.entries import State
from app.outbox.sealing import Sealing
from app.outbox.store import Store
from app.server import server_config
from app.settings import GivenSettings
from app.version import VERSION
from sandbox.server import Sandbox
from tests.forking import CONTEXT
from tests.service import BASE, _Server

PATIENCE = 60
EVENTS = ("Contoso_Open_Day", "Family_Day")
"""Events without passes."""
KEY = Fernet.generate_key().decode()
DOCUMENT = describe(VERSION)

ACCEPTING: dict[str, tuple[Any, str]] = {
    "repeat": (app.outbox.store.Store, "repeat"),
    "send": (app.backend.Backend, "send"),
    "put": (app.outbox.store.Store, "put"),
    "in put": (app.outbox.store, "count"),
    "take": (app.outbox.outbox.Outbox, "take"),
}
"""The steps of a visitor's request."""
DELIVERING: dict[str, tuple[Any, str]] = {
    "recover": (app.outbox.delivering, "recover"),
    "heads": (app.outbox.delivering, "heads"),
    "claim": (app.outbox.delivering, "claim"),
    "open": (Sealing, "open"),
    "send": (app.backend.Backend, "send"),
    "in delivered": (app.outbox.delivering, "count"),
    "delivered": (app.outbox.delivering, "delivered"),
    "settle": (app.outbox.delivering, "settle"),
    "tidy": (app.outbox.delivering, "tidy"),
    "wipe": (app.outbox.delivering, "wipe"),
}
"""The steps of the courier."""
POINTS = ACCEPTING | DELIVERING


@dataclass(frozen=True)
class Kill:
    """Where a proxy kills itself: before or after the n-th time that it comes to a point."""

    point: str
    when: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when} {self.point}"


def serve(listener: socket, groups: dict[str, Any], kill: Kill | None, ready: Connection) -> None:
    """The proxy; in a process of its own."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    routes.service.describe = lambda _: DOCUMENT  # which is the most of a start
    if kill is not None:
        _arm(kill)
    settings = GivenSettings.model_validate(groups)
    server = _Server(server_config(create_app(settings), settings.limits))

    def tell() -> None:
        server.listening.wait()
        ready.send(True)

    Thread(target=tell, daemon=True).start()
    server.run([listener])


def _arm(kill: Kill) -> None:
    owner, name = POINTS[kill.point]
    true: Callable[..., Any] = getattr(owner, name)
    passed = 0

    def due() -> bool:
        nonlocal passed
        passed += 1
        return passed == kill.nth

    def die() -> None:
        os.kill(os.getpid(), SIGKILL)

    def plain(*args: Any, **named: Any) -> Any:
        now = due()
        if now and kill.when == "before":
            die()
        try:
            return true(*args, **named)
        finally:
            if now:
                die()

    async def waiting(*args: Any, **named: Any) -> Any:
        now = due()
        if now and kill.when == "before":
            die()
        try:
            return await true(*args, **named)
        finally:
            if now:
                die()

    setattr(owner, name, waiting if name in ("send", "take") else plain)


@dataclass
class Told:
    """What visitors were told: e-mail addresses by what stood in the answer."""

    stored: list[str] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    refused: int = 0
    broken: int = 0

    @property
    def answers(self) -> int:
        return len(self.stored) + len(self.registered) + self.refused

    @property
    def acknowledged(self) -> list[str]:
        return [*self.stored, *self.registered]


@dataclass
class Scene:
    """A sandbox, a port, a directory for the state, and the proxies that come and go."""

    sandbox: Sandbox
    directory: Path
    listener: socket
    told: Told = field(default_factory=Told)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def groups(self) -> dict[str, Any]:
        sandbox = self.sandbox
        return {
            "realtime": {
                "endpoint": sandbox.realtime_endpoint,
                "token": sandbox.realtime_token,
                "origin": sandbox.realtime_origin,
            },
            "upstream": {"budget": "off"},
            "cache": {"enabled": False},
            "state": {"path": str(self.directory)},
            "outbox": {"enabled": True, "key": KEY, "rate": "off", "backoff_first": 0.05, "backoff_most": 0.2},
        }

    def start(self, kill: Kill | None = None) -> tuple[BaseProcess, Connection]:
        """Start a proxy; the connection tells when it listens."""
        read, write = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=serve, args=(self.listener, self.groups(), kill, write), daemon=True)
        process.start()
        write.close()
        return process, read

    @contextmanager
    def proxy(self, kill: Kill | None = None) -> Iterator[BaseProcess]:
        """A proxy that listens, and is killed at the end."""
        process, ready = self.start(kill)
        try:
            with ready, suppress(EOFError):
                assert ready.poll(PATIENCE)
                ready.recv()
            yield process
        finally:
            end(process)

    def away(self) -> None:
        """Have Dynamics answer registrations with 503."""
        self.sandbox.faults.add("status", operation="register", status=503, times=None)

    def back(self) -> None:
        self.sandbox.faults.clear()

    def register(self, event: str | None = None) -> bool:
        """A new visitor presses the button. Gives whether they were told of a success."""
        number = next(self.numbers)
        email = f"visitor{number}@example.com"
        person = {"firstName": "Nia", "lastName": f"Madeup {number}", "email": email, "passId": ""}
        try:
            status, headers, body = self.ask(
                "POST", f"events/{event or EVENTS[number % len(EVENTS)]}/registrations", {"attendees": [person]}
            )
        except (OSError, HTTPException):
            self.told.broken += 1
            return False
        if status != 200 or json.loads(body)["status"] != "Success":
            self.told.refused += 1
            return False
        (self.told.stored if headers.get("x-evtmgmt-outbox") == "stored" else self.told.registered).append(email)
        return True

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, BASE + path, content, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def wait_delivered(self) -> None:
        """Wait until nothing waits any more."""
        store = Store(self.directory)
        deadline = time.monotonic() + PATIENCE
        while any(store.summary().states[state] for state in (State.WAITING, State.SENDING)):
            assert time.monotonic() < deadline, store.summary()
            time.sleep(0.02)  # it is a file
        store.close()

    def kept(self) -> Counter[str]:
        """E-mail addresses of what is in the outbox, and in which state."""
        store, sealing = Store(self.directory), Sealing([KEY])
        found: Counter[str] = Counter()
        for entry in store.entries():
            sealed = store.sealed(entry.id)
            assert sealed is not None
            assert entry.state is State.PARKED, entry
            found[json.loads(sealing.open(sealed[1], entry.event).body)["attendees"][0]["email"]] += 1
        store.close()
        return found

    def judge(self) -> dict[str, int]:
        """Nothing lost, nothing doubled, among those who were told of a success; gives the numbers."""
        arrived = Counter(item["attendee"]["email"] for item in self.sandbox.control.registrations())
        parked = self.kept()
        acknowledged = self.told.acknowledged
        assert len(set(acknowledged)) == len(acknowledged)
        lost = [email for email in acknowledged if not arrived[email] and not parked[email]]
        doubled = [email for email, times in arrived.items() if times > 1]
        assert (lost, doubled) == ([], []), (len(lost), len(doubled))
        assert not [email for email, times in parked.items() if times > 1]
        return {
            "acknowledged": len(acknowledged),
            "from the outbox": len(self.told.stored),
            "parked": len(parked),
            "of these arrived": sum(1 for email in parked if arrived[email]),
            "refused": self.told.refused,
            "broken": self.told.broken,
        }


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for what other threads do, but no longer than that."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.002)


def end(process: BaseProcess) -> None:
    """Kill a proxy, which may be dead already."""
    process.kill()
    process.join(PATIENCE)
    process.close()


@contextmanager
def scene(sandbox: Sandbox, directory: Path) -> Iterator[Scene]:
    """A scene, in which the passes of the events are known."""
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        store = Store(directory)
        for event in EVENTS:
            store.learn_passes(event, paid=False)
        store.close()
        yield Scene(sandbox, directory, listener)


def kill_at_random(found: Scene, kills: int, *, visitors: int = 4, processes: int = 1, seed: int = 5) -> dict[str, int]:
    """Kill proxies at random moments, while visitors register and Dynamics comes and goes. Gives the numbers."""
    dice = random.Random(seed)
    over = Event()

    def visit() -> None:
        while not over.is_set():
            found.register()

    threads = [Thread(target=visit, name="visitor") for _ in range(visitors)]
    for thread in threads:
        thread.start()
    running: list[tuple[BaseProcess, Connection]] = []
    try:
        running = [found.start() for _ in range(processes)]
        for _ in range(kills):
            found.back()
            if dice.random() < 0.7:
                found.away()
            victim, ready = running.pop(0)
            if dice.random() < 0.9:  # else it is killed while it starts
                assert ready.poll(PATIENCE)
                enough = found.told.answers + dice.randint(0, 5)
                wait_until(lambda enough=enough: found.told.answers >= enough, 1.0)  # type: ignore[misc]
                if dice.random() < 0.5:
                    found.back()
            time.sleep(dice.uniform(0, 0.03))  # the moment is the point
            running.append(found.start())
            ready.close()
            end(victim)
    finally:
        over.set()
        found.back()
        for process, ready in running:
            ready.close()
            end(process)
        with found.proxy():
            for thread in threads:
                thread.join(PATIENCE)
            found.wait_delivered()
    return found.judge()
