"""What was measured on: processor, system, versions of everybody. No names of machines, users or folders."""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.processes import Cores

PACKAGES: Final = (
    "evtmgmt-proxy",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "httpx",
    "aiohttp",
    "orjson",
    "fastapi-proxy-lib",
)
PROGRAMS: Final = {
    "nginx": ("nginx", "-v"),
    "HAProxy": ("haproxy", "-v"),
    "Caddy": ("caddy", "version"),
    "Varnish": ("varnishd", "-V"),
    "Node": ("node", "--version"),
    "wrk": ("wrk", "-v"),
}
BUSY: Final = 0.5
_VERSION: Final = re.compile(r"\d+\.\d+[\w.+~-]*")


def describe(cores: Cores) -> list[tuple[str, str]]:
    """Facts and their values, in the order of the report."""
    load = os.getloadavg()[0]
    return [
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("Memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"),
        ("System", f"{platform.system()} {platform.release().split('-')[0]}, {_distribution()}"),
        (
            "Load before",
            f"{load:.2f}, mean of a minute{': others use this machine, the figures are rough' if load > BUSY else ''}",
        ),
        ("Processes", cores.sentence),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}, {_whose_python()}"),
        ("Packages", ", ".join(f"{name} {found}" for name in PACKAGES if (found := _package(name)) is not None)),
        ("Programs", ", ".join(f"{name} {found}" for name, words in PROGRAMS.items() if (found := _program(words)) is not None)),
    ]


def first_version(text: str) -> str | None:
    """The first thing in a program's words that looks like a version."""
    found = _VERSION.search(text)
    return found[0] if found else None


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown distribution"


def _whose_python() -> str:
    """Distributions build it with the optimisations that a plain ``./configure && make`` leaves out: a third of its speed."""
    return "the distribution's" if sys.base_prefix == "/usr" else "not the distribution's: perhaps built without optimisations"


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _program(words: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return first_version(done.stdout + done.stderr)
