"""The shadow beside a whole service: a visitor never notices it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from app.cutover import shadow as module
from app.cutover.shadow import Shadow
from sandbox.server import Sandbox, SandboxThread
from tests.app.cutover.test_shadow import DEEP, outcomes
from tests.app.line import Line, ask, masked, target
from tests.clock import until
from tests.examples import OPEN_DAY, attendee, registration
from tests.old_side import ANN, OLD, old_example, only_asked, raw_answer, running_old
from tests.service import BASE, Service, both_sides, running_proxy, settings_for

pytestmark = pytest.mark.anyio

SHADOW_ALL = {"sample": 100, "noise": 100, "timeout": 10, "max_answer_bytes": 2**20}
AGE = re.compile(rb"\r\nage: [0-9]+")


def battery(service: Service) -> list[bytes]:
    """Requests of every kind, as bytes."""
    found = []
    for operation in OLD:
        if operation.name == "get_captcha" or operation.writes:
            continue
        one = old_example(operation.name, service)
        lines = [f"{name}: {value}" for name, value in one.headers.items()]
        path = BASE + one.path
        found += [
            ask(path, *lines),
            ask(path, "Accept-Encoding: gzip", "Origin: https://portal.invalid", *lines),
            ask(path, *lines, method="HEAD"),
            ask(path, "Authorization: Bearer ann", "X-Request-ID: given"),
        ]
    body = orjson.dumps(registration())
    found += [
        ask(target("Nowhere")),
        ask(BASE + "nonsense"),
        ask(target(OPEN_DAY), method="OPTIONS"),
        ask(target(OPEN_DAY), method="POST", body=b""),
        ask(
            target(OPEN_DAY, "/registrations"),
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            method="POST",
            body=body,
        ),
    ]
    return found


@contextmanager
def side_by_side(cache: Mapping[str, Any], **shadow: Any) -> Iterator[tuple[Service, Service]]:
    """Two proxies before one sandbox: without a shadow, and with one."""
    thread = SandboxThread(Sandbox())
    with thread as sandbox, httpx.Client(timeout=60, trust_env=False) as client:

        def settings(stage: str) -> Any:
            groups = both_sides(sandbox, stage) | {"shadow": {**SHADOW_ALL, **shadow}, "cache": cache, "log_level": "error"}
            return settings_for(sandbox, **groups, upstream={"connections": 1, "pool_timeout": 10})

        without, beside = settings("outbound"), settings("shadow")
        with only_asked(), running_proxy(without) as (port, gateway), running_proxy(beside) as (other, shadowed):
            yield (
                Service(port, sandbox, thread, without, gateway, client),
                Service(other, sandbox, thread, beside, shadowed, client),
            )


def shadow_of(service: Service) -> Shadow:
    found = service.gateway._answering.shadow
    assert found is not None
    return found


def settled(service: Service, least: int) -> dict[str, int]:
    """What became of all offers, once there are so many and nothing waits or is under way."""
    shadow = shadow_of(service)
    until(lambda: sum(outcomes(shadow._metrics).values()) >= least and not shadow._queue._unfinished_tasks)  # type: ignore[attr-defined]
    return outcomes(shadow._metrics)


WAYS: list[tuple[str, str | None, dict[str, Any]]] = [
    ("well", None, {}),
    ("hanging", "hang", {}),
    ("resetting", "reset", {}),
    ("endless", "endless", {}),
    ("HTML", "html", {}),
    ("malformed", "wrong_json", {}),
    ("deep", "raw", {"body": raw_answer(DEEP)}),
    ("refusing", "status", {"status": 401}),
    ("too many", "status", {"status": 429, "headers": {"Retry-After": "300"}}),
    ("failing", "status", {"status": 500}),
    ("exploding", None, {}),
]


@pytest.mark.parametrize("cache", [{"enabled": False}, {"warm": False}], ids=["without cache", "with cache"])
@pytest.mark.parametrize(("way", "kind", "values"), WAYS, ids=[way for way, _, _ in WAYS])
def test_visitors_get_bit_for_bit_what_they_get_without_a_shadow(
    way: str, kind: str | None, values: dict[str, Any], cache: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "exploding":

        def explode(*_: object) -> Iterator[object]:
            raise ZeroDivisionError

        monkeypatch.setattr(module, "compare_in_steps", explode)
    with side_by_side(cache, timeout=0.2 if way == "hanging" else 10) as (without, beside):
        if kind is not None:
            without.sandbox.faults.add(kind, backend="realtime", times=None, **values)
        for request in battery(without):
            method = request.split(b" ")[0].decode()
            first, second = (AGE.sub(b"", masked(answer(service, request, method))) for service in (without, beside))
            assert first == second, request
        found = settled(beside, 20)
        assert outcomes(shadow_of(without)._metrics) == {}
    expected = {"well": {"compared", "noise"}, "exploding": {"defect"}, "too many": {"held_back"}}
    assert set(found) - {"noise", "dropped"} == expected.get(way, {"failed"}) - {"noise"}


def answer(service: Service, request: bytes, method: str) -> bytes:
    line = Line(service.port)
    with line:
        line.send(request)
        return line.answer(method)


def test_the_shadow_uses_no_connection_of_visitors() -> None:
    with side_by_side({"enabled": False}, timeout=60, connections=2, noise=0) as (_, beside):
        beside.sandbox.faults.add("hang", backend="realtime", times=None)
        for _ in range(20):  # over one connection, which is free each time
            assert beside.get(f"events/{OPEN_DAY}").status_code == 200
        beside.sandbox.recorder.wait(count=2, backend="realtime", outcome="pending")
        assert beside.get("events/published").status_code == 200
        assert outcomes(shadow_of(beside)._metrics) == {}
        assert shadow_of(beside)._queue.qsize() == 19


def test_kept_answers_are_offered_as_well_whichever_way_they_go() -> None:
    with running_old("shadow", shadow={**SHADOW_ALL, "noise": 0}, cache={"warm": False}) as service:
        line = Line(service.port)
        with line:
            for _ in range(4):
                line.send(ask(target(OPEN_DAY)))
                assert b"200 OK" in line.answer()
        etag = service.get(f"events/{OPEN_DAY}").headers["etag"]
        assert service.get(f"events/{OPEN_DAY}", headers={"if-none-match": etag}).status_code == 304
        assert settled(service, 6) == {"compared": 6}
        assert len(service.sandbox.recorder.find(backend="outbound", operation="get_event")) == 1


def test_what_visitors_ask_is_compared_by_what_it_is() -> None:
    with running_old("shadow", shadow={**SHADOW_ALL, "noise": 0}) as service:
        path = f"events/{OPEN_DAY}"
        sent = [
            service.get(path),
            service.client.head(f"{service.url}{BASE}{path}"),  # answered by the same read
            service.get(path, headers=ANN),
            service.get(f"{path}/registrations/count"),
            service.get("events/Nowhere"),
            service.post(f"{path}/registrations", json=registration(attendee())),
            service.client.request("OPTIONS", f"{service.url}{BASE}{path}"),
        ]
        assert [found.status_code for found in sent] == [200, 200, 200, 200, 404, 200, 204]
        service.sandbox.faults.add("status", backend="outbound", status=500)
        assert service.get(path).status_code == 500
        service.sandbox.faults.add("html", backend="outbound")
        assert service.get(path).status_code == 502
        assert service.get("events/published").status_code == 200
        assert settled(service, 3) == {"compared": 3}
        operations = Counter(record.operation for record in service.sandbox.recorder.find(backend="realtime"))
        assert operations["get_event"] == 2
        assert not operations["register"]
        assert service.metric('evtmgmt_shadow_total{operation="get_event",outcome="compared"}') == 2
        assert service.metric('evtmgmt_upstream_requests_total{backend="shadow",operation="get_event",outcome="200"}') == 2


def test_a_refused_real_time_token_does_not_make_unready() -> None:
    with running_old("shadow", shadow={**SHADOW_ALL, "noise": 0}) as service:
        service.sandbox.realtime.token = "another"
        assert service.get(f"events/{OPEN_DAY}").status_code == 200
        assert settled(service, 1) == {"failed": 1}
        assert service.client.get(f"{service.url}/readyz").status_code == 200


def test_nothing_of_visitors_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with running_old("shadow", shadow=SHADOW_ALL, log_level="debug") as service:
        service.sandbox.faults.add(
            "merge", times=None, body={"firstName": "Zoltana", "name": "Zoltana", "description": "Zoltana"}
        )
        for kind in ("html", "wrong_json", "reset", "status"):
            fault = service.sandbox.faults.add(kind, backend="realtime", times=None)
            before = sum(outcomes(shadow_of(service)._metrics).values())
            assert "Zoltana" in service.get(f"events/{OPEN_DAY}/speakers").text
            settled(service, before + 1)
            service.sandbox.faults.clear(fault.number)
    seen = capsys.readouterr().out
    assert '"operation":"list_speakers"' in seen
    for secret in ("Zoltana", service.sandbox.realtime_token[:12], service.sandbox.outbound_token[:12]):
        assert secret not in seen
