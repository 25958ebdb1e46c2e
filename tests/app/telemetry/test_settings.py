"""The settings of traces."""

import pytest
from pydantic import ValidationError

from app.configuration_error import ConfigurationError
from app.hosting.installation import read_table
from app.telemetry.settings import TelemetrySettings
from tests.app.outbox.test_settings import REALTIME


def test_they_are_off() -> None:
    assert TelemetrySettings() == TelemetrySettings(traces=False, sample=0.1)


@pytest.mark.parametrize("sample", [-0.1, 1.1, "much"])
def test_a_part_is_a_part(sample: object) -> None:
    with pytest.raises(ValidationError):
        TelemetrySettings.model_validate({"sample": sample})


def test_where_they_cannot_be_sent_they_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    with pytest.raises(ValidationError) as refused:
        TelemetrySettings(traces=True)
    assert all(f"OTEL_EXPORTER_OTLP_{what} must be" in str(refused.value) for what in ("PROTOCOL", "ENDPOINT"))
    assert not TelemetrySettings(traces=False).traces


def test_they_belong_to_the_process() -> None:
    portals = {"contoso": {"hosts": ["a.invalid"], "telemetry": {"traces": True}}}
    with pytest.raises(ConfigurationError) as refused:
        read_table({"realtime": REALTIME, "portals": portals})
    assert "EVTMGMT_PORTALS__CONTOSO__TELEMETRY: belongs to the process, not to a portal" in refused.value.problems
