"""The product's real command line, with a port beside it that tells how many tasks its event loop has: ``serve ...``.

Only the soak runs it. Tasks are the one thing that cannot be seen from outside of a process.
"""

import asyncio
import os
import socket
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
            connection.sendall(b"%d" % len(asyncio.all_tasks(loop)))


if __name__ == "__main__":
    vars(serving)["Server"] = WatchedServer
    main()
