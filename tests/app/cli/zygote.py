"""Starts the program by forking a process that has loaded it already: a second of processor time less for each start.

What is forked is a process of its own in everything: environment, folder, streams, signals, exit status; it can be killed. Only
reading the modules is left out. A start from nothing is tested too: ``fresh`` in ``tests/app/cli/program.py``.

    python -m tests.app.cli.zygote FD    # a socket, on which requests come; ends when its other end is closed
"""

import atexit
import gc
import json
import os
import random
import signal
import sys
import tempfile
import threading
from socket import SOCK_SEQPACKET, recv_fds, socket
from traceback import print_exc
from types import ModuleType
from typing import Any, NoReturn

LARGEST = 2**20


def serve(line: socket) -> None:
    """Start what is asked for, and tell of those that ended."""
    while True:
        data, streams, _, _ = recv_fds(line, LARGEST, 3)
        if not data:
            return
        asked = json.loads(data)
        if "ended" in asked:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            line.send(json.dumps(os.waitstatus_to_exitcode(status) if pid else None).encode())
            continue
        pid = os.fork()
        if not pid:
            line.close()
            become(asked, streams)
        for stream in streams:
            os.close(stream)
        line.send(json.dumps(pid).encode())


def become(asked: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be the program, as if it had just been started."""
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = asked["words"]
        sys.modules["__main__"] = ModuleType("__main__")  # its name is shown as the program's
        vars(sys.modules["__main__"])["__file__"] = sys.argv[0]
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the rest of its life, as the next two
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
        tempfile.tempdir = None
        random.seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.unfreeze()

        from app.cli import main

        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        print_exc()
    finally:
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


if __name__ == "__main__":
    import app.cli.commands
    import app.cli.serving  # noqa: F401 - loads all that serves

    gc.freeze()
    serve(socket(fileno=int(sys.argv[1]), type=SOCK_SEQPACKET))
