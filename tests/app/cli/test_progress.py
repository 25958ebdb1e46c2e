"""A bar on a terminal, and nothing anywhere else."""

import io

from rich.console import Console

from app.cli.progress import progress_bar


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    with progress_bar(Console(file=out, force_terminal=terminal, width=80), "Events") as progress:
        progress(3, 18)
    return out.getvalue()


def test_a_terminal_sees_how_far_it_is() -> None:
    assert "Events" in shown(terminal=True)
    assert "3/18" in shown(terminal=True)


def test_a_pipe_sees_nothing() -> None:
    assert shown(terminal=False).strip() == ""
