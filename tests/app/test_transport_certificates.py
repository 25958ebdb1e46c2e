"""Certificates of Dynamics that cannot be trusted: the call fails closed, nothing is sent, and the log says why."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from sandbox.server import Sandbox, SandboxThread
from tests.service import BASE, running_proxy, settings_for


@contextmanager
def served_by(certificate: trustme.LeafCert) -> Iterator[Sandbox]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with SandboxThread(Sandbox(ssl_context=context)) as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, **upstream: Any) -> httpx.Response:
    with running_proxy(settings_for(sandbox, upstream=upstream)) as (port, _):
        return httpx.get(f"http://127.0.0.1:{port}{BASE}events/published", trust_env=False)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return ca, str(path)


def test_a_certificate_of_a_trusted_authority_is_accepted(authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    with served_by(ca.issue_cert("127.0.0.1")) as sandbox:
        assert ask(sandbox, ca_file=path).status_code == 200


def expired(ca: trustme.CA) -> trustme.LeafCert:
    now = datetime.now(UTC)
    return ca.issue_cert("127.0.0.1", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1))


@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [
        pytest.param(lambda ca: ca.issue_cert("127.0.0.1"), False, id="unknown authority"),
        pytest.param(lambda ca: ca.issue_cert("other.invalid"), True, id="other host"),
        pytest.param(expired, True, id="expired"),
    ],
)
def test_any_other_certificate_is_refused(
    authority: tuple[trustme.CA, str],
    certificate: Callable[[trustme.CA], trustme.LeafCert],
    trusted: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ca, path = authority
    with served_by(certificate(ca)) as sandbox:
        answer = ask(sandbox, **({"ca_file": path} if trusted else {}))
        assert (answer.status_code, answer.json()["errorCode"]) == (502, "UpstreamUnreachable")
        assert sandbox.recorder.find() == []
    assert "the certificate is not trusted" in capfd.readouterr().out


def test_it_is_not_tried_again_and_the_breaker_tells_why(
    authority: tuple[trustme.CA, str], capfd: pytest.CaptureFixture[str]
) -> None:
    ca, path = authority
    faults = {"breaker": True, "breaker_minimum": 1, "breaker_open": 600, "breaker_open_most": 600, "retry_percent": 100}
    with served_by(expired(ca)) as sandbox:
        settings = settings_for(sandbox, upstream={"ca_file": path}, faults=faults)
        with running_proxy(settings) as (port, _), httpx.Client(trust_env=False) as client:
            url = f"http://127.0.0.1:{port}"
            codes = [client.get(f"{url}{BASE}events/published").json()["errorCode"] for _ in range(2)]
            assert codes == ["UpstreamUnreachable", "BreakerOpen"]
            assert 'evtmgmt_retries_total{backend="realtime",lane="reads"}' not in client.get(f"{url}/metrics").text
        assert sandbox.recorder.find() == []
    (line,) = [line for line in capfd.readouterr().out.splitlines() if '"breaker open' in line]
    assert '"cause":"the certificate is not trusted"' in line
