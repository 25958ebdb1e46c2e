"""Contestants that are a small program: what people write by hand, and the ceiling of what uvicorn can do."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.contestants.case import Site
from benchmarks.material import NEW_BASE, ORIGIN, SERVER_TOKEN, Bodies
from benchmarks.processes import HOST, Launch

ROOT: Final = Path(__file__).parents[2]


def node(site: Site) -> Launch:
    """Node's ``http`` by hand (``programs/forward.cjs``)."""
    program = str(ROOT / "benchmarks/programs/forward.cjs")
    return Launch(("node", program), environment={**_environment(site), "PORT": str(site.port)})


def naive(site: Site) -> Launch:
    """FastAPI and httpx (``programs/naive.py``)."""
    return _uvicorn("naive", site.port, environment=_environment(site))


def library(site: Site) -> Launch:
    """fastapi-proxy-lib (``programs/library.py``)."""
    return _uvicorn("library", site.port, environment=_environment(site))


def ceiling(body: Callable[[Bodies], bytes]) -> Callable[[Site], Launch]:
    """Raw ASGI on uvicorn that sends bytes from memory (``programs/memory.py``)."""

    def launch(site: Site) -> Launch:
        files = {"answer.json": body(site.bodies).decode()}
        return _uvicorn(
            "memory", site.port, "--http", "httptools", "--loop", "uvloop", files=files, environment={"ORIGIN": ORIGIN}
        )

    return launch


def _uvicorn(program: str, port: int, *more: str, files: dict[str, str] | None = None, environment: dict[str, str]) -> Launch:
    # Without an access log, although the product writes one: the others are shown at their best.
    options = ("--host", HOST, "--port", str(port), "--no-access-log", "--log-level", "warning")
    command = (sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT), *options, *more, f"benchmarks.programs.{program}:app")
    return Launch(command, files or {}, environment)


def _environment(site: Site) -> dict[str, str]:
    return {"UPSTREAM": f"http://{HOST}:{site.upstream}{NEW_BASE}", "TOKEN": SERVER_TOKEN, "ORIGIN": ORIGIN}
