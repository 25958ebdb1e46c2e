"""A bar for what takes longer than two seconds, where there is a terminal to show it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is there while the block runs.

    Args:
        console: Where it is shown; nowhere, when this is no terminal.
        title: What is counted, in the plural.

    Yields:
        Is told how many are done, and of how many. Until it is told, the bar says only that something goes on.
    """
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
