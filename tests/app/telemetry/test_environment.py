"""The variables of OpenTelemetry: what is refused before the start, and what must never be seen."""

import os
from pathlib import Path

import pytest

from app.hosting.installation import alone
from app.settings import GivenSettings
from app.telemetry import environment
from app.telemetry.environment import is_disabled, mistakes, secrets
from tests.app.outbox.test_settings import REALTIME


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.invalid:4318/base"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[::1]:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", __file__),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "600"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    ],
)
def test_what_can_be_used(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert list(mistakes()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "backend:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector.invalid/"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "inf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/at/all.pem"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    (sentence,) = mistakes()
    assert name in sentence
    assert value == "0" or value not in sentence


def test_the_variable_for_traces_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "no address")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector.invalid/v1/traces")
    assert list(mistakes()) == []


def test_a_missing_extra_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_LIBRARIES", ("opentelemetry.exporter.nothing_of_that_name.at_all",))
    assert list(mistakes()) == ["traces need the extra otlp: install evtmgmt-proxy[otlp]"]
    monkeypatch.setattr(environment, "_LIBRARIES", ("opentelemetry.nothing_of_that_name",))
    assert list(mistakes()) == ["traces need the extra otlp: install evtmgmt-proxy[otlp]"]


@pytest.mark.parametrize(("value", "disabled"), [("true", True), (" TRUE ", True), ("false", False), ("1", False)])
def test_opentelemetry_may_be_off_as_a_whole(value: str, disabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert is_disabled() is disabled


def test_keys_and_passwords_are_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert list(secrets()) == []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=first%20key, x-tenant = second-key,bare")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://me:pass%2Fword@collector.invalid/")
    installation = alone(GivenSettings.model_validate({"realtime": REALTIME}))
    assert {"second-key", "pass/word"} <= set(installation.secrets)
    assert set(secrets()) == {"first%20key", "first key", "second-key", "pass%2Fword", "pass/word"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[broken")
    assert "second-key" in set(secrets())
