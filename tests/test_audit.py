"""Tests of .ci/audit.py with a pip-audit of their own: what is asked, what is told, and that silence is no acquittal."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HASH = "--hash=sha256:" + "0" * 64
RUNTIME = f"one==1.0 \\\n    {HASH}\n    # via x\ntwo==2.0 ; sys_platform == 'win32' \\\n    {HASH}\n"
OTHER = f"one==1.0 \\\n    {HASH}\ntwo==2.1 \\\n    {HASH}\n"
STAND_IN = """#!{python}
import json, pathlib, re, sys
said, log = json.loads(pathlib.Path({said!r}).read_text()), pathlib.Path({log!r})
option = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
asked = re.findall(r"^(\\S+)==(\\S+) --hash=\\S+$", pathlib.Path(option["--requirement"]).read_text(), re.M)
with log.open("a") as lines:
    lines.write(json.dumps(asked) + "\\n")
if said is None:
    sys.exit("requests.exceptions.ConnectionError: no such host")
answers = [{{"name": n, "version": v, **said[n + " " + v]}} for n, v in asked]
pathlib.Path(option["--output"]).write_text(json.dumps({{"dependencies": answers}}))
"""
WELL: dict[str, Any] = {"vulns": []}
ILL: dict[str, Any] = {"vulns": [{"id": "PYSEC-1", "fix_versions": ["2.2"]}]}
SKIPPED: dict[str, Any] = {"skip_reason": "not found"}


def audit(folder: Path, said: dict[str, dict[str, Any]] | None) -> tuple[int, str, list[list[list[str]]]]:
    """The status, what was told, and what was asked in each run."""
    for name, lock in (("runtime", RUNTIME), ("other", OTHER)):
        (folder / f"{name}.lock").write_text(lock, "utf-8")
    answers, log, program = folder / "said.json", folder / "log", folder / "pip-audit"
    answers.write_text(json.dumps(said), "utf-8")
    log.touch()
    program.write_text(STAND_IN.format(python=sys.executable, said=str(answers), log=str(log)), "utf-8")
    program.chmod(stat.S_IRWXU)
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", folder / "runtime.lock", folder / "other.lock"],
        env={**os.environ, "AUDIT_PROGRAM": str(program), "AUDIT_PAUSE": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout, [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def test_each_version_of_all_locks_is_asked_for_once_whatever_the_platform(tmp_path: Path) -> None:
    status, told, asked = audit(tmp_path, {"one 1.0": WELL, "two 2.0": WELL, "two 2.1": WELL})
    assert status == 0
    assert asked == [[["one", "1.0"], ["two", "2.0"]], [["two", "2.1"]]]
    assert told == "Judged: 3 of 3 versions. Weaknesses found: 0.\n"


def test_a_weakness_is_told_with_what_mends_it(tmp_path: Path) -> None:
    status, told, _ = audit(tmp_path, {"one 1.0": WELL, "two 2.0": ILL, "two 2.1": SKIPPED})
    assert status == 1
    assert "VULNERABLE  two 2.0: PYSEC-1, mended in 2.2\n" in told
    assert "make lock LOCK=" in told


@pytest.mark.parametrize(
    ("skipped", "named"),
    [({"two 2.1": SKIPPED}, "two 2.1"), (dict.fromkeys(("one 1.0", "two 2.0", "two 2.1"), SKIPPED), "all of them")],
)
def test_what_the_service_does_not_know_is_not_told_to_be_harmless(tmp_path: Path, skipped: dict[str, Any], named: str) -> None:
    status, told, _ = audit(tmp_path, {"one 1.0": WELL, "two 2.0": WELL, "two 2.1": WELL} | skipped)
    assert status == 2
    assert f"NOT JUDGED, which does not mean harmless: {named}." in told


def test_without_an_answer_it_tries_again_a_few_times_and_says_so(tmp_path: Path) -> None:
    status, told, asked = audit(tmp_path, None)
    assert status == 2
    assert len(asked) == 6  # three tries for each of both lists
    assert "Try 3 of 3: pip-audit gave no answer; it said last: requests.exceptions.ConnectionError: no such host" in told
    assert "Judged: 0 of 3 versions." in told
