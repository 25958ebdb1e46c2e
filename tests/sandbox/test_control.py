import threading
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Caller, attendees


class Remote:
    """The control as another process uses it."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self._url = sandbox.control_url
        self._client = client

    def __call__(self, method: str, path: str = "", body: Any = None, *, status: int = 200) -> Any:
        answer = self._client.request(method, self._url + path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def remote(sandbox: Sandbox, client: httpx.Client) -> Remote:
    return Remote(sandbox, client)


def test_about(sandbox: Sandbox, remote: Remote) -> None:
    assert remote("GET")["realtime"]["token"] == sandbox.realtime_token
    assert remote("GET")["outbound"]["endpoint"] == sandbox.outbound_endpoint


def test_faults(sandbox: Sandbox, remote: Remote, realtime: Caller) -> None:
    number = remote("POST", "faults", {"kind": "status", "status": 418, "times": None})["number"]
    assert realtime.get("events/published").status_code == 418
    assert [item["played"] for item in remote("GET", "faults")] == [1]
    remote("DELETE", f"faults/{number}")
    assert realtime.get("events/published").status_code == 200
    remote("POST", "faults", {"kind": "hang"})
    remote("DELETE", "faults")
    assert sandbox.faults.all() == []


@pytest.mark.parametrize("body", [None, [], {}, {"kind": "x"}, {"kind": "hang", "x": 1}, {"kind": "hang", "path": "("}])
def test_bad_faults_are_refused_in_words(remote: Remote, body: Any) -> None:
    assert remote("POST", "faults", body, status=400)["error"]


def test_requests_are_listed_filtered_and_forgotten(remote: Remote, realtime: Caller, outbound: Caller) -> None:
    realtime.get("events/published")
    outbound.post("events/Contoso_Open_Day/registrations", attendees())
    assert len(remote("GET", "requests")) == 2
    found = remote("GET", "requests?operation=register&backend=outbound&outcome=answered")
    assert '"nia@example.com"' in found[0]["body"]
    remote("DELETE", "requests")
    assert remote("GET", "requests") == []


def test_wait(sandbox: Sandbox, remote: Remote, realtime: Caller) -> None:
    assert remote("GET", "wait?operation=get_event&timeout=0.01", status=408)
    sandbox.faults.add("latency", seconds=0.05)
    thread = threading.Thread(target=realtime.get, args=("events/Contoso_Open_Day",))
    thread.start()
    assert remote("GET", "wait?operation=get_event&outcome=answered&count=1")[0]["status"] == 200
    thread.join()


def test_registrations_and_processing(remote: Remote, realtime: Caller) -> None:
    assert remote("POST", "behaviour/realtime", {"processing_delay": None})["processing_delay"] is None
    realtime.post("events/Contoso_Open_Day/registrations", attendees())
    assert [item["processed"] for item in remote("GET", "registrations")] == [False]
    assert remote("POST", "process") == {"processed": 1}
    stored = remote("GET", "registrations")[0]
    assert (stored["backend"], stored["processed"], stored["state"]) == ("realtime", True, "registered")


def test_behaviour(remote: Remote) -> None:
    assert remote("GET", "behaviour/outbound")["quota_limit"] == 6000
    assert "nonsense" in remote("POST", "behaviour/outbound", {"nonsense": 1}, status=400)["error"]
    assert remote("GET", "behaviour/nowhere", status=400)


def test_five_hundred_events(remote: Remote, realtime: Caller) -> None:
    before = len(realtime.get("events/published").json())
    remote("POST", "events", {"count": 500})
    assert len(realtime.get("events/published").json()) == before + 500


def test_aliases_checkins_and_captcha(sandbox: Sandbox, remote: Remote, client: httpx.Client, outbound: Caller) -> None:
    assert remote("GET", "aliases")["events"] == {"Annual_Forum": "Annual_Forum_2031"}
    client.post(sandbox.realtime_endpoint + "checkins", content=b"R-1")
    assert remote("GET", "checkins")[0]["body"] == "R-1"
    flow = outbound.get("events/Guarded_Expo/captcha").json()["FlowId"]
    assert remote("GET", f"captcha/{flow}")["solution"].isdigit()


def test_reset(sandbox: Sandbox, remote: Remote, outbound: Caller) -> None:
    outbound.post("events/Contoso_Open_Day/registrations", attendees())
    sandbox.faults.add("hang")
    remote("POST", "reset")
    assert remote("GET", "registrations") == remote("GET", "requests") == remote("GET", "faults") == []
    assert outbound.count("Contoso_Open_Day") == 12


def test_unknown_control_calls(remote: Remote) -> None:
    assert remote("GET", "nowhere", status=404)["error"]
    assert remote("PUT", "faults", status=404)["error"]
