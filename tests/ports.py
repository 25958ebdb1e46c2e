"""Ports for programs that have to be told one."""

from pathlib import Path
from random import SystemRandom
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000


def free_port() -> int:
    """A port that nobody has, below those that the system hands out: no other test gets it before the program takes it."""
    handed_out = int(RANGE.read_text("ascii").split()[0])
    while True:
        port = SystemRandom().randrange(LOWEST, handed_out) if handed_out > LOWEST + 1_000 else 0
        with socket(AF_INET, SOCK_STREAM) as probe:
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
