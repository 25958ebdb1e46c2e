"""Every server that may not be Dynamics: nothing is sent to it, and the visitor is told in the form of the closed list."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_server, socket
from threading import Thread

import pytest
import trustme

from sandbox.server import Sandbox, SandboxThread
from tests.hostile.case import BODY, LIST, get, post
from tests.hostile.fault_case import OK
from tests.hostile.faults_tls import CASES, TlsCase
from tests.hostile.test_faults import read_one, secrets_of
from tests.service import ask_raw, running_proxy, settings_for


@dataclass
class Place:
    """A proxy, and the one address at which it looks for Dynamics: now this server is there, now that one."""

    port: int
    dynamics: SandboxThread
    context: ssl.SSLContext
    authorities: tuple[trustme.CA, trustme.CA]

    @contextmanager
    def taken_by(self, case: TlsCase) -> Iterator["Stranger | None"]:
        """Let the server of a case serve there. All connections of the one before are gone."""
        if case.certificate is None:
            stranger = Stranger(case.hello, self.dynamics.sandbox.port)
            try:
                yield stranger
            finally:
                stranger.close()
            return
        case.certificate(*self.authorities).configure_cert(self.context)  # in the place of the one before
        with self.dynamics:
            yield None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    authorities = trustme.CA(), trustme.CA()
    trusted = tmp_path_factory.mktemp("authority") / "ca.pem"
    authorities[0].cert_pem.write_to_path(str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    dynamics = SandboxThread(Sandbox(ssl_context=context))
    with dynamics as sandbox:
        upstream = {"ca_file": str(trusted), "connect_timeout": 2, "read_timeout": 20, "total_timeout": 30}
        settings = settings_for(sandbox, upstream=upstream)
    with running_proxy(settings) as (port, _):
        yield Place(port, dynamics, context, authorities)


class Stranger:
    """A server without TLS: keeps what it was sent, and does one thing with each connection."""

    def __init__(self, hello: bytes | None, port: int) -> None:
        self.seen = b""
        self._hello = hello
        self._listener = create_server(("127.0.0.1", port))
        self._open: list[socket] = []
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self.seen += connection.recv(65_536)
            if self._hello is not None:
                if self._hello:
                    connection.sendall(self._hello)
                connection.close()

    def close(self) -> None:
        self._listener.shutdown(2)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(60)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_server_that_may_not_be_dynamics(place: Place, case: TlsCase, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = place.dynamics.sandbox
    sandbox.recorder.clear()
    with place.taken_by(case) as stranger:
        raw = [ask_raw(place.port, request) for request in (get(LIST), post(BODY))]
    told = [read_one(answer)[0] for answer in raw]
    assert told[0] in case.read, case.why
    assert told[1] in case.register, case.why
    arrived = [record.operation for record in sandbox.recorder.find()]
    assert arrived == (["list_events", "register"] if told[0] == OK else [])
    if stranger is not None:
        assert b"emApplicationtoken" not in stranger.seen
        assert b"HTTP/1.1" not in stranger.seen
    written = "".join(capsys.readouterr()) + b"".join(raw).decode("latin-1")
    assert [secret for secret in secrets_of(sandbox) if secret in written] == []
    assert '"defect"' not in written
