"""One courier among all processes of a host: who holds the lock of a file. The kernel takes it from who dies (flock(2))."""

import fcntl
import os
from pathlib import Path
from typing import Final

FILE: Final = "outbox.lock"


class Lock:
    """A lock that one process holds at a time.

    Args:
        directory: Where its file is.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._opened: int | None = None

    def take(self) -> bool:
        """Whether it is held by this process now. Never waits.

        Raises:
            OSError: The file cannot be made.
        """
        if self._opened is not None:
            return True
        opened = os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            return False
        except BaseException:
            os.close(opened)
            raise
        self._opened = opened
        return True

    def release(self) -> None:
        """Let the next one have it."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None
