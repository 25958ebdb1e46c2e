"""The same, remembered by all workers together: a page is read from one, and its form may be sent to another.

A file of fixed size that all of them have in memory. Each pair of client and event has one place in it, told by a keyed hash, and
takes it from whoever had it before. Nothing is locked: what is torn by a race costs a visitor one more try at worst.
"""

import mmap
import os
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Final

from app.abuse.first_sights import FirstSights

PLACES: Final = 65_536
_PLACE: Final = Struct("=8sd")
_KEY: Final = 32


class SightsOfWorkers(FirstSights):
    """Remembers clients and events in a file.

    Args:
        minimum: Least seconds between the first read and the form.
        file: The file, in a directory that lives as long as the workers; it is made where there is none.
        clock: A steady clock that all processes of the machine share, in seconds.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, minimum: float, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(minimum, clock)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(opened, PLACES * _PLACE.size)
            self._places = mmap.mmap(opened, PLACES * _PLACE.size)
        finally:
            os.close(opened)
        # The name is made up at each start. Who may read the file may read the memory of the processes as well.
        self._key = blake2b(os.fsencode(file), digest_size=_KEY).digest()

    def saw(self, client: str, event: str) -> float:
        """A client read an event. Returns when it first did."""
        pair = f"{client}\0{event.casefold()}".encode("utf-8", "surrogatepass")
        sign = blake2b(pair, digest_size=8, key=self._key).digest()
        place = int.from_bytes(sign[:4], "big") % PLACES * _PLACE.size
        known, first = _PLACE.unpack_from(self._places, place)
        now = self._clock()
        # A time to come is one of before the machine was started anew.
        if known == sign and first <= now:
            return float(first)
        _PLACE.pack_into(self._places, place, sign, now)
        return now
