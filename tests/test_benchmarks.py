"""The benchmark without its load: what is read, what is computed, what is configured, which calls a page makes."""

import os
import re
from collections import Counter
from io import StringIO
from itertools import pairwise
from pathlib import Path
from select import select

import orjson
import pytest
from rich.console import Console

from benchmarks.contestants import CASES, CEILING, HIT, MISS, NGINX
from benchmarks.contestants.case import OTHER_EVENTS, OTHER_LISTS, Case, Site, same_event
from benchmarks.load import SCRIPTS, Load, read_wrk, wrk_command
from benchmarks.machine import first_version
from benchmarks.material import CLIENT_TOKEN, LISTED, NEW_BASE, ORIGIN, SERVER_TOKEN, Bodies, make_bodies
from benchmarks.pages import Ask, Event, calls, event_page, home, registration_page, schedule, visit
from benchmarks.plan import QUICK, WHOLE
from benchmarks.portal import EVENTS, PortalRun
from benchmarks.processes import FailedError, Fleet, Launch, choose_cores
from benchmarks.replicas import Round, reasons, table
from benchmarks.report import blocks, markdown
from benchmarks.rounds import Cell, Measured, doubt
from benchmarks.targets import Results, judge
from benchmarks.upstream import upstream_config
from benchmarks.visitors import percentile
from benchmarks.why import Why
from sandbox.organisation import REALTIME, Organisation
from translation.answers import read_json, translate
from translation.operations import BY_NAME
from translation.repairs import Repairs

WRK = """Running 5s test @ http://127.0.0.1:40501/EvtMgmt/api/v2.0/events/Bench_NUMBER?emApplicationtoken=x
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.63ms    4.79ms  64.92ms   95.69%
    Req/Sec    26.20k     8.07k   42.00k    66.54%
  Latency Distribution
     50%  801.00us
     75%    1.10ms
     90%    2.70ms
     99%    1.03s
  130187 requests in 5.00s, 1.02GB read
{}Requests/sec:  26031.94
Transfer/sec:    208.33MB
"""
ERRORS = "  Socket errors: connect 0, read 3, write 0, timeout 12\n  Non-2xx or 3xx responses: 4\n"


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return make_bodies()


def test_what_wrk_says_is_read() -> None:
    load = read_wrk(WRK.format(""))
    assert (load.requests, load.rate, load.p50, load.p99, load.errors) == (130_187, 26_031.94, 0.801, 1_030.0, "")
    assert load.size == pytest.approx(1.02 * 2**30)


@pytest.mark.parametrize(
    ("written", "milliseconds"), [("801.00us", 0.801), ("2.70ms", 2.7), ("1.03s ", 1_030), ("1.50m ", 90_000)]
)
def test_all_units_of_time_are_read(written: str, milliseconds: float) -> None:
    assert read_wrk(WRK.format("").replace("801.00us", written)).p50 == pytest.approx(milliseconds)


def test_errors_are_no_figures() -> None:
    assert read_wrk(WRK.format(ERRORS)).errors == "3 read errors, 12 time-out errors, 4 answers that were no success"
    assert read_wrk(WRK.format("").replace("130187 requests", "0 requests")).errors == "no answer at all"
    with pytest.raises(FailedError, match="cannot be read"):
        read_wrk("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("calls_made", "requests", "size", "found"),
    [
        (0, 1_000, 8_000_000, None),
        (25, 1_000, 8_000_000, None),
        (26, 1_000, 8_000_000, "26 calls upstream for 1000 hits"),
        (0, 1_000, 7_000_000, "answers are shorter than the right one"),
    ],
)
def test_a_hit_that_asks_the_upstream_is_none(calls_made: int, requests: int, size: float, found: str | None) -> None:
    assert doubt(same_event(0), Load(requests, 1, 1, 1, size, ""), calls_made, 8_000) == found


def test_a_miss_that_does_not_ask_the_upstream_is_none() -> None:
    load = Load(1_000, 1, 1, 1, 8_000_000, "")
    assert doubt(OTHER_EVENTS, load, 1_032, 8_000) is None
    assert doubt(OTHER_EVENTS, load, 500, 8_000) == "only 500 calls upstream for 1000 misses"


def measured(rate: float, p50: float = 1.0, memory: int = 80_000_000) -> Measured:
    return Measured(Load(1_000, rate, p50, 2.0, 1e7, ""), 40.0, 1.0, memory)


def test_a_cell_is_its_median_and_one_failure_spoils_it() -> None:
    cell = Cell([measured(900), measured(100), measured(300)])
    assert cell.rate == 300
    assert Cell([measured(900)], ["12 read errors"]).rate is None
    assert Cell().rate is None


def results() -> Results:
    table = {
        (HIT, 32): Cell([measured(800), measured(700), measured(750)]),
        (CEILING, 32): Cell([measured(1_000)]),
        (MISS, 1): Cell([measured(100, p50=0.7)]),
        (NGINX, 1): Cell([measured(200, p50=0.3)]),
        (MISS, 32): Cell([measured(110)]),
        (NGINX, 32): Cell([measured(1_000)]),
        (MISS, 256): Cell([measured(99, memory=95_000_000)]),
    }
    seen = {
        "calls": 9_000,
        "preflights": 2_200,
        "statuses": {"200": 8_000, "501": 1_000},
        "p50": 1.0,
        "p99": 21.0,
        "slowest": 30.0,
    }
    portal = PortalRun(1, 200, 60, seen, Counter({"list_passes": 12, "list_events": 3}))
    return Results(table, (1, 32, 256), 6.5, (portal,), None, {"Caddy": "caddy is not installed"})


def test_figures_to_reach_are_judged_by_the_ratios_of_one_run() -> None:
    found = {target.what: (target.reached, target.met) for target in judge(results())}
    assert found["Hit, part of raw uvicorn at 32 connections"] == ("0.75 (by CPU 1.00)", True)
    assert found["Hit, part of raw uvicorn at 256 connections"] == ("not measured", None)
    assert found["Miss, part of nginx passing on at 32 connections"] == ("0.11 (by CPU 1.00)", False)
    assert found["Miss, at 256 connections as a part of itself at 32"] == ("0.9", True)
    assert found["Miss, added to nginx's median latency at one connection"] == ("0.4 ms", True)
    assert found["Portal calls per upstream call, 200 visitors of 1 event"] == ("600", True)
    assert found["p99 beside an upstream of 100 ms, 200 visitors of 1 event"] == ("21 ms", False)
    assert found["Resident after 256 connections, misses"] == ("95 MB", False)
    assert found["Resident at most while 200 MB are streamed"] == ("not measured", None)


def test_the_report_has_every_figure_and_who_is_missing() -> None:
    page = markdown(blocks(results(), [("Processor", "one | two")]), WHOLE.sentence)
    assert f"| {HIT} | 750 (700-800) | 1.00 | 2.00 | 40 | 1.00 | 80 | 0.75 | 0.75 |" in page
    assert "| 200 in 60 s, 1 event | 9,000 | 2,200 | 15 | 600 |" in page
    assert "| Caddy | caddy is not installed |" in page
    assert "| Processor | one / two |" in page
    assert "3 rounds" in page


def addresses(text: str) -> set[str]:
    """All that looks like an IPv4 address, a URL's host, or a socket's host."""
    numbers = set(re.findall(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", text))
    return numbers | {host for host in re.findall(r"https?://([^/:\s\"';]+)", text) if not host.endswith(".invalid")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_contestants_know_loopback_addresses_only(case: Case, bodies: Bodies) -> None:
    launch = case.launch(Site(40_001, 40_002, bodies))
    texts = [*launch.files.values()] if "answer.json" not in launch.files else []
    whole = "\n".join([*launch.command, *launch.environment.values(), *texts])
    assert addresses(whole) <= {"127.0.0.1", "organisation"}  # nginx's own name for the upstream's address
    listening = [word for text in texts for word in re.findall(r"\b(?:listen|bind) +(\S+?)[ ;\n]", text)]
    assert all(word.startswith("127.0.0.1") for word in listening)
    assert "127.0.0.1" in whole or case.name.startswith("Node")
    assert "40001" in whole
    assert ("40002" in whole) is (CEILING not in case.name and "from memory" not in case.name)


def test_node_listens_on_the_loopback_address_only() -> None:
    program = (Path(SCRIPTS).parent / "programs" / "forward.cjs").read_text("utf-8")
    assert re.findall(r"listen\((.+)\)", program) == ['Number(process.env.PORT), "127.0.0.1", 4096']


def test_the_upstream_listens_on_the_loopback_address_only() -> None:
    config = upstream_config(40_003, 40_004)
    assert re.findall(r"listen (\S+?)[ ;]", config) == ["127.0.0.1:40004", "127.0.0.1:40003"]
    assert addresses(config) == {"127.0.0.1"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_load_goes_to_the_loopback_address_only(case: Case) -> None:
    command = wrk_command(case.job, 40_001, 32, 1)
    address = command[command.index("--") - 1]
    assert address.startswith("http://127.0.0.1:40001/EvtMgmt/api/v2.0/")
    assert f"emApplicationtoken={CLIENT_TOKEN}" in address
    assert ("NUMBER" in address) == ("numbered.lua" in " ".join(command)) == (case.job in (OTHER_EVENTS, OTHER_LISTS))
    if case.job.script:
        assert (SCRIPTS / case.job.script).is_file()


def test_the_product_is_measured_with_its_real_settings(bodies: Bodies) -> None:
    for case in CASES:
        launch = case.launch(Site(40_001, 40_002, bodies))
        if case.name.startswith("evtmgmt-proxy"):
            assert launch.command[1] == "serve"
            assert not {name for name in launch.environment if "LOG" in name or "METRIC" in name}
            assert launch.environment["EVTMGMT_REALTIME__ENDPOINT"] == f"http://127.0.0.1:40002{NEW_BASE}"
            assert launch.environment["EVTMGMT_REALTIME__TOKEN"] == SERVER_TOKEN


def test_the_bodies_are_as_large_as_was_asked_and_need_translation(bodies: Bodies) -> None:
    assert 7_500 < len(bodies.event) < 8_500
    assert 1_000_000 < len(bodies.events) < 1_200_000
    assert len({event["readableEventId"] for event in orjson.loads(bodies.events)}) == LISTED
    assert bodies.event != bodies.event_old
    assert bodies.events != bodies.events_old


@pytest.mark.parametrize(("operation", "kind"), [("get_event", "event"), ("list_events", "events")])
def test_what_is_held_to_be_right_is_what_the_product_answers(operation: str, kind: str, bodies: Bodies) -> None:
    value, _ = translate(BY_NAME[operation], read_json(getattr(bodies, kind)), {"event": "A"}, {"event": "A"}, Repairs())
    assert value == orjson.loads(getattr(bodies, f"{kind}_old"))


EVENT = Event("Münchner Herbstgespräche", ("t1", "t2"), ("speakers/p1/image", "speakers/p2/image"), ("s1",))
BASE = "events/M%C3%BCnchner%20Herbstgespr%C3%A4che"
ONCE, TWICE_OR_THRICE, ONCE_OR_TWICE = range(1, 2), range(2, 4), range(1, 3)
# PORTAL-FACTS, "What it calls".
HOME = {"users/authenticated": ONCE, "events/published": ONCE}
EVENT_PAGE = {
    "users/authenticated": ONCE,
    BASE: range(3, 4),
    f"{BASE}/sessions": TWICE_OR_THRICE,
    f"{BASE}/passes": TWICE_OR_THRICE,
    f"{BASE}/tracks": ONCE_OR_TWICE,
    f"{BASE}/speakers": ONCE_OR_TWICE,
    f"{BASE}/sponsorships": ONCE,
    "sponsorships/s1/logo": ONCE,
}
TABS = {"tracks/t1/sessions": ONCE, "speakers/p1/image": ONCE, "speakers/p2/image": ONCE}
REGISTRATION = {
    "users/authenticated": ONCE,
    BASE: range(2, 3),
    f"{BASE}/sessions": ONCE,
    f"{BASE}/passes": range(4, 5),
    f"{BASE}/registrations/count": range(2, 3),
    f"{BASE}/custom-registration-fields": ONCE,
}


@pytest.mark.parametrize(
    ("page", "facts"),
    [
        (home(), HOME),
        (event_page(EVENT), EVENT_PAGE),
        (event_page(EVENT, ("sessions", "tracks", "speakers", "passes")), EVENT_PAGE | TABS),
        (registration_page(EVENT), REGISTRATION),
    ],
    ids=["home", "event page", "event page with its tabs", "registration"],
)
def test_pages_make_just_the_calls_of_the_portal(page: tuple[tuple[Ask, ...], ...], facts: dict[str, range]) -> None:
    made = {ask.path: count for ask, count in calls([page]).items()}
    assert made.keys() == facts.keys()
    assert {path: count for path, count in made.items() if count not in facts[path]} == {}
    assert all(ask.image == ask.path.endswith(("/image", "/logo")) for step in page for ask in step)


def test_doubled_calls_go_out_at_the_same_moment() -> None:
    first = event_page(EVENT)[0]
    assert Counter(ask.path for ask in first)[BASE] == 3
    assert len(registration_page(EVENT)) == 1


def test_a_visit_has_five_pages_and_the_schedule_is_the_same_each_time() -> None:
    assert len(visit(EVENT)) == 5
    events = [Event(name) for name in EVENTS]
    coming = schedule(events, 200, 60)
    assert coming == schedule(events, 200, 60)
    assert len(coming) == 200
    assert all(len(one.times) == 5 and all(a <= b for a, b in pairwise(one.times)) for one in coming)
    assert all(0 <= one.times[0] <= one.times[-1] <= 60 for one in coming)
    visited = Counter(one.event.name for one in coming)
    assert visited.keys() == set(EVENTS)
    assert visited.most_common(1)[0][0] == EVENTS[0]


def test_the_visited_events_are_listed_by_the_sandbox() -> None:
    organisation = Organisation(REALTIME, token="t", origin=ORIGIN, org_id="o")
    assert all(organisation.events[name].listed for name in EVENTS)


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (51, 100, 100)
    assert percentile([], 99) == 0


def test_the_quick_form_is_short() -> None:
    runs = len(CASES) * len(QUICK.levels) * QUICK.rounds
    assert runs * (QUICK.seconds + QUICK.warm_up) + QUICK.portal_seconds * len(QUICK.portal_events) < 30


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nginx version: nginx/1.22.1\n", "1.22.1"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/01/01", "2.6.12-1+deb12u4"),
        ("?", None),
    ],
)
def test_versions_are_found_in_what_programs_say(words: str, found: str | None) -> None:
    assert first_version(words) == found


def test_processes_are_ended_with_all_that_they_started(tmp_path: Path) -> None:
    script = "sleep 600 & echo started; wait"
    with Fleet(tmp_path) as fleet:
        running = fleet.start("a parent", Launch(("sh", "-c", script)), choose_cores().contestant)
        while "started" not in running.last_words():
            assert running.process.poll() is None
        family = [os.pidfd_open(pid) for pid in running.family()]
        assert len(family) == 2
        assert running.memory() > 0
        assert running.cpu_seconds() >= 0
    for ended in family:
        assert select([ended], [], [], 20)[0]
        os.close(ended)


def test_a_process_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        running = fleet.start("a failure", Launch(("sh", "-c", "echo the port is taken; exit 3")))
        with pytest.raises(FailedError, match="a failure ended with status 3: the port is taken"):
            running.wait_for_port(1)


CALLS = (("get_event", "a"), ("get_event", "a"), ("get_event", "b"), *[("count_event_registrations", "a")] * 3)
WHY = Why.of(
    ({"operation": operation, "target": target} for operation, target in CALLS),
    [
        """evtmgmt_second_level_total{operation="get_event",outcome="asked"} 1.0
evtmgmt_second_level_total{operation="list_tracks",outcome="asked"} 3.0
evtmgmt_redis_alone_total{part="cache"} 3.0
evtmgmt_requests_total{outcome="asked"} 9.0
""",
        'evtmgmt_second_level_total{operation="get_event",outcome="alone"} 2.0\n',
    ],
)


def test_what_replicas_did_is_shown() -> None:
    load = read_wrk(WRK.format(""))
    one = Round(2, 2_748, WHY, 5.5, load, 130.4, {"replicas": 0.69, "nginx": 0.26}, load, 114.2)
    shown = Console(width=200, file=StringIO(), highlight=False)
    with shown.capture() as captured:
        shown.print(table([one]))
        shown.print(reasons([one]))
    assert "2,748" in captured.get()
    assert "replicas 0.69, nginx 0.26" in captured.get()
    assert "alone 2, asked 4" in captured.get()


def test_calls_to_dynamics_are_told_apart() -> None:
    assert (WHY.first, WHY.counts, WHY.again, WHY.total) == (3, 2, 1, 6)
    assert [WHY.part(name) for name in ("second_level", "redis_alone", "refreshes")] == ["alone 2, asked 4", "cache 3", "-"]
