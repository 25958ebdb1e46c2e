"""A verifier on a loopback socket that follows the providers' protocol: each answer is good once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs

SECRET = "the-secret-of-the-site"


class FakeVerifier:
    """What it says can be set: ``hostname``, ``score``; ``mode`` is ``""``, ``slow``, ``broken``, ``rubbish`` or ``failing``."""

    def __init__(self) -> None:
        self.hostname = "portal.example.com"
        self.score: float | None = None
        self.mode = ""
        self.asked: list[dict[str, list[str]]] = []
        self.used: set[str] = set()
        self.over = Event()
        self.url = ""

    def judge(self, form: dict[str, list[str]]) -> dict[str, Any]:
        answer = form.get("response", [""])[0]
        if form.get("secret") != [SECRET]:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        if answer in self.used:
            return {"success": False, "error-codes": ["timeout-or-duplicate"]}
        self.used.add(answer)
        if not answer.startswith("good"):
            return {"success": False, "error-codes": ["invalid-input-response"]}
        score = {} if self.score is None else {"score": self.score}
        return {"success": True, "hostname": self.hostname, "error-codes": [], **score}


@contextmanager
def running_verifier() -> Iterator[FakeVerifier]:
    fake = FakeVerifier()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            fake.asked.append(form)
            if fake.mode == "slow":
                fake.over.wait(30)
                return
            if fake.mode == "broken":
                self.connection.close()
                return
            body = b"<html>" if fake.mode == "rubbish" else json.dumps(fake.judge(form)).encode()
            self.send_response(503 if fake.mode == "failing" else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        fake.url = f"http://127.0.0.1:{server.server_port}/siteverify"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield fake
        finally:
            fake.over.set()
            server.shutdown()
            thread.join(10)
