"""Running the server, and asking a running one for its health."""

import os
import tempfile
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from uvicorn.supervisors import Multiprocess

from app.main import create_app
from app.server import Server, server_config
from app.settings import Settings


def run_server(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished within ``limits.shutdown_timeout``.

    Args:
        settings: What to run with.
        host: Address to listen on.
        port: Port, 0 for a free one.
        workers: Processes. With several, their metrics are added up through files in a directory of their own.
    """
    if workers == 1:
        Server(server_config(create_app(settings), settings.limits, host=host, port=port)).run()
        return
    with tempfile.TemporaryDirectory(prefix="evtmgmt-metrics-") as directory:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        config = server_config("app.main:create_app", settings.limits, host=host, port=port, workers=workers)
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def is_alive(url: str) -> bool:
    """Whether a running proxy answers 200 within three seconds."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=3)
    try:
        connection.request("GET", parts.path or "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
