"""The work of the hot path, counted (benchmarks/micro/README.md): no timing, the same numbers on any machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.micro.__main__ import BASELINE, read_works
from benchmarks.micro.cases import CASES
from benchmarks.micro.counting import TOLERANCE, Operation, Work, at_once, compare, count

ROOT = Path(__file__).parent.parent
RECORDED = read_works(BASELINE.read_bytes())
BLANKS = re.compile(r"\s+")


@pytest.fixture(scope="module")
def counted() -> dict[str, Work]:
    """The numbers of a process of its own: other threads of the tests, and coverage, would be counted here."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "benchmarks.micro", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=True)
    return read_works(done.stdout)


def test_every_case_is_recorded() -> None:
    assert list(CASES) == list(RECORDED)


@pytest.mark.parametrize("name", CASES)
def test_work_is_as_recorded(name: str, counted: dict[str, Work]) -> None:
    assert compare(counted[name], RECORDED[name]) == [], "meant? Then: python -m benchmarks.micro --record"


def fields(number: int) -> dict[str, str]:
    return {f"field {index}": f"value {index} of {number}" for index in range(36)}


def repaired(number: int) -> dict[str, str | None]:
    return {"customFields": None, **fields(number)}


def with_a_regex_per_field(number: int) -> dict[str, str | None]:
    return {name: value and BLANKS.sub(" ", value) for name, value in repaired(number).items()}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(lambda: [with_a_regex_per_field(number) for number in range(50)], id="a regex per field"),
        pytest.param(lambda: [repaired(number) for number in range(75)], id="half as much again"),
    ],
)
def test_the_guard_sees_added_work(more: Operation) -> None:
    before, after = count(lambda: [repaired(number) for number in range(50)]), count(more)
    assert {problem.partition(":")[0] for problem in compare(after, before)} >= {"instructions", "calls"}


def test_the_guard_sees_a_copy_that_one_call_makes() -> None:
    values = [f"value {number}" for number in range(1_000)]
    before, after = count(lambda: [values.copy()]), count(lambda: [values.copy(), values.copy()])
    assert any(problem.startswith("peak: ") for problem in compare(after, before))


def test_less_work_is_told_too() -> None:
    recorded = Work(1_000, 100, 10_000)
    assert compare(recorded, recorded) == []
    assert compare(Work(int(1_000 * TOLERANCE), 100, 10_000), recorded) == []
    assert compare(Work(1_260, 100, 10_000), recorded) == ["instructions: 1,260 instead of 1,000 (1.26 times)"]
    assert compare(Work(1_000, 70, 10_000), recorded) == ["calls: 70 instead of 100 (0.70 times)"]


def test_counting_is_exact() -> None:
    operation = CASES["a target matched"]
    first, second = count(operation), count(operation)
    assert (first.instructions, first.calls) == (second.instructions, second.calls)


def test_a_coroutine_that_waits_is_refused() -> None:
    class Waiting:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield

    async def ready() -> int:
        return 7

    async def waiting() -> None:
        await Waiting()

    assert at_once(ready()) == 7
    with pytest.raises(RuntimeError, match="waits"):
        at_once(waiting())
