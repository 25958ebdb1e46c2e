"""The script of the bridge, and the event that names it."""

import gzip
import re
from collections.abc import Iterator

import pytest

from app.cli.demo import form_hosts
from tests.examples import assert_error
from tests.service import Service, running_proxy, running_service, settings_for

PUBLIC = "https://proxy.invalid"


@pytest.fixture(scope="module")
def bridged(shared_service: Service) -> Iterator[Service]:
    service = shared_service
    answers = {"registration_form": "bridge", **form_hosts(service.sandbox.base_url)}
    settings = settings_for(service.sandbox, answers=answers, portal={"public_url": f"{PUBLIC}/EvtMgmt/api/v2.0/"})
    with running_proxy(settings) as (port, gateway):
        yield Service(port, service.sandbox, service.upstream, settings, gateway, service.client)


def form(service: Service) -> str:
    text = service.get("events/Form_Webinar").json()["registrationForm"]
    assert isinstance(text, str)
    return text


def test_an_event_names_the_script_that_is_served(bridged: Service) -> None:
    (source,) = re.findall(r'<script src="([^"]+)"></script>', form(bridged))
    assert source.startswith(f"{PUBLIC}/EvtMgmt/bridge/")
    answer = bridged.client.get(bridged.url + source.removeprefix(PUBLIC), headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    packed = bridged.client.get(bridged.url + source.removeprefix(PUBLIC), headers={"accept-encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert packed.content == answer.content  # unpacked by the client
    assert len(gzip.compress(answer.content)) < len(answer.content)
    assert bridged.client.head(bridged.url + source.removeprefix(PUBLIC)).status_code == 200


def test_the_name_of_another_version_is_answered_for_a_minute(bridged: Service) -> None:
    answer = bridged.client.get(f"{bridged.url}/evtmgmt/bridge/{'0' * 16}.js".replace("evtmgmt", "EvtMgmt"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=60")


@pytest.mark.parametrize("name", ["", "x.js", "bridge.js", f"{'0' * 16}", f"{'0' * 16}.js/x", f"{'g' * 16}.js"])
def test_other_names_are_nothing(bridged: Service, name: str) -> None:
    answer = bridged.client.get(f"{bridged.url}/EvtMgmt/bridge/{name}")
    assert answer.status_code == 404
    assert answer.json()["errorCode"] == "OperationNotFound"


def test_the_list_has_the_form_as_well_and_others_have_none(bridged: Service) -> None:
    events = {event["readableEventId"]: event["registrationForm"] for event in bridged.get("events/published").json()}
    assert events.pop("Form_Webinar") == form(bridged)
    assert set(events.values()) == {None}


def test_an_embed_that_is_not_understood_is_null_and_counted(bridged: Service) -> None:
    before = bridged.metric('evtmgmt_repairs_total{repair="event_form_unknown"}')
    for body in ("<iframe></iframe>", 7):
        bridged.sandbox.faults.add("merge", body={"registrationForm": body}, times=1)
        assert bridged.get("events/Form_Webinar").json()["registrationForm"] is None
    assert bridged.metric('evtmgmt_repairs_total{repair="event_form_unknown"}') == before + 2
    bridged.sandbox.faults.add("merge", body={"registrationForm": " "}, times=1)
    assert bridged.get("events/Form_Webinar").json()["registrationForm"] is None
    assert bridged.metric('evtmgmt_repairs_total{repair="event_form_unknown"}') == before + 2


def test_without_the_bridge_there_is_no_script(service: Service) -> None:
    assert_error(service.client.get(f"{service.url}/EvtMgmt/bridge/{'0' * 16}.js"), "OperationNotFound", 404)


def test_a_portal_that_the_proxy_serves_needs_no_public_address(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("portal")
    (folder / "index.html").touch()
    with running_service(portal={"static_dir": folder}, answers={"registration_form": "bridge"}) as running:
        # The sandbox's host is none of the default ones.
        assert running.get("events/Form_Webinar").json()["registrationForm"] is None
        assert running.client.get(f"{running.url}/EvtMgmt/bridge/{'0' * 16}.js").status_code == 200
