"""Whatever happens to the process: it ends in order or serves the next visitor, and writes no secret and no defect."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run
from tests.hostile.process_case import ADMIN, ProcessCase, Stage
from tests.hostile.process_cases import CASES
from tests.hostile.starting import started
from tests.hostile.test_faults import secrets_of

SETTINGS = {
    "EVTMGMT_ADMIN__TOKEN": ADMIN,
    "EVTMGMT_CACHE__ENABLED": "false",
    "EVTMGMT_UPSTREAM__BUDGET": "off",
    "EVTMGMT_UPSTREAM__READ_TIMEOUT": "1",
    "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "2",
    "EVTMGMT_LIMITS__HEADER_TIMEOUT": "1",
    "EVTMGMT_LIMITS__REQUEST_TIMEOUT": "1",
    "EVTMGMT_LIMITS__CONCURRENCY": "200",
    "EVTMGMT_RATES__REGISTRATIONS_PER_CLIENT": "off",
    "EVTMGMT_RATES__REGISTRATIONS_PER_EVENT": "off",
    "EVTMGMT_RATES__READS_PER_CLIENT": "off",
}


@pytest.fixture
def upstream() -> Iterator[SandboxThread]:
    """Of each case its own: what a process sent with its last breath would arrive in the next one's."""
    thread = SandboxThread(Sandbox())
    with thread:
        yield thread


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_happens_to_a_process(upstream: SandboxThread, case: ProcessCase, tmp_path: Path) -> None:
    sandbox = upstream.sandbox
    settings = {**environment_for(sandbox), **SETTINGS, "EVTMGMT_STATE__PATH": str(tmp_path / "state"), **case.settings}
    log = Path(case.log) if case.log else tmp_path / "log"
    with started(tmp_path, settings, log) as program:
        workers = int(settings.get("EVTMGMT_SERVE_WORKERS", "1"))
        stage = Stage(program, sandbox, program.port, program.pid, tmp_path, upstream, workers)
        try:
            case.play(stage)
        except AssertionError as failure:
            failure.add_note(program.log.read_text("utf-8") if program.log.is_file() else "no log")
            raise
        if not case.ends:
            assert stage.honest() == "200", case.why
            os.kill(program.pid, SIGTERM)
            assert program.ended() == 0
        lines = program.lines()
    written = json.dumps(lines)
    assert [secret for secret in {*secrets_of(sandbox), ADMIN} if secret in written] == []
    assert [line for line in lines if line["event"] == "defect" or "exception" in line] == []


@pytest.mark.parametrize("place", ["/proc/evtmgmt", "/dev/null/state"])
def test_a_place_for_the_state_that_cannot_be_written_stops_the_start(
    upstream: SandboxThread, place: str, tmp_path: Path
) -> None:
    settings = {**environment_for(upstream.sandbox), **SETTINGS, "EVTMGMT_STATE__PATH": place}
    ended = run("serve", "--port", "0", folder=tmp_path, **settings)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "EVTMGMT_STATE__PATH" in written
    assert "Traceback" not in written
    assert [secret for secret in {*secrets_of(upstream.sandbox), ADMIN} if secret in written] == []


def test_the_table_is_whole() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 15
    assert all(case.why and case.source for case in CASES)
