"""Secrets from a key vault, read by Azure's own client over TLS from a vault of our own on loopback."""

import json
import ssl
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.keyvault.secrets import SecretClient

from app.configuration_error import ConfigurationError
from app.hosting import vault
from app.hosting.vault import VAULT_URL, VaultError, read_vault, vault_hash, vault_name
from app.settings import Settings
from app.settings_sources import load_settings, origins_of_values

TOKEN = "token-in-the-vault"


class Vault:
    """Answers as Key Vault's REST API does: a list of secrets in pages, and each secret."""

    def __init__(self, port: int) -> None:
        self.base = f"https://localhost:{port}"
        self.secrets = {
            "EVTMGMT--REALTIME--TOKEN": TOKEN,
            "evtmgmt--realtime--webapp-id": "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c0001",
            "EVTMGMT--LIMITS--HEADER-COUNT": "33",
            "others-secret": "no business of ours",
        }
        self.disabled = {"EVTMGMT--ADMIN--TOKEN": "a token that is disabled"}
        self.asked: list[str] = []
        self.refuses = False

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        parts = [part for part in urlsplit(path).path.split("/") if part]
        self.asked.append("/".join(parts))
        if self.refuses:
            return 403, {"error": {"code": "Forbidden", "message": f"{TOKEN} is quoted here"}}
        if parts == ["secrets"]:
            listed = [(name, True) for name in self.secrets] + [(name, False) for name in self.disabled]
            return 200, {"value": [{"id": f"{self.base}/secrets/{name}", "attributes": {"enabled": on}} for name, on in listed]}
        name = parts[1]
        return 200, {"id": f"{self.base}/secrets/{name}/1", "value": self.secrets[name], "attributes": {"enabled": True}}


class Anybody:
    """An identity that the vault takes."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("an access token", 2**31)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, value = found.answer(self.path)
            body = json.dumps(value).encode()
            authorized = self.headers.get("Authorization")
            if authorized is None:
                status, body = 401, b""
            self.send_response(status)
            if authorized is None:
                self.send_header(
                    "WWW-Authenticate",
                    'Bearer authorization="https://login.invalid/tenant", resource="https://vault.azure.net"',
                )
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, authority.cert_pem.tempfile(str(tmp_path)) as trusted:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        found = Vault(server.server_port)
        thread = Thread(target=server.serve_forever, name="vault")
        thread.start()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(VAULT_URL, found.base)

        def open_client(address: str) -> SecretClient:
            return SecretClient(address, Anybody(), verify_challenge_resource=False, connection_verify=trusted, retry_total=0)

        monkeypatch.setattr(vault, "open_client", open_client)
        try:
            yield found
        finally:
            server.shutdown()
            thread.join(30)


def test_the_names_of_settings() -> None:
    assert vault_name("EVTMGMT--PORTALS--CONTOSO--REALTIME--WEBAPP-ID") == "EVTMGMT_PORTALS__CONTOSO__REALTIME__WEBAPP_ID"


def test_settings_are_taken_from_the_vault(running: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVTMGMT_REALTIME__ENDPOINT", "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement")
    monkeypatch.setenv("EVTMGMT_REALTIME__ORIGIN", "https://portal.invalid")
    settings = load_settings()
    assert settings.realtime.token.get_secret_value() == TOKEN
    assert settings.limits.header_count == 33
    assert settings.admin.token is None  # it is disabled
    assert origins_of_values(Settings)["EVTMGMT_REALTIME__TOKEN"] == "key vault"
    assert "secrets/others-secret" not in running.asked  # what is not ours is not read
    running.secrets["EVTMGMT--REALTIME--TOKN"] = "a slip"
    with pytest.raises(ConfigurationError, match="EVTMGMT_REALTIME__TOKN: there is no such setting"):
        load_settings()


def test_a_change_is_seen(running: Vault) -> None:
    before = vault_hash()
    assert vault_hash() == before
    running.secrets["EVTMGMT--REALTIME--TOKEN"] = "another one"
    assert vault_hash() != before


def test_a_vault_that_refuses_is_told_without_its_words(running: Vault) -> None:
    running.refuses = True
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert f"{VAULT_URL}: the vault cannot be read: HttpResponseError" in refused.value.problems
    assert TOKEN not in str(refused.value)


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VAULT_URL, "https://vault.invalid")
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", None)
    with pytest.raises(VaultError, match=r"evtmgmt-proxy\[azure\]"):
        read_vault()


def test_no_vault_is_asked_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VAULT_URL, raising=False)
    assert read_vault() == {}
    monkeypatch.setenv(VAULT_URL, "http://vault.invalid")
    with pytest.raises(VaultError, match="https"):
        read_vault()
