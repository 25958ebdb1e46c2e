"""Servers that may not be Dynamics: whoever cannot prove to be it gets neither the token nor a visitor's data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import trustme

from tests.hostile.fault_case import FAILED, LOST, OK, TIMEOUT, UNREACHABLE, Told

Certificate = Callable[[trustme.CA, trustme.CA], trustme.LeafCert]
"""Made by the trusted authority or by the other one."""
CLOSED: Final = "issue 5, 2: certificate errors fail closed; CWE-295"


@dataclass(frozen=True, slots=True)
class TlsCase:
    """One server.

    Attributes:
        name: What it is.
        certificate: What it shows; None for one that speaks no TLS.
        hello: What a server without TLS does with the first bytes: answers with these, b"" closes, None is silent.
        read: The outcomes of a read that are right.
        register: The same of a registration.
        why: Why they are.
        source: Where it is written.
    """

    name: str
    certificate: Certificate | None
    hello: bytes | None
    read: tuple[Told, ...]
    register: tuple[Told, ...]
    why: str
    source: str


def _dated(begins: int, ends: int) -> Certificate:
    def certificate(ca: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
        now = datetime.now(UTC)
        return ca.issue_cert("127.0.0.1", not_before=now + timedelta(days=begins), not_after=now + timedelta(days=ends))

    return certificate


def _refused(name: str, certificate: Certificate) -> TlsCase:
    return TlsCase(name, certificate, None, (UNREACHABLE,), (UNREACHABLE,), "nothing is sent to a stranger", CLOSED)


def _odd(name: str, hello: bytes | None, read: tuple[Told, ...], register: tuple[Told, ...]) -> TlsCase:
    return TlsCase(name, None, hello, read, register, "no handshake, no request", "RFC 8446 4.1; CWE-295")


CASES: Final = (
    TlsCase("trusted", lambda ca, _: ca.issue_cert("127.0.0.1"), None, (OK,), (OK,), "the counter-test", CLOSED),
    _refused("expired", _dated(-9, -1)),
    _refused("not valid yet", _dated(1, 9)),
    _refused("of an unknown authority", lambda _, other: other.issue_cert("127.0.0.1")),
    _refused("for another host", lambda ca, _: ca.issue_cert("other.invalid")),
    _refused("for another address", lambda ca, _: ca.issue_cert("127.0.0.2")),
    _refused("for every host of another domain", lambda ca, _: ca.issue_cert("*.invalid")),
    _refused("that names the host only as its common name", lambda ca, _: ca.issue_cert("x.invalid", common_name="127.0.0.1")),
    _odd("that speaks no TLS", b"HTTP/1.1 400 Bad Request\r\n\r\n", (UNREACHABLE, FAILED), (UNREACHABLE, LOST)),
    _odd("that answers nonsense", b"\xff" * 99, (UNREACHABLE, FAILED), (UNREACHABLE, LOST)),
    _odd("that sends an alert", bytes.fromhex("15030300020228"), (UNREACHABLE, FAILED), (UNREACHABLE, LOST)),
    _odd("that closes at once", b"", (UNREACHABLE, FAILED), (UNREACHABLE, LOST)),
    _odd("that says nothing", None, (TIMEOUT,), (TIMEOUT,)),
)
