"""What would become of a request, as the ``explain`` command and the console tell it."""

from pathlib import Path

import pytest

from app.cutover.decision import Rule, Source
from app.cutover.explaining import explain, explain_now
from app.cutover.live import Live, open_store
from app.cutover.state import Stage
from sandbox.server import Sandbox
from tests.examples import OPEN_DAY
from tests.service import both_sides, running_both, settings_for
from translation.errors import BAD_TARGET, INVALID_PARAMETER, METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ErrorKind, ProxyError

pytestmark = pytest.mark.anyio


def test_path_and_method_are_taken_as_portals_and_people_write_them() -> None:
    with running_both() as service:
        router = service.gateway._answering.router
        assert service.get(f"events/{OPEN_DAY}").status_code == 200  # so that the lists are there
        for path in (
            f"events/{OPEN_DAY}",
            f"/events/{OPEN_DAY}",
            f"/EvtMgmt/api/v2.0//Events/{OPEN_DAY}/?emApplicationtoken=x",
            f"/evtmgmt/API/v1.0/events/{OPEN_DAY}",
        ):
            operation, route = explain(router, "get", path, "somebody")
            assert (operation, route.source, route.rule) == ("get_event", Source.REALTIME, Rule.PERCENT)
        assert explain(router, "POST", "events/Legacy_Roadshow/registrations", "")[1].source is Source.OUTBOUND


def test_to_explain_leaves_no_trace() -> None:
    with running_both(cutover={"percent": 0}) as service:
        router = service.gateway._answering.router
        assert service.get(f"events/{OPEN_DAY}/sponsorships").status_code == 200
        assert explain(router, "GET", f"events/{OPEN_DAY}", "somebody")[1].source is Source.OUTBOUND
        assert explain(router, "POST", f"events/{OPEN_DAY}/registrations", "somebody")[1].rule is not Rule.PAGE
        service.get(f"events/{OPEN_DAY}", headers={"x-visitor": "somebody"})
        assert explain(router, "POST", f"events/{OPEN_DAY}/registrations", "somebody")[1].rule is Rule.PAGE


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "nonsense", OPERATION_NOT_FOUND),
        ("GET", "", OPERATION_NOT_FOUND),
        ("POST", "events/published", METHOD_NOT_ALLOWED),
        ("GET", "speakers/nobody/image", INVALID_PARAMETER),
        ("GET", "events/../x", BAD_TARGET),
        ("GET", "events/Ü", BAD_TARGET),
    ],
)
def test_what_is_no_operation_is_told(method: str, path: str, kind: ErrorKind) -> None:
    with running_both() as service, pytest.raises(ProxyError) as told:
        explain(service.gateway._answering.router, method, path, "")
    assert told.value.kind is kind


async def test_the_command_reads_the_lists_where_they_decide(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, **both_sides(sandbox), state={"path": str(tmp_path)})
        found = await explain_now(settings, "GET", "events/Legacy_Roadshow", "somebody")
        assert (found.route.source, found.route.rule, found.version, found.unread) == (Source.OUTBOUND, Rule.LISTED, 0, ())
        assert len(sandbox.recorder.find()) == 2
        sandbox.faults.add("status", status=500, times=None)
        found = await explain_now(settings, "POST", "events/Legacy_Roadshow/registrations", "somebody")
        assert (found.route.source, set(found.unread)) == (None, {Source.REALTIME, Source.OUTBOUND})


async def test_the_command_tells_of_the_state_that_is_kept(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, **both_sides(sandbox, "outbound"), state={"path": str(tmp_path)})
        live = Live(open_store(settings.state, settings.realtime.endpoint))
        await live.start(settings.cutover.state())
        await live.change(lambda state: state.model_copy(update={"stage": Stage.REALTIME}), "a test", "to see it told")
        await live.store.close()
        found = await explain_now(settings, "GET", "events/Legacy_Roadshow", "somebody")
        assert (found.route.source, found.route.rule, found.version) == (Source.REALTIME, Rule.STAGE, 2)
        assert sandbox.recorder.find() == []  # the stage decides, no list
