"""A drill: Dynamics is away for an hour, and every read that was ever answered is still answered, without waiting."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.clock import Clock, running_at, until
from tests.examples import CONFERENCE, OPEN_DAY, event_of
from tests.service import Service, event_path

HOUR = 3_600
HANGING = {"read_timeout": 600, "total_timeout": 600}
"""Nobody who waits for a hanging Dynamics comes back before the test is over."""
PAGES = (
    "",
    "/sessions",
    "/passes",
    "/tracks",
    "/speakers",
    "/sponsorships",
    "/custom-registration-fields",
    "/registrations/count",
)


def kept_reads(service: Service) -> list[str]:
    """All that a portal reads of two events (PORTAL-FACTS), and what the new API has beside it."""
    paths = ["events/published"]
    for name in (OPEN_DAY, CONFERENCE):
        event = event_of(service, name)
        paths += [event_path(name, rest) for rest in (*PAGES, "/qrcode")]
        paths += [f"sessions/{session['id']}/registrations/count" for session in event.sessions]
        paths += [f"speakers/{speaker['id']}/image" for speaker in event.speakers]
        paths += [f"sponsorships/{sponsorship['id']}/logo" for sponsorship in event.sponsorships]
    return paths


def emulated_reads(service: Service) -> list[str]:
    """What is made of other answers."""
    paths = []
    for name in (OPEN_DAY, CONFERENCE):
        event = event_of(service, name)
        paths += [f"tracks/{track['id']}/sessions" for track in event.tracks]
        item = {"readableEventId": name, "sessionId": event.sessions[0]["id"], "data": {"firstname": "Nia"}}
        paths.append("calendar/personal/ics?" + urlencode({"data": json.dumps([item])}))
    return paths


class Drill:
    """What was answered when all was well, and visitors who ask for it again."""

    def __init__(self, clock: Clock, service: Service, visitors: ThreadPoolExecutor) -> None:
        self.clock = clock
        self.service = service
        self._visitors = visitors
        self.kept = kept_reads(service)
        self.emulated = emulated_reads(service)
        self.answers = dict(zip(self.kept + self.emulated, map(service.get, self.kept + self.emulated), strict=True))
        assert all(answer.is_success for answer in self.answers.values())
        # All of the same age, whatever the order of the first reads.
        assert {answer.headers["age"] for path, answer in self.answers.items() if path in self.kept} == {"0"}
        self._began = clock.now

    def ask_all(self) -> dict[str, httpx.Response]:
        """All at once; a visitor who waits longer than 30 seconds fails the test."""
        return dict(zip(self.answers, self._visitors.map(self.service.get, self.answers), strict=True))

    def all_are_answered(self) -> None:
        """Every read is answered as it was."""
        age = self.clock.now - self._began
        for path, answer in self.ask_all().items():
            was = self.answers[path]
            assert (answer.status_code, "warning" in answer.headers) == (200, False), path
            if path.startswith("calendar/"):  # it holds the time of its making
                assert answer.headers["content-type"] == was.headers["content-type"]
                continue
            assert answer.content == was.content
            if path in self.kept:
                fresh = age < HOUR and re.search("/(image|logo|qrcode)$", path)
                assert (answer.headers["x-evtmgmt-cache"], answer.headers["age"]) == ("hit" if fresh else "stale", f"{age:.0f}")
                assert answer.headers["etag"] == was.headers["etag"]

    def attempts(self) -> float:
        """Calls to Dynamics that have failed so far."""
        text = self.service.client.get(f"{self.service.url}/metrics").text
        found = re.findall(r'^evtmgmt_upstream_requests_total\{.*outcome="(?!200)\w+"\} (\S+)$', text, re.MULTILINE)
        return sum(map(float, found))

    def _an_answer_is_new(self) -> bool:
        self.clock.go(31)  # the longest backoff
        return int(self.service.get(self.kept[1]).headers["age"]) <= 31

    def _all_are_hits(self) -> bool:
        self.clock.go(1)  # the backoff of a call that failed last
        return {self.service.get(path).headers["x-evtmgmt-cache"] for path in self.kept} == {"hit"}

    def all_are_fresh_again(self) -> None:
        """Dynamics is back: the visitors' next reads bring the new answers."""
        self.service.sandbox.realtime.events[OPEN_DAY].registered += 7
        until(lambda: not self.service.sandbox.recorder.find(outcome="pending"))  # what hung has failed
        until(self._an_answer_is_new)
        self.ask_all()  # images are stale for a day while they are fetched anew
        until(self._all_are_hits)
        count = event_path(OPEN_DAY, "/registrations/count")
        assert self.service.get(count).json() == self.answers[count].json() + 7
        assert all(answer.is_success for answer in self.ask_all().values())


@contextmanager
def drill(cache: dict[str, Any] | None = None, **upstream: Any) -> Iterator[Drill]:
    clock = Clock()
    with running_at(clock, cache, upstream=upstream) as service, ThreadPoolExecutor(8) as visitors:
        yield Drill(clock, service, visitors)


def through_the_hour(drill: Drill) -> None:
    """Ask for everything, every minute."""
    for _ in range(HOUR // 60):
        drill.clock.go(60)
        drill.all_are_answered()
    # Before it is known that Dynamics is away, one for each read; then one a minute for everything together.
    assert 30 <= drill.attempts() <= len(drill.answers) + HOUR // 60


def test_an_hour_without_a_server() -> None:
    with drill() as drilled:
        drilled.service.upstream.stop()
        through_the_hour(drilled)
        drilled.service.upstream.start()
        drilled.all_are_fresh_again()


def test_an_hour_of_time_outs() -> None:
    with drill({"stale_wait": 0.1}, read_timeout=2) as drilled:
        drilled.service.sandbox.faults.add("hang", times=None)
        drilled.clock.go(60)
        drilled.all_are_answered()
        until(lambda: drilled.attempts() > 0)  # until the first time-out, Dynamics is only slow
        for _ in range(HOUR // 60):
            drilled.clock.go(60)
            drilled.all_are_answered()
        assert drilled.attempts() <= len(drilled.answers) + HOUR // 60
        drilled.service.sandbox.faults.clear()
        drilled.all_are_fresh_again()


def test_an_hour_of_errors() -> None:
    with drill() as drilled:
        drilled.service.sandbox.faults.add("status", status=503, times=None)
        for _ in range(10):  # counts are given for ten minutes then, all else for a day
            drilled.clock.go(60)
            drilled.all_are_answered()
        drilled.clock.go(HOUR - 600)
        answers = drilled.ask_all()
        refused = {path for path, answer in answers.items() if answer.status_code == 502}
        assert refused == {path for path in drilled.kept if path.endswith(("/count", "/passes"))}
        drilled.service.sandbox.faults.clear()
        drilled.all_are_fresh_again()


def test_a_hanging_dynamics_holds_nobody() -> None:
    with drill({"stale_wait": 0.1}, **HANGING) as drilled:
        drilled.service.sandbox.faults.add("hang", times=None)
        for _ in range(9):
            drilled.clock.go(60)
            drilled.all_are_answered()
        assert drilled.attempts() == 0
        hanging = drilled.service.sandbox.recorder.find(outcome="pending")
        assert 0 < len(hanging) <= len(drilled.kept)  # one flight for each
        drilled.service.upstream.stop()
        drilled.service.sandbox.faults.clear()
        drilled.service.upstream.start()
        drilled.all_are_fresh_again()


def test_a_server_that_comes_back_hanging_holds_nobody() -> None:
    with drill({"stale_wait": 0.1}, **HANGING) as drilled:
        drilled.service.upstream.stop()
        drilled.clock.go(60)
        drilled.all_are_answered()
        drilled.service.sandbox.faults.add("hang", times=None)
        drilled.service.upstream.start()
        for _ in range(HOUR // 60):
            drilled.clock.go(60)
            drilled.all_are_answered()
        assert len(drilled.service.sandbox.recorder.find(outcome="pending")) <= len(drilled.kept)
        drilled.service.upstream.stop()
        drilled.service.sandbox.faults.clear()
        drilled.service.upstream.start()
        drilled.all_are_fresh_again()


def test_a_day_without_a_server() -> None:
    with drill() as drilled:
        drilled.service.upstream.stop()
        drilled.clock.go(86_340)
        drilled.all_are_answered()
        drilled.clock.go(120)
        refused = {path for path, answer in drilled.ask_all().items() if answer.status_code == 502}
        assert refused == {path for path in drilled.answers if not re.search("/(image|logo|qrcode)$", path)}
