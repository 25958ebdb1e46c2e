"""Serves the demo portal's files on a port of its own, as a static web server would."""

import json
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_ROOT = Path(__file__).with_name("portal")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}


def portal_files() -> dict[str, Path]:
    """Return the portal's files by the path they are served at.

    Only what stands in this table is ever opened, so that no request path can lead out of the folder.
    """
    found = {f"/{path.relative_to(_ROOT).as_posix()}": path for path in sorted(_ROOT.rglob("*")) if path.suffix in _TYPES}
    return found | {"/": found["/index.html"]}


class PortalServer:
    """The portal in a thread: `with PortalServer(api_endpoint=..., token=...) as portal`.

    Args:
        api_endpoint: Base of the events API that the portal calls, with its trailing slash.
        token: The portal's web application token (`emApplicationtoken`).
        port: 0 means any free one.
        host: Address to listen on.
        authentication: Show "Sign in" and "My registrations" (`isAuthenticationEnabled`).
        id_token: Bearer token of the visitor who presses "Sign in"; the sandbox knows `ann` and `bjorn`.

    Attributes:
        api_endpoint: May be changed while the server runs, when the API's port is only known later.
        port: The port listened on, once started.
    """

    def __init__(
        self,
        *,
        api_endpoint: str,
        token: str,
        port: int = 0,
        host: str = "127.0.0.1",
        authentication: bool = True,
        id_token: str = "ann",
    ) -> None:
        self.api_endpoint = api_endpoint
        self.port = port
        self._token = token
        self._host = host
        self._authentication = authentication
        self._id_token = id_token
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without trailing slash: the origin to register and to allow."""
        return f"http://{self._host}:{self.port}"

    def config(self) -> Mapping[str, Any]:
        """Return what `/config.json` holds: the file of that name with this server's own values in it."""
        values: dict[str, Any] = json.loads((_ROOT / "config.json").read_bytes())
        return values | {
            "apiEndpoint": self.api_endpoint,
            "emApplicationtoken": self._token,
            "isAuthenticationEnabled": self._authentication,
            "idToken": self._id_token,
        }

    def start(self) -> None:
        """Listen. Raises: OSError when the port is taken."""
        portal, files = self, portal_files()

        class Handler(_Handler):
            def content(self, path: str) -> tuple[bytes, str] | None:
                if path == "/config.json":
                    return json.dumps(portal.config()).encode(), _TYPES[".json"]
                file = files.get(path)
                return None if file is None else (file.read_bytes(), _TYPES[file.suffix])

        self._server = ThreadingHTTPServer((self._host, self.port), Handler)
        self.port = self._server.server_address[1]
        # A short poll makes stopping quick; requests themselves do not wait for it.
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="portal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and end the thread."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for known paths; one request per connection, so that stopping never waits for a browser."""

    timeout = 10  # seconds a connection may stay silent

    def content(self, path: str) -> tuple[bytes, str] | None:
        """Return the bytes and media type served at a path, or None."""
        raise NotImplementedError

    def handle(self) -> None:
        # A browser that leaves in the middle of an answer is no news.
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        found = self.content(urlsplit(self.path).path)
        body, kind = found or (b"There is no such page.\n", "text/plain; charset=utf-8")
        self._send(200 if found else 404, body if with_body else b"", {"Content-Type": kind, "Content-Length": str(len(body))})

    def _refuse(self) -> None:
        self._send(405, b"", {"Allow": "GET, HEAD", "Content-Length": "0"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _refuse  # noqa: N815 - named by http.server

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Stay silent: the demo prints its own lines."""
