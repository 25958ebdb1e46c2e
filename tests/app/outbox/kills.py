"""Proxies with an outbox are killed at random moments under load, as often as one likes: ``make kills``."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.server import Sandbox, SandboxThread
from tests.app.outbox.killing import kill_at_random, scene


def main(kills: int) -> None:
    """Kill proxies at random moments, one and then three at a time, and print the numbers."""
    for processes in (1, 3):
        with SandboxThread(Sandbox()) as sandbox, TemporaryDirectory() as directory, scene(sandbox, Path(directory)) as found:
            begun = time.monotonic()
            numbers = kill_at_random(found, kills, processes=processes, seed=int(begun))
            seconds = time.monotonic() - begun
            print(f"{kills} kills, {processes} at a time, {seconds:.0f} s: 0 lost, 0 doubled; {numbers}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
