"""The settings of what happens when Dynamics fails."""

from pydantic import Field, model_validator

from app.setting_types import Group, Seconds


class Faults(Group):
    """How much of a failing Dynamics others feel. Times are seconds."""

    breaker: bool = Field(True, description="Whether calls are left out while most of them fail.")
    breaker_window: Seconds = Field(30, description="How far back calls are counted.")
    breaker_minimum: int = Field(20, ge=1, le=10_000, description="Calls in the window before their failures say anything.")
    breaker_percent: float = Field(50, gt=0, le=100, description="Percent of failed calls from which on calls are left out.")
    breaker_open: Seconds = Field(2, description="How long calls are left out at first. Doubles each time.")
    breaker_open_most: Seconds = Field(60, description="How long calls are left out at most.")
    breaker_probes: int = Field(3, ge=1, le=100, description="Calls that have to succeed before all are made again.")
    retry_percent: float = Field(20, ge=0, le=100, description="Repeated calls per 100 first ones. 0: nothing is repeated.")
    retry_burst: int = Field(10, ge=1, le=1_000, description="Repeated calls at once after a quiet time, per worker.")
    deadline: Seconds = Field(45, description="Longest time for all calls together that a visitor's request makes.")
    registrations_percent: float = Field(20, ge=0, le=90, description="Percent of the connections that only writes may use.")
    images_percent: float = Field(40, gt=0, le=100, description="Percent of the connections that images may use at most.")

    @model_validator(mode="after")
    def _grows(self) -> "Faults":
        if self.breaker_open_most < self.breaker_open:
            raise ValueError("breaker_open_most is the longest time, so it is not less than breaker_open")
        return self
