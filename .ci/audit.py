"""Asks a vulnerability service of every library in the locks, with pip-audit, and says plainly what was judged and what was not.

pip-audit counts what its service does not know as harmless, refuses libraries that stand in two locks, and leaves out those of
other platforms. So it is given each version once, without markers, and what it skipped is told, with a status of its own.

Status: 0, all were judged and none is vulnerable; 1, some are; 2, none is known to be, but not all could be judged.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

TRIES: Final = 3
PAUSE: Final = float(os.environ.get("AUDIT_PAUSE", "5"))
"""Seconds before the second try; the third waits twice as long."""
RUN_SECONDS: Final = 300
PIP_AUDIT: Final = os.environ.get("AUDIT_PROGRAM") or str(Path(sys.executable).with_name("pip-audit"))
_REQUIREMENT: Final = re.compile(r"([a-z0-9.-]+)==([^\s;\\]+)")

Library = tuple[str, str]


def read_locks(paths: Iterable[Path]) -> dict[Library, list[str]]:
    """The hashes of every version, from all locks."""
    found: dict[Library, list[str]] = {}
    for path in paths:
        for block in re.split(r"^(?=[a-z0-9])", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if named := _REQUIREMENT.match(block):
                hashes = found.setdefault((named[1], named[2]), [])
                hashes += [one for one in re.findall(r"--hash=\S+", block) if one not in hashes]
    return found


def batches(libraries: Iterable[Library]) -> Iterator[dict[str, str]]:
    """Lists in which each library stands once: two locks may hold two versions of one."""
    rest = list(libraries)
    while rest:
        batch: dict[str, str] = {}
        for name, version in rest:
            batch.setdefault(name, version)
        yield batch
        rest = [(name, version) for name, version in rest if batch[name] != version]


def ask(batch: dict[str, str], hashes: dict[Library, list[str]], options: list[str]) -> list[dict[str, Any]] | None:
    """What pip-audit says of each library; None when it cannot say anything, after ``TRIES``."""
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        requirements, answer = Path(folder, "requirements.txt"), Path(folder, "answer.json")
        lines = [" ".join((f"{name}=={version}", *hashes[name, version])) for name, version in batch.items()]
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [PIP_AUDIT, "--disable-pip", "--require-hashes", "--progress-spinner=off", "--timeout=15", "--format=json"]
        command += [f"--output={answer}", f"--requirement={requirements}", *options]
        for number in range(TRIES):
            if number:
                time.sleep(PAUSE * number)
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)  # noqa: S603
                if answer.is_file():
                    said: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))["dependencies"]
                    return said
                words = done.stderr.strip().splitlines() or ["nothing"]
            except subprocess.TimeoutExpired:
                words = [f"nothing within {RUN_SECONDS} s"]
            tell(f"Try {number + 1} of {TRIES}: pip-audit gave no answer; it said last: {words[-1][:300]}")
    return None


def tell(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Judge the locks that are named; what begins with a dash is handed to pip-audit."""
    options = [argument for argument in arguments if argument.startswith("-")]
    hashes = read_locks(Path(argument) for argument in arguments if not argument.startswith("-"))
    unjudged: set[Library] = set()
    vulnerable = 0
    for batch in batches(hashes):
        said = ask(batch, hashes, options)
        missing = dict(batch)
        for library in said or ():
            if "skip_reason" in library:
                continue
            missing.pop(library["name"], None)
            for weakness in library["vulns"]:
                vulnerable += 1
                mended = ", ".join(weakness.get("fix_versions", ())) or "no version"
                tell(f"VULNERABLE  {library['name']} {library['version']}: {weakness['id']}, mended in {mended}")
        unjudged |= set(missing.items())
    tell(f"Judged: {len(hashes) - len(unjudged)} of {len(hashes)} versions. Weaknesses found: {vulnerable}.")
    if unjudged:
        names = ", ".join(f"{name} {version}" for name, version in sorted(unjudged))
        tell(f"NOT JUDGED, which does not mean harmless: {'all of them' if len(unjudged) == len(hashes) else names}.")
        tell("The service cannot be reached from here, or does not know these versions.")
        tell("Another service: make audit ARGS=--vulnerability-service=osv")
    if vulnerable:
        tell("Raise what is named: make lock LOCK='--upgrade-package NAME', then make check test.")
    return 1 if vulnerable else 2 if unjudged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
