"""The product's real command line, with a port beside it that tells its event loop's tasks and Python's blocks: ``serve ...``.

Only the soak runs it. These are what cannot be seen from outside of a process. Blocks are what objects are made of: a leak shows
in them, while resident memory also holds what is free between them.
"""

import asyncio
import os
import socket
import sys
import threading
from typing import Final

from app.cli import main, serving
from app.server import Server

TASKS_PORT: Final = "SOAK_TASKS_PORT"


class WatchedServer(Server):
    """The server, whose loop is watched once it serves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as ever, and then the watcher."""
        await super().startup(sockets)
        listener = socket.create_server(("127.0.0.1", int(os.environ[TASKS_PORT])))
        threading.Thread(target=_tell, args=(listener, asyncio.get_running_loop()), daemon=True).start()


def _tell(listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"%d %d" % (len(asyncio.all_tasks(loop)), sys.getallocatedblocks()))


if __name__ == "__main__":
    vars(serving)["Server"] = WatchedServer
    main()
