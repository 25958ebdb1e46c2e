import httpx
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Caller
from tests.sandbox.raw import ask


def test_what_was_received_is_recorded_to_the_byte(sandbox: Sandbox) -> None:
    ask(sandbox, "/EvtMgmt/api/v2.0//events/M%c3%BCnchner+%20?a=%zz&b", "GET", "X-Mixed-Case: One", "x-mixed-case: Two")
    record = sandbox.recorder.wait(outcome="answered")[0]
    assert record.request.target == b"/EvtMgmt/api/v2.0//events/M%c3%BCnchner+%20?a=%zz&b"
    assert record.request.headers[-2:] == [(b"X-Mixed-Case", b"One"), (b"x-mixed-case", b"Two")]
    assert (record.backend, record.operation, record.status) == ("outbound", "get_event", 400)


@pytest.mark.parametrize(
    ("path", "backend", "operation", "status"),
    [
        ("/", None, "unmatched", 404),
        ("/api/v1.0/orgs/x/eventmanagement/events/published", "realtime", "unknown_org", 404),
        ("/api/v9.9/", "realtime", "unmatched", 404),
        ("/EVTMGMT/x", "outbound", "unmatched", 404),
        ("/EvtMgmt/api/v2.0", "outbound", "unmatched", 404),
        ("/pay", None, "payment_page", 404),
        ("/checked-in", None, "checked_in_page", 200),
        ("/hip/x.js", None, "hip", 404),
    ],
)
def test_backend_and_operation(
    sandbox: Sandbox, client: httpx.Client, path: str, backend: str | None, operation: str, status: int
) -> None:
    assert client.get(sandbox.base_url + path).status_code == status
    record = sandbox.recorder.wait(outcome="answered")[0]
    assert (record.backend, record.operation) == (backend, operation)


def test_faults_are_for_the_chosen_requests_only(sandbox: Sandbox, realtime: Caller, outbound: Caller) -> None:
    sandbox.faults.add("status", backend="realtime", operation="list_passes", times=None)
    assert outbound.get("events/Contoso_Open_Day/passes").status_code == 200
    assert realtime.get("events/Contoso_Open_Day/tracks").status_code == 200
    assert realtime.get("events/Contoso_Open_Day/passes").status_code == 500


def test_latency_alone_leaves_the_answer_true(sandbox: Sandbox, realtime: Caller) -> None:
    sandbox.faults.add("latency", seconds=0.01)
    assert realtime.get("events/Contoso_Open_Day").status_code == 200
    assert sandbox.recorder.find()[0].fault == "latency"
