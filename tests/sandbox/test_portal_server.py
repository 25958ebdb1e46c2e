import json
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from sandbox.portal_server import PortalServer, portal_files

ENDPOINT = "http://127.0.0.1:9/EvtMgmt/api/v2.0/"
TOKEN = 'old"token+/=</script>'


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    with PortalServer(api_endpoint=ENDPOINT, token=TOKEN) as running:
        yield running


def exchange(portal: PortalServer, target: str, method: str = "GET") -> bytes:
    """Send a target as it stands: an HTTP client would tidy it up."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=60) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: portal\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/portal.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/pages/home.js?ts=1", "text/javascript; charset=utf-8"),
        ("/config.json", "application/json"),
    ],
)
def test_files_have_their_types(portal: PortalServer, client: httpx.Client, path: str, kind: str) -> None:
    answer = client.get(portal.url + path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content


def test_every_import_leads_to_a_file_that_is_served(portal: PortalServer, client: httpx.Client) -> None:
    modules = [path for path in portal_files() if path.endswith(".js")]
    assert "/pages/registration.js" in modules
    for module in modules:
        for name in re.findall(r'from "([^"]+)"', client.get(portal.url + module).text):
            target = httpx.URL(portal.url + module).join(name)
            assert client.get(target).status_code == 200, f"{module} imports {name}"


def test_nothing_comes_from_elsewhere() -> None:
    for path, file in portal_files().items():
        if path != "/config.json":
            foreign = set(re.findall(r"https?://[^\s'\"]+", file.read_text("utf-8"))) - {"http://www.w3.org/2000/svg"}
            assert not foreign, path


def test_config_holds_the_arguments(client: httpx.Client) -> None:
    with PortalServer(api_endpoint=ENDPOINT, token=TOKEN, authentication=False, id_token="bjorn") as portal:
        config = client.get(f"{portal.url}/config.json").json()
    assert config["apiEndpoint"] == ENDPOINT
    assert config["emApplicationtoken"] == TOKEN
    assert config["isAuthenticationEnabled"] is False
    assert config["idToken"] == "bjorn"


def test_the_file_for_other_web_servers_has_the_same_keys(portal: PortalServer) -> None:
    written = json.loads(portal_files()["/config.json"].read_bytes())
    assert written.keys() == portal.config().keys()


def test_the_endpoint_may_be_learned_later(portal: PortalServer, client: httpx.Client) -> None:
    portal.api_endpoint = "http://127.0.0.1:10/EvtMgmt/api/v2.0/"
    assert client.get(f"{portal.url}/config.json").json()["apiEndpoint"] == "http://127.0.0.1:10/EvtMgmt/api/v2.0/"


@pytest.mark.parametrize(
    "target",
    [
        "/../portal_server.py",
        "/pages/../../portal_server.py",
        "/%2e%2e/portal_server.py",
        "/..%2fportal_server.py",
        "/..\\portal_server.py",
        "//etc/passwd",
        "/pages",
        "/pages/",
        "/nothing.js",
        "/index.html%00",
        "../portal_server.py",
    ],
)
def test_no_path_leads_out_of_the_folder(portal: PortalServer, target: str) -> None:
    answer = exchange(portal, target)
    assert answer.split(b" ", 2)[1] == b"404"
    assert b"PortalServer" not in answer


def test_head_gives_the_headers_alone(portal: PortalServer) -> None:
    head = exchange(portal, "/portal.css", "HEAD")
    size = len(portal_files()["/portal.css"].read_bytes())
    assert head.endswith(b"\r\n\r\n")
    assert f"Content-Length: {size}".encode() in head


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(portal: PortalServer, method: str) -> None:
    answer = exchange(portal, "/", method)
    assert answer.split(b" ", 2)[1] == b"405"
    assert b"Allow: GET, HEAD" in answer


def test_it_stops_while_a_browser_holds_a_connection_and_starts_again_on_its_port(client: httpx.Client) -> None:
    portal = PortalServer(api_endpoint=ENDPOINT, token=TOKEN)
    with portal, socket.create_connection(("127.0.0.1", portal.port), timeout=60):
        first = portal.url
    with pytest.raises(httpx.ConnectError):
        client.get(first)
    with portal:
        assert portal.url == first
        assert client.get(first).status_code == 200


def test_a_taken_port_is_reported(portal: PortalServer) -> None:
    second = PortalServer(api_endpoint=ENDPOINT, token=TOKEN, port=portal.port)
    with pytest.raises(OSError, match="in use"):
        second.start()
