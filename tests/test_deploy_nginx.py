"""The nginx file before a real proxy, run by a real nginx with TLS."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from app.setting_groups import Limits
from app.settings import Settings
from benchmarks.replicas import nginx_config
from sandbox.server import Sandbox, SandboxThread
from tests.deploying import DEPLOY, NAMES, names_in
from tests.ports import free_port
from tests.service import BASE, event_path, running_proxy, settings_for

FILE = DEPLOY / "nginx" / "evtmgmt-proxy.conf"
TEXT = FILE.read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
NAME = "events-api.example.com"
ORIGIN = "https://portal.example.com"
needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed")


@dataclass
class Front:
    """nginx on a loopback port, before a proxy."""

    port: int
    proxy_port: int
    folder: Path
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(f"https://{NAME}:{self.port}{path}", headers=headers, extensions={"sni_hostname": NAME})

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return self.client.post(f"https://{NAME}:{self.port}{path}", headers=headers, json=body)

    @property
    def logs(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("*.log"))


class ToLoopback(httpx.HTTPTransport):
    """Calls the name that is in the certificate, at this machine."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": NAME}
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@contextmanager
def nginx(folder: Path, proxy_port: int) -> Iterator[Front]:
    """The file as it stands, but for addresses and places of files."""
    authority = trustme.CA()
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    port = free_port()
    text = TEXT.replace("listen 443 ", f"listen 127.0.0.1:{port} ").replace("127.0.0.1:8080;", f"127.0.0.1:{proxy_port};")
    text = re.sub(r"(ssl_certificate(?:_key)?) \S+;", rf"\1 {folder}/server.pem;", text)
    text = text.replace("/var/log/nginx/", f"{folder}/")
    (folder / "site.conf").write_text(text, encoding="utf-8")
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is its own alone
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; daemon off; {user} error_log {folder}/start.err; worker_processes 1;\n"
        f"events {{}}\nhttp {{ {places} include {folder}/site.conf; }}\n",
        encoding="utf-8",
    )
    assert NGINX
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    try:
        for _ in range(1_200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "start.err").read_text(encoding="utf-8")
            time.sleep(0.05)
        pem = folder / "ca.pem"
        authority.cert_pem.write_to_path(pem)
        with httpx.Client(transport=ToLoopback(verify=ssl.create_default_context(cafile=str(pem))), timeout=60) as client:
            yield Front(port, proxy_port, folder, client)
    finally:
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if not NGINX:
        pytest.skip("nginx is not installed")
    upstream = SandboxThread(Sandbox(realtime_origin=ORIGIN))
    upstream.start()
    portal = {"origins": [ORIGIN], "trusted_proxies": ["1"]}
    settings = settings_for(upstream.sandbox, portal=portal, rates={"registrations_per_client": "2/hour"})
    try:
        with running_proxy(settings) as (port, _), nginx(tmp_path_factory.mktemp("nginx"), port) as front:
            yield front
    finally:
        upstream.stop()


def names_of_events(front: Front) -> list[str]:
    return [event["readableEventId"] for event in front.get(f"{BASE}events/published").json()]


def test_a_portal_works_through_it(front: Front) -> None:
    answer = front.get(f"{BASE}events/published?emApplicationtoken=the-old-token", Origin=ORIGIN)
    assert answer.status_code == 200
    assert answer.json()
    assert answer.headers.get_list("access-control-allow-origin") == [ORIGIN]
    assert len(answer.headers["x-request-id"]) == 32
    assert front.get("/evtmgmt/API/v2.0/events/published").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("events/a%2Fb", "events//x", "events/%2e%2e/x", "events/x%20y/sessions", "events/%C3%BC", "events/a;b"),
        *("nothing?a=b%26c", "events/" + "x" * 9000),
    ],
    ids=lambda path: path[:20],
)  # fmt: skip
def test_the_proxy_sees_the_path_as_it_was_sent(front: Front, path: str) -> None:
    through = front.get(BASE + path, Origin=ORIGIN)
    direct = httpx.get(f"http://127.0.0.1:{front.proxy_port}{BASE}{path}", headers={"Origin": ORIGIN})
    assert through.status_code == direct.status_code
    assert through.json()["errorCode"] == direct.json()["errorCode"]
    assert through.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/admin", "/console", "/docs", "/", "/EvtMgmtX/metrics"])
def test_nothing_else_is_published(front: Front, path: str) -> None:
    assert front.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/EvtMgmt/../metrics", "/EvtMgmt/%2e%2e/metrics", "/EvtMgmt//../../metrics"])
def test_no_way_round_leads_to_the_rest(front: Front, path: str) -> None:
    with socket.create_connection(("127.0.0.1", front.port)) as plain:
        context = ssl.create_default_context(cafile=str(front.folder / "ca.pem"))
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"# HELP" not in answer


def test_a_body_that_is_too_large_is_refused_with_a_sentence(front: Front) -> None:
    event = names_of_events(front)[0]
    body = {"firstName": "x" * (Limits().body_bytes + 10)}
    answer = front.post(BASE + event_path(event, "/registrations"), body, Origin=ORIGIN)
    assert answer.status_code == 413
    assert answer.json()["Message"]
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_a_client_cannot_make_itself_several(front: Front) -> None:
    event = names_of_events(front)[0]
    codes = []
    for number in range(4):
        forged = {"Origin": ORIGIN, "X-Forwarded-For": f"203.0.113.{number}"}
        codes.append(front.post(BASE + event_path(event, "/registrations"), {}, **forged).status_code)
    assert codes[-1] == 429


def test_its_logs_hold_no_query(front: Front) -> None:
    front.get(f"{BASE}events/published?emApplicationtoken=a-token-in-a-query&data=Maria")
    log = front.folder / "evtmgmt-proxy.access.log"
    for _ in range(1_200):
        if log.read_text(encoding="utf-8").count("/events/published"):
            break
        time.sleep(0.05)
    assert f"GET {BASE}events/published" in front.logs
    assert not re.search("token|Maria", front.logs)


@needs_nginx
def test_without_a_proxy_behind_it_visitors_read_a_sentence(tmp_path: Path) -> None:
    with nginx(tmp_path, free_port()) as front:
        answer = front.get(f"{BASE}events/published?emApplicationtoken=a-token-in-a-query", Origin=ORIGIN)
        assert answer.status_code == 503
        assert "try again" in answer.json()["Message"]
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in front.get(f"{BASE}events/published", Origin="https://evil.example").headers
        assert "a-token-in-a-query" not in front.logs


def test_its_time_outs_fit_those_of_the_proxy() -> None:
    def seconds(name: str) -> float:
        found = re.search(rf"\b{name} (\d+)s;", TEXT)
        assert found, name
        return float(found[1])

    fields = Settings.model_fields
    assert seconds("keepalive_timeout") < Limits().keep_alive
    assert seconds("proxy_read_timeout") > fields["faults"].default.deadline
    assert "client_max_body_size 1m;" in TEXT
    assert Limits().body_bytes == 1 << 20
    assert names_in(TEXT) <= NAMES


def test_the_file_of_replicas_runs_and_hands_out_among_them(tmp_path: Path) -> None:
    if not NGINX:
        pytest.skip("nginx is not installed")
    text = (DEPLOY / "nginx" / "replicas.conf").read_text(encoding="utf-8")
    assert names_in(text) <= NAMES
    with SandboxThread(Sandbox(realtime_origin=ORIGIN)) as sandbox, ExitStack() as running:
        ports = [running.enter_context(running_proxy(settings_for(sandbox)))[0] for _ in range(2)]
        port = free_port()
        dead = free_port()  # one of three is away
        config = nginx_config([*ports, dead], port)
        assert config.count("server 127.0.0.1:") == 3
        (tmp_path / "nginx.conf").write_text(config, encoding="utf-8")
        process = subprocess.Popen([NGINX, "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")])
        try:
            for _ in range(1_200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None
                time.sleep(0.05)
            answers = [httpx.get(f"http://127.0.0.1:{port}{BASE}events/published", timeout=60) for _ in range(8)]
            assert {answer.status_code for answer in answers} == {200}
            counted = [httpx.get(f"http://127.0.0.1:{own}/metrics", timeout=60).text for own in ports]
            assert all('evtmgmt_requests_total{backend="realtime",operation="list_events"' in text for text in counted)
            assert httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).status_code == 404
        finally:
            process.terminate()
            process.wait(timeout=60)
