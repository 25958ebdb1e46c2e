"""The control over HTTP, under `/_sandbox/`: what tests in other processes and languages use.

| request | what it does |
|---|---|
| GET `/_sandbox/` | addresses, tokens, origins |
| GET, POST, DELETE `faults`; DELETE `faults/{number}` | list, set (a `Fault` as JSON), clear |
| GET, DELETE `requests` | what was received (query: operation, backend, outcome); forget it |
| GET `wait` | the same list as soon as it holds `count` records, 408 after `timeout` seconds |
| GET `registrations` | all registrations of both organisations, and whether they are processed |
| POST `process` | process every waiting registration now |
| GET, POST `behaviour/{backend}` | see `organisation.Behaviour` |
| POST `events` | `{"backend": ..., "count": 500}` adds plain events |
| GET `aliases` | ids in the outbound organisation to ids in the real-time one |
| GET `checkins` | check-ins received |
| GET `captcha/{flow}` | the solution of a captcha |
| POST `reset` | back to the first state: data, registrations, faults, records |
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from sandbox.captcha import Captcha
from sandbox.data.build import aliases
from sandbox.faults import FaultBoard
from sandbox.organisation import OUTBOUND, REALTIME, Organisation
from sandbox.recorder import Recorder
from sandbox.registrations import ACCEPTED, Desk
from sandbox.wire import Answer, Call, Request, Route, json_answer, match

PREFIX = "/_sandbox/"

_ROUTES = (
    Route("GET", "", "about"),
    Route("GET", "faults", "list_faults"),
    Route("POST", "faults", "add_fault"),
    Route("DELETE", "faults", "clear_faults"),
    Route("DELETE", "faults/{number}", "clear_faults"),
    Route("GET", "requests", "list_requests"),
    Route("DELETE", "requests", "clear_requests"),
    Route("GET", "wait", "wait"),
    Route("GET", "registrations", "registrations"),
    Route("POST", "process", "process"),
    Route("GET", "behaviour/{backend}", "behaviour"),
    Route("POST", "behaviour/{backend}", "change_behaviour"),
    Route("POST", "events", "add_events"),
    Route("GET", "aliases", "aliases"),
    Route("GET", "checkins", "checkins"),
    Route("GET", "captcha/{flow}", "captcha"),
    Route("POST", "reset", "reset"),
)


class Control:
    """Steers a running sandbox; the methods without `request` are its Python interface as well."""

    def __init__(self, desks: Mapping[str, Desk], captcha: Captcha, recorder: Recorder, faults: FaultBoard) -> None:
        self._desks = desks
        self._captcha = captcha
        self._recorder = recorder
        self._faults = faults

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request under `/_sandbox/`; 400 names what is wrong with it."""
        call = match(_ROUTES, request.method, request.path.removeprefix(PREFIX))
        if call.operation in ("unmatched", "wrong_method"):
            return json_answer({"error": f"no such control call: {request.method} {request.path}"}, 404)
        handlers: dict[str, Callable[[Request, Call], Awaitable[Any]]] = {"wait": self._wait}
        try:
            if call.operation in handlers:
                return json_answer(await handlers[call.operation](request, call))
            return json_answer(self._do(request, call))
        except TimeoutError:
            return json_answer({"error": "timed out"}, 408)
        except (ValueError, TypeError, KeyError, re.error) as failure:
            return json_answer({"error": f"{type(failure).__name__}: {failure}"}, 400)

    def registrations(self) -> list[dict[str, Any]]:
        """Return the registrations of both organisations, each with `backend` and `processed`."""
        found = []
        for backend, desk in self._desks.items():
            with desk.organisation.lock:
                desk.settle()
                found += [
                    {"backend": backend, **asdict(item), "processed": item.state != ACCEPTED} for item in desk.registrations
                ]
        return found

    def process(self) -> int:
        """Process every waiting registration now; returns how many there were."""
        done = 0
        for desk in self._desks.values():
            with desk.organisation.lock:
                done += desk.settle(force=True)
        return done

    def reset(self) -> None:
        """Return to the first state."""
        for desk in self._desks.values():
            with desk.organisation.lock:
                desk.organisation.reset()
                desk.reset()
        self._faults.clear()
        self._recorder.clear()

    def aliases(self) -> dict[str, dict[str, str]]:
        """Return what ids of the outbound organisation are called in the real-time one (see `data.build.aliases`)."""
        old, new = self._organisation(OUTBOUND), self._organisation(REALTIME)
        return aliases(old.events.values(), new.events.values())

    def _organisation(self, backend: str) -> Organisation:
        return self._desks[backend].organisation

    def _do(self, request: Request, call: Call) -> Any:
        match call.operation:
            case "about":
                return {name: self._about(name) for name in self._desks}
            case "list_faults":
                return [item.as_dict() for item in self._faults.all()]
            case "add_fault":
                return self._faults.add(**request.json()).as_dict()
            case "clear_faults":
                return self._faults.clear(int(call.params["number"]) if call.params else None)
            case "list_requests":
                return [item.as_dict() for item in self._recorder.find(**_wanted(request))]
            case "clear_requests":
                return self._recorder.clear()
            case "registrations":
                return self.registrations()
            case "process":
                return {"processed": self.process()}
            case "behaviour":
                return asdict(self._organisation(call.params["backend"]).behaviour)
            case "change_behaviour":
                return self._change_behaviour(call.params["backend"], request.json())
            case "add_events":
                wanted = request.json()
                return self._organisation(wanted.get("backend", REALTIME)).add_bulk_events(int(wanted["count"]))
            case "aliases":
                return self.aliases()
            case "checkins":
                return self._organisation(REALTIME).checkins
            case "captcha":
                return {"solution": self._captcha.solution(call.params["flow"])}
            case _:
                return self.reset()

    def _about(self, backend: str) -> dict[str, str]:
        organisation = self._organisation(backend)
        return {"endpoint": organisation.endpoint, "token": organisation.token, "origin": organisation.origin}

    def _change_behaviour(self, backend: str, values: dict[str, Any]) -> dict[str, Any]:
        organisation = self._organisation(backend)
        with organisation.lock:
            organisation.behaviour.change(values)
            return asdict(organisation.behaviour)

    async def _wait(self, request: Request, call: Call) -> list[dict[str, Any]]:
        count, timeout = int(request.query.get("count", "1")), float(request.query.get("timeout", "5"))
        found = await self._recorder.wait_async(count=count, timeout=timeout, **_wanted(request))
        return [item.as_dict() for item in found]


def _wanted(request: Request) -> dict[str, str | None]:
    return {name: request.query.get(name) for name in ("operation", "backend", "outcome")}
