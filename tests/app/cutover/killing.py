"""Processes that change the state without a pause, and are killed in the middle of it."""

import os
import random
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from signal import SIGKILL

from tests.app.cutover.stores import change_for_ever
from tests.forking import CONTEXT

PATIENCE = 30
LONGEST_LIFE = 0.015
_MOMENTS = random.Random(4)


def kill_rounds(
    kind: str, places: Iterable[str], look: Callable[[str, int], None], *, processes: int = 2, opened: bool = True
) -> None:
    """Kill processes at random moments.

    Args:
        kind: What store they use.
        places: Its directory or address, one per round.
        look: Called after each round with the place, and the newest version that was acknowledged in it; 0 for none.
        processes: How many at once.
        opened: Kill after the first change of the round; else when the store is about to be opened.
    """
    for place in places:
        ends = [CONTEXT.Pipe(duplex=False) for _ in range(processes)]
        children = [CONTEXT.Process(target=change_for_ever, args=(kind, place, write), daemon=True) for _, write in ends]
        for child, (_, write) in zip(children, ends, strict=True):
            child.start()
            write.close()
        first, *others = (read for read, _ in ends)
        assert first.poll(PATIENCE)
        acknowledged = first.recv()
        while opened and not acknowledged:  # whoever is the first to change something: the others may be long in their turn
            told = wait([first, *others], PATIENCE)
            assert told
            acknowledged = max(read.recv() for read in told if isinstance(read, Connection))
        for child in children:
            time.sleep(_MOMENTS.uniform(0, LONGEST_LIFE))  # the moment is the point
            assert child.pid is not None
            assert child.is_alive()
            os.kill(child.pid, SIGKILL)
            child.join(PATIENCE)
            child.close()
        for read, _ in ends:
            with read:
                try:
                    while read.poll(PATIENCE):
                        acknowledged = max(acknowledged, read.recv())
                except (EOFError, OSError):  # the end, maybe in the middle of a number
                    pass
        look(place, acknowledged)
