"""Tests of app/cli/portal.py: what a command does not need is not loaded for it. Other tests choose portals by the option."""

import subprocess
import sys

import pytest

HEAVY = ("pydantic", "fastapi", "httpx", "redis", "structlog", "rich.table", "uvicorn")


@pytest.mark.parametrize("module", ["app.cli.commands", "app.cli.health"])
def test_nothing_that_reads_settings_or_serves_is_loaded_before_a_command_wants_it(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
