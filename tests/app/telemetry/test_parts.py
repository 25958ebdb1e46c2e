"""Traces as the settings describe them."""

from unittest.mock import patch

import pytest

from app.metrics import Metrics
from app.telemetry.parts import build_tracing
from app.telemetry.settings import TelemetrySettings


def test_without_them_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "app.telemetry.exporting", None)
    assert build_tracing(TelemetrySettings(), Metrics()) is None
    with patch.dict("os.environ", {"OTEL_SDK_DISABLED": "true"}):
        assert build_tracing(TelemetrySettings(traces=True), Metrics()) is None
    with pytest.raises(ImportError):
        build_tracing(TelemetrySettings(traces=True), Metrics())


@pytest.mark.anyio
async def test_with_them_there_is_a_provider() -> None:
    tracing = build_tracing(TelemetrySettings(traces=True), Metrics())
    assert tracing is not None
    await tracing.close()
