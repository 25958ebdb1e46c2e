"""The README's table says of each operation what the product does."""

from pathlib import Path

import pytest

from translation.operations import OPERATIONS, Operation, Serving

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_readme_has_a_row(operation: Operation) -> None:
    becomes = operation.serving.value
    if operation.serving is Serving.REFUSED:
        assert operation.refusal is not None
        becomes = f"{operation.refusal.status} `{operation.refusal.code}`"
    row = f"| {operation.row or 'new'} | {operation.method} `{operation.path}` | {becomes} | {operation.repairs} |"
    assert row in README.splitlines()


def test_readme_has_no_other_rows() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| ") and ("GET `" in line or "POST `" in line)]
    assert len(rows) == len(OPERATIONS)
