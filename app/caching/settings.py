"""The settings of the response cache."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from app.setting_types import Bytes, Group
from translation.freshness import DEFAULTS, Freshness, Lifetime
from translation.operations import BY_NAME

Days = Annotated[float, Field(ge=0, le=30 * 86_400)]
"""Seconds, up to thirty days."""


class Times(Group):
    """How long answers serve. Times are seconds; what is left out is as in the class of the operation."""

    fresh: Days | None = Field(None, description="Given without asking.")
    stale_while_revalidate: Days | None = Field(None, description="After that: given, and asked for anew in the background.")
    stale_if_error: Days | None = Field(None, description="After `fresh`: given when Dynamics answers with an error.")

    def over(self, default: Lifetime) -> Lifetime:
        """These times, and those of ``default`` where one is left out."""
        return Lifetime(
            default.fresh if self.fresh is None else self.fresh,
            default.stale_while_revalidate if self.stale_while_revalidate is None else self.stale_while_revalidate,
            default.stale_if_error if self.stale_if_error is None else self.stale_if_error,
        )


class Details(Times):
    """Lists and details."""

    fresh: Days = DEFAULTS[Freshness.DETAILS].fresh
    stale_while_revalidate: Days = DEFAULTS[Freshness.DETAILS].stale_while_revalidate
    stale_if_error: Days = DEFAULTS[Freshness.DETAILS].stale_if_error


class Counts(Times):
    """Registration counts and passes."""

    fresh: Days = DEFAULTS[Freshness.COUNTS].fresh
    stale_while_revalidate: Days = DEFAULTS[Freshness.COUNTS].stale_while_revalidate
    stale_if_error: Days = DEFAULTS[Freshness.COUNTS].stale_if_error


class Images(Times):
    """Pictures, logos and QR codes."""

    fresh: Days = DEFAULTS[Freshness.IMAGES].fresh
    stale_while_revalidate: Days = DEFAULTS[Freshness.IMAGES].stale_while_revalidate
    stale_if_error: Days = DEFAULTS[Freshness.IMAGES].stale_if_error


def _never(value: Any) -> Any:
    if isinstance(value, str):
        if value.strip().lower() == "never":
            return None
        raise ValueError("must be `never`, or a table of times")
    return value


class CacheSettings(Group):
    """The response cache. Times are seconds."""

    enabled: bool = Field(True, description="`false` turns all of it off.")
    max_bytes: Bytes = Field(256 * 2**20, description="Largest size of all kept answers together, per worker.")
    max_entries: int = Field(20_000, ge=1, le=10_000_000, description="Most kept answers, per worker.")
    max_entry_bytes: Bytes = Field(4 * 2**20, description="Largest answer that is kept. Larger images are streamed.")
    shared: bool = Field(True, description="Whether replicas share answers, where EVTMGMT_STATE__REDIS_URL is set.")
    shared_max_bytes: Bytes = Field(2**20, description="Largest answer that is shared.")
    details: Details = Field(Details(), description="Times of lists and details.")
    counts: Counts = Field(Counts(), description="Times of registration counts and passes.")
    images: Images = Field(Images(), description="Times of pictures, logos and QR codes.")
    operations: dict[str, Annotated[Times | None, BeforeValidator(_never)]] = Field(
        {}, description="Operations with times of their own, or `never`. Best written in the settings file."
    )
    not_found: Days = Field(10, description="How long a 404 of Dynamics is given again. `0`: it is asked each time.")
    when_unreachable: Days = Field(
        86_400, description="How long after `fresh` an answer is given when Dynamics cannot be reached or does not answer."
    )
    stale_wait: float = Field(
        2, ge=0, le=60, description="Longest wait of a visitor for an answer that failed or is old, when there is a stale one."
    )
    refresh_ahead: float = Field(
        0.8,
        gt=0,
        le=1,
        description="The part of its fresh time after which an answer in demand is fetched anew. `1`: never ahead.",
    )
    browsers: bool = Field(True, description="Whether browsers keep answers as long as they are fresh. They get 304 anyway.")
    obey_clients: bool = Field(False, description="Whether a client's `Cache-Control: no-cache` makes the proxy ask Dynamics.")
    warm: bool = Field(True, description="Whether the list and the details of its events are fetched after the start.")
    warm_events: int = Field(50, ge=1, le=10_000, description="Of how many events, in the order of the list.")
    warm_rate: float = Field(5, gt=0, le=1_000, description="Calls per second for that, of all workers together.")

    @field_validator("operations")
    @classmethod
    def _known(cls, value: dict[str, Times | None]) -> dict[str, Times | None]:
        kept = [name for name, operation in BY_NAME.items() if operation.freshness is not None]
        unknown = [repr(name) for name in value if name not in kept]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not an operation whose answers are kept; these are {', '.join(kept)}")
        return value

    def lifetimes(self) -> dict[str, Lifetime]:
        """How long the answers of each operation serve, by its name; those that are never kept are left out."""
        if not self.enabled:
            return {}
        classes: dict[Freshness, Times] = {
            Freshness.DETAILS: self.details,
            Freshness.COUNTS: self.counts,
            Freshness.IMAGES: self.images,
        }
        found = {}
        for name, operation in BY_NAME.items():
            own = self.operations.get(name, Times())
            if operation.freshness is not None and own is not None:
                found[name] = own.over(classes[operation.freshness].over(DEFAULTS[operation.freshness]))
        return found
