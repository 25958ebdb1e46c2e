"""Bytes over a socket, for what an HTTP client would correct or hide."""

import socket

from sandbox import Sandbox


def connect(sandbox: Sandbox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", sandbox.port), timeout=60)


def head(target: str, method: str = "GET", *lines: str) -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: sandbox", *lines, "", ""]).encode("latin-1")


def read_all(connection: socket.socket) -> bytes:
    """Read until the peer ends the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def ask(sandbox: Sandbox, target: str, method: str = "GET", *lines: str) -> bytes:
    with connect(sandbox) as connection:
        connection.sendall(head(target, method, "Connection: close", *lines))
        return read_all(connection)
