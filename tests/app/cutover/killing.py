"""Processes that change the state without a pause, and are killed in the middle of it."""

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from signal import SIGKILL

from tests.app.cutover.stores import change_for_ever

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["__main__", "tests.app.cutover.stores"])
"""What a process needs is imported once: a child is there after some milliseconds."""
PATIENCE = 30
LONGEST_LIFE = 0.02


def kill_rounds(kind: str, place: str, rounds: int, processes: int, look: Callable[[int], None]) -> None:
    """Kill processes at random moments, all of a round's after the first has made a change.

    Args:
        kind: What store they use.
        place: Its directory or address.
        rounds: How often.
        processes: How many at once.
        look: Called after each round with the newest version that was acknowledged.
    """
    moments = random.Random(4)
    for _ in range(rounds):
        ends = [_CONTEXT.Pipe(duplex=False) for _ in range(processes)]
        children = [_CONTEXT.Process(target=change_for_ever, args=(kind, place, write)) for _, write in ends]
        for child, (_, write) in zip(children, ends, strict=True):
            child.start()
            write.close()
        assert ends[0][0].poll(PATIENCE)
        for child in children:
            time.sleep(moments.uniform(0, LONGEST_LIFE))  # the moment is the point
            assert child.pid is not None
            assert child.is_alive()
            os.kill(child.pid, SIGKILL)
            child.join(PATIENCE)
            child.close()
        acknowledged = 0
        for read, _ in ends:
            with read:
                try:
                    while read.poll(PATIENCE):
                        acknowledged = max(acknowledged, read.recv())
                except (EOFError, OSError):  # the end, maybe in the middle of a number
                    pass
        look(acknowledged)
