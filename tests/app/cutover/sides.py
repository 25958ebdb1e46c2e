"""A proxy before both organisations, whose state is set at will, and who was asked what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from app.cutover.decision import Source, bucket_of
from app.cutover.places import Pages
from app.cutover.state import CutoverState
from sandbox.recorder import Record
from tests.clock import Clock, told_by, until
from tests.examples import OPEN_DAY, Example, example
from tests.old_side import old_example
from tests.service import ADMIN, Service, running_both

PORTAL = "https://portal.invalid"
ONLY_OLD, ONLY_NEW = "Legacy_Roadshow", "Journey_Launch"
FORUM_OLD, FORUM_NEW = "Annual_Forum", "Annual_Forum_2031"
LATCHED = {"*": {"at": 1.0, "reason": "7 of 50 calls failed"}}


def visitor(low: int, high: int = 10_000) -> dict[str, str]:
    """The header of a visitor whose bucket is at least ``low`` and below ``high``."""
    key = next(key for key in map(str, range(10**6)) if low <= bucket_of("evtmgmt", key.encode()) < high)
    return {"x-visitor": key}


WITHIN, BEYOND = visitor(0, 5_000), visitor(5_000)
"""Visitors on both sides of 50 %."""


def trying(backend: str) -> dict[str, str]:
    """The headers of a tester."""
    return {"x-evtmgmt-backend": backend, "x-evtmgmt-admin": ADMIN}


@contextmanager
def running(stage: str = "split", cutover: dict[str, Any] | None = None, **groups: Any) -> Iterator[Service]:
    """Both organisations, and a proxy that has read their lists. Nothing is kept unless ``cache`` says so."""
    groups = {"portal": {"origins": [PORTAL]}, "log_level": "error", **groups}
    with running_both(stage, cutover, **groups) as service:
        places = service.gateway._answering.router._places
        until(lambda: all(places.listed(side) is not None for side in (Source.REALTIME, Source.OUTBOUND)))
        yield service


@contextmanager
def keeping(stage: str = "split", clock: Clock | None = None, **groups: Any) -> Iterator[Service]:
    """The same with a cache whose time is told by a clock that stands still."""
    with told_by(clock or Clock()), running(stage, cache={"warm": False}, **groups) as service:
        yield service


def put(service: Service, stage: str, **parts: Any) -> None:
    """Have a state serve from now on."""
    state = CutoverState.model_validate({"stage": stage, **parts})
    service.gateway._answering.router._state = lambda: state


def afresh(service: Service) -> None:
    """As it was when it had just started, but for the lists."""
    service.sandbox.control.reset()
    router = service.gateway._answering.router
    router._pages = Pages(3_600)
    router._places._ids.clear()


def page(service: Service) -> None:
    """Have the lists of an event's page asked for: from them the proxy knows what lives where."""
    for part in ("sessions", "tracks", "speakers", "sponsorships"):
        assert service.get(f"events/{OPEN_DAY}/{part}").status_code == 200


def asked(service: Service, operation: str) -> list[str | None]:
    """Which organisations were asked for it, in order."""
    return [record.backend for record in service.sandbox.recorder.find(operation=operation)]


def calls(service: Service, *but: str) -> list[Record]:
    """All that either organisation was asked, but for the lists, which are followed by themselves."""
    return [record for record in service.sandbox.recorder.find() if record.operation not in ("list_events", *but)]


def answered_by(answer: httpx.Response) -> str | None:
    return answer.headers.get("x-evtmgmt-backend")


def call_of(name: str, service: Service, side: str) -> Example:
    """A call with ids of one organisation, that this one answers with success."""
    return example(name, service) if side == "realtime" else old_example(name, service)
