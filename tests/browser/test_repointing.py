"""A built portal, of which nobody has the source any more: repointed, served, and used in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import run
from tests.browser.built import build
from tests.browser.conftest import Stage, Visitor
from tests.service import running_proxy, settings_for

pytestmark = pytest.mark.browser
TOKEN = "the-old-t0ken-of-the-built-portal"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_built_portal_works_once_it_is_repointed(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    script = build(folder, TOKEN)
    with served(folder) as url:
        sandbox = Sandbox(realtime_origin=url)
        with SandboxThread(sandbox), running_proxy(settings_for(sandbox, cache={})) as (port, _):
            done = run("repoint", "dist", "--to", f"http://127.0.0.1:{port}", "--write", folder=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            assert f"{script.name}:1:" in done.stdout
            assert TOKEN not in done.stdout
            assert TOKEN.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())
            page = browser.new_context(locale="en-GB").new_page()
            portal = PortalServer(api_endpoint="", token="", port=int(url.rpartition(":")[2]))
            visitor = Visitor(page, Stage(portal, sandbox, f"http://127.0.0.1:{port}"), "built")
            told: list[str] = []
            page.on("console", lambda message: told.append(message.text))
            visitor.open("/")
            expect(page.get_by_test_id("event-card").first).to_be_visible()
            visitor.open("/event?id=Contoso_Ltd_Conference")
            expect(page.get_by_test_id("session").first).to_be_visible()
            visitor.open("/event/registration?id=Contoso_Open_Day")
            page.get_by_test_id("first-name").fill("Ann")
            page.get_by_test_id("last-name").fill("Example")
            page.get_by_test_id("email").fill("ann@example.com")
            page.get_by_test_id("submit-registration").click()
            expect(page.get_by_test_id("confirmation-page")).to_be_visible()
            visitor.picture("repointed")
            page.context.close()
            assert (visitor.exceptions, visitor.strangers) == ([], [])
            assert [text for text in told if "integrity" in text.lower()] == []
            assert len(sandbox.recorder.find(operation="register")) == 1
