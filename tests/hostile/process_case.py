"""A process and what happens to it: the stage on which cases are played, and how callers ask there."""

import re
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import orjson

from sandbox.server import Sandbox, SandboxThread
from tests.hostile.case import LIST, get
from tests.hostile.starting import Process
from translation.errors import ERRORS

ADMIN = "the-credential-of-the-admin"
CLOSED = "closed"
_NUMBERS = count(1)


@dataclass
class Stage:
    """A running proxy, the organisation behind it, and callers.

    Attributes:
        program: The process.
        sandbox: What it asks.
        port: Where it listens.
        pid: Its process.
        folder: Where its state is kept, in the folder ``state``.
        upstream: Starts and stops the organisation.
        workers: How many processes answer.
    """

    program: Process
    sandbox: Sandbox
    port: int
    pid: int
    folder: Path
    upstream: SandboxThread
    workers: int = 1

    def call(self, request: bytes, timeout: float = 30) -> str:
        """What one request is told: status and error code; ``closed`` when the connection ends without an answer."""
        with socket(AF_INET, SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            with suppress(ConnectionError):
                connection.connect(("127.0.0.1", self.port))
                connection.sendall(request)
                return answer_on(connection)
        return CLOSED

    def honest(self) -> str:
        """What an honest visitor is told now."""
        return self.call(get(LIST))

    def change(self) -> str:
        """What the operator is told who changes the cutover now."""
        body = orjson.dumps({"events": {f"Event_{next(_NUMBERS)}": "off"}, "why": "a test"})
        lines = (
            "PATCH /admin/cutover HTTP/1.1", "Host: proxy.invalid", f"Authorization: Bearer {ADMIN}", "If-Match: *",
            "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", "", "",
        )  # fmt: skip
        return self.call("\r\n".join(lines).encode() + body)

    def logged(self, event: str) -> int:
        """How often the log tells of it."""
        return self.program.log.read_text("utf-8").count(f'"{event}"')

    def told(self, beginning: str) -> list[str]:
        """The rest of each line of the server that begins so, such as the number of a process."""
        return [str(line["event"])[len(beginning) :] for line in self.program.lines() if str(line["event"]).startswith(beginning)]

    def in_flight(self) -> int:
        """Requests that are being answered, beside the one that asks."""
        with socket(AF_INET, SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(get(b"/metrics"))
            said = b"".join(iter(lambda: connection.recv(65_536), b""))
        found = re.search(rb"^evtmgmt_in_flight ([0-9]+)", said, re.MULTILINE)
        return int(found[1]) - 1 if found else 0

    def limit(self, what: int, soft: int) -> None:
        """Bound the process from outside; the hard bound stays, so that it can be lifted again."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (hard if soft < 0 else soft, hard))

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


def answer_on(connection: socket) -> str:
    """Read all of one answer: ``200``, ``503 Overloaded`` and the like; the code is one of the closed list, or of the admin's."""
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
    raw = b"".join(parts)
    if not raw:
        return CLOSED
    head, _, body = raw.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    if status < 400:
        length = re.search(rb"content-length: ([0-9]+)", head.lower())
        return str(status) if length is None or len(body) == int(length[1]) else f"{status} cut"
    said: dict[str, Any] = orjson.loads(body)
    code = said.get("errorCode") or said["code"]
    assert status != 500, said
    assert "errorCode" not in said or ERRORS[code].status == status
    return f"{status} {code}"


@dataclass(frozen=True, slots=True)
class ProcessCase:
    """Something that happens to a process.

    Attributes:
        name: What it is.
        play: Makes it happen, and looks at what is particular to it.
        why: Why that is right.
        source: Where it is written.
        settings: What the process runs with beside the usual.
        ends: Whether the process has ended then.
        log: Where its log goes; a file by default.
    """

    name: str
    play: Callable[[Stage], None]
    why: str
    source: str
    settings: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False
    log: str = ""
