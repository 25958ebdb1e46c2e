"""Tests that docs/caching.md says what the table of operations, the defaults and the bounds are."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from app.budget import MOST_SECONDS
from app.caching.cache import ENTRY_BYTES, VARIANTS
from app.caching.finishing import LEAST_COMPRESSED
from app.caching.outage import LONGEST_BACKOFF, backoff
from app.caching.served import Outcome
from app.caching.settings import CacheSettings
from app.caching.warming import PAGES
from app.cors import Cors
from app.rates import read_rate, shared_among
from app.settings import Upstream
from translation.freshness import DEFAULTS
from translation.headers import retry_after
from translation.operations import OPERATIONS, Operation

PAGE = (Path(__file__).parent.parent / "docs" / "caching.md").read_text(encoding="utf-8")
KEPT = [operation for operation in OPERATIONS if operation.freshness is not None]
UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def section(heading: str) -> str:
    """The text under a heading of the second level, its lines joined."""
    return " ".join(PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].split())


def told(seconds: float) -> str:
    """How the page writes a time."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    number = seconds / size
    return f"{number:g} {unit}{'s' if unit == 'day' and number > 1 else ''}"


def rows(columns: int) -> list[list[str]]:
    """The cells of all table rows of so many columns that begin with an operation."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    return [cells for cells in lines if len(cells) == columns]


@pytest.mark.parametrize("operation", KEPT, ids=lambda operation: operation.name)
def test_an_operation_that_is_kept_has_its_row(operation: Operation) -> None:
    assert operation.freshness is not None
    lifetime = DEFAULTS[operation.freshness]
    changed = operation.follows_registrations
    assert [
        f"`{operation.name}`",
        operation.freshness.value,
        told(lifetime.fresh),
        told(lifetime.stale_while_revalidate),
        told(lifetime.stale_if_error),
        "ask each time" if changed else "keep it while fresh",
        "refetched" if changed else "stays",
    ] in rows(7)


def test_no_other_has_and_they_stand_in_the_order_of_the_table() -> None:
    assert [cells[0] for cells in rows(7)] == [f"`{operation.name}`" for operation in KEPT]


def test_all_others_are_told_not_to_be_kept() -> None:
    table = PAGE.split("Not kept, and why:")[1].split("\n\n- ")[0]
    told_names = re.findall(r"`(\w+)`", "".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")))
    assert sorted(told_names) == sorted(operation.name for operation in OPERATIONS if operation.freshness is None)


def test_every_outcome_and_every_exposed_header_is_told() -> None:
    outcomes = re.findall(r"^\| `X-EvtMgmt-Cache: (\w+)` \|", PAGE, re.MULTILINE)
    assert outcomes == [outcome.value for outcome in Outcome]
    exposed = dict(Cors({"https://portal.example.com"}).headers(b"https://portal.example.com"))[b"access-control-expose-headers"]
    for name in ("Age", "ETag", "X-EvtMgmt-Cache"):
        assert name in exposed.decode("ascii").split(", ")
        assert f"`{name}" in PAGE


def test_the_warm_start_is_what_is_fetched() -> None:
    text = section("The warm start")
    defaults = CacheSettings()
    assert re.findall(r"`([a-z]+_\w+)`", text) == list(PAGES)
    assert f"the first {defaults.warm_events} events" in text
    assert f"at most {1 + defaults.warm_events * len(PAGES)} calls per worker, {defaults.warm_rate:g} per second" in text


def test_the_sums_of_the_budget_are_right() -> None:
    text = section("The budget of calls to Dynamics")
    defaults = Upstream()
    rate = read_rate(defaults.budget)
    assert rate is not None
    assert f"{rate.per_second:g} calls a second, and {defaults.budget_burst} at once" in text
    assert f"at most {defaults.budget_burst + MOST_SECONDS * rate.per_second:,.0f} calls in any five minutes" in text
    assert f"at most {defaults.budget_wait:g} seconds (`EVTMGMT_UPSTREAM__BUDGET_WAIT`)" in text
    part, burst = shared_among(4, rate, defaults.budget_burst)
    assert part is not None
    assert f"each of four gets {part.per_second:g}/s and {burst}." in text
    assert f"(1 to {MOST_SECONDS} seconds; {retry_after(None)} when it says nothing)" in text
    for example in re.findall(r"\d+/\d*(?:s|min|h)\b", text):
        assert read_rate(example) is not None


def test_bounds_and_waits_are_right() -> None:
    defaults = CacheSettings()
    kept, failing, memory = section("What is kept, and how long"), section("When Dynamics fails"), section("Memory")
    assert f"at most {defaults.stale_wait:g} seconds (`EVTMGMT_CACHE__STALE_WAIT`)" in kept
    assert f"At least {told(defaults.when_unreachable)} (`EVTMGMT_CACHE__WHEN_UNREACHABLE`)" in kept
    assert f"for {defaults.not_found:g} seconds (`EVTMGMT_CACHE__NOT_FOUND`)" in kept
    assert f"larger than {defaults.max_entry_bytes // 2**20} MiB** (`EVTMGMT_CACHE__MAX_ENTRY_BYTES`)" in kept
    assert f"at most {VARIANTS} answers" in kept
    assert defaults.refresh_ahead == pytest.approx(1 - 1 / 5)  # "In the last fifth"
    assert "In the last fifth" in kept
    assert f"from {LEAST_COMPRESSED} bytes" in section("What visitors and browsers see")
    first, *rest = (backoff(failures) for failures in range(1, 6))
    waits = f"after {first:g} second, then after {', '.join(f'{wait:g}' for wait in rest[:-1])} and {rest[-1]:g}"
    assert f"{waits}, then every {LONGEST_BACKOFF:g}." in failing
    assert f"{defaults.max_bytes // 2**20} MiB by default" in memory
    assert f"and {ENTRY_BYTES:,} bytes for the rest" in memory
    assert f"`EVTMGMT_CACHE__MAX_ENTRIES` ({defaults.max_entries:,})" in memory


def test_the_examples_are_taken() -> None:
    single, strict = (tomllib.loads(text)["cache"] for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
    lifetimes = CacheSettings(**single).lifetimes()
    assert "get_event_qrcode" not in lifetimes
    assert lifetimes["list_speakers"].fresh == 300
    for lifetime in CacheSettings(**strict).lifetimes().values():
        assert lifetime.stale_while_revalidate == lifetime.stale_if_error == 0
    (exported,) = re.findall(r"^export EVTMGMT_CACHE__OPERATIONS='(.*)'$", PAGE, re.MULTILINE)
    lifetimes = CacheSettings(operations=json.loads(exported)).lifetimes()
    assert "get_event_qrcode" not in lifetimes
    assert lifetimes["list_speakers"].fresh == 300


def test_links_lead_to_sections() -> None:
    headings = {re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).replace(" ", "-") for line in PAGE.splitlines() if line[:3] == "## "}
    anchors = re.findall(r"\]\(#([^)]*)\)", PAGE)
    assert anchors
    assert set(anchors) <= headings
