"""The settings of traces. Where they are sent is told by OpenTelemetry's own variables (``app/telemetry/environment.py``)."""

from pydantic import Field, model_validator

from app.setting_types import Group
from app.telemetry.environment import mistakes


class TelemetrySettings(Group):
    """Whether requests are traced, and how many of them."""

    traces: bool = Field(False, description="Whether traces are made and sent.")
    sample: float = Field(0.1, ge=0, le=1, description="Which part of the requests is traced: 0 none, 1 all.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> "TelemetrySettings":
        if self.traces and (found := list(mistakes())):
            raise ValueError("\n".join(found))
        return self
