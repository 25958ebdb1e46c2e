"""The house rules of docs/architecture.md, checked on the source itself."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("app", "routes", "translation", "sandbox")
MODULES = sorted(path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py"))

WITHOUT_TESTS = {
    "app/answering.py": "tests/app/test_gateway.py and tests/app/cutover/test_stages.py ask through the gateway",
    "app/calls.py": "two records without behaviour",
    "app/hosting/portal.py": "a record without behaviour",
    "app/caching/served.py": "a record and names; tests/app/caching/test_reading.py looks at all of them",
    "app/configuration_error.py": "an exception; tests/app/test_settings_sources.py and others raise it",
    "app/cutover/stage.py": "names; tests/app/cutover/test_state.py reads them",
    "app/hosting/generation.py": "tests/app/hosting/test_isolation.py and test_reloading.py ask through it",
    "app/hosting/switchboard.py": "tests/app/hosting/test_isolation.py asks through it",
    "app/outbox/entries.py": "records and names; tests/app/outbox/test_store.py reads them from the file",
    "app/outbox/file.py": "the schema; tests/app/outbox/test_store.py uses it",
    "app/version.py": "one constant, shown by the command line's tests",
    "sandbox/__main__.py": "tests/sandbox/test_server.py runs it",
}
"""Modules that no test file mirrors, and why."""

PURE_MAY_IMPORT = {"icalendar", "orjson", "pydantic", "translation"} | set(sys.stdlib_module_names)
IMPURE_STANDARD = {
    "asyncio",
    "http",
    "logging",
    "os",
    "pathlib",
    "random",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=str)
def test_each_module_has_its_test_file(path: Path) -> None:
    mirrored = ROOT / "tests" / path.parent / f"test_{path.name}"
    assert mirrored.is_file() or WITHOUT_TESTS.get(str(path))


def test_exceptions_are_not_forgotten() -> None:
    assert [
        path
        for path, reason in WITHOUT_TESTS.items()
        if reason and (ROOT / "tests" / path).with_name(f"test_{Path(path).name}").exists()
    ] == []
    assert all((ROOT / path).exists() for path in WITHOUT_TESTS)


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] == "translation"], ids=str)
def test_translation_is_pure(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}
    assert tops <= PURE_MAY_IMPORT
    assert not tops & IMPURE_STANDARD


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] != "sandbox"], ids=str)
def test_only_the_demo_touches_the_sandbox(path: Path) -> None:
    if str(path) not in ("app/cli/demo.py", "app/cli/story.py"):
        assert "sandbox" not in {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] == "sandbox"], ids=str)
def test_the_sandbox_stands_alone(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & {"app", "routes", "translation"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] == "app"], ids=str)
def test_only_the_assembly_knows_the_routes(path: Path) -> None:
    if str(path) not in ("app/main.py", "app/assembly.py"):
        assert "routes" not in {name.split(".")[0] for name in imports(path)}
