"""The ``explain`` command: who would answer a request, by which rule, and why."""

import asyncio
import sys

import typer
from rich.console import Console
from rich.text import Text

from app.archive.file import ArchiveError
from app.cutover.explaining import Explanation, explain_now
from app.cutover.store import StoreAwayError
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import Settings
from translation.errors import ProxyError


def run_explain(settings: Settings, method: str, path: str, visitor: str) -> int:
    """Print what would become of a request.

    Args:
        settings: What the proxy runs with.
        method: The HTTP method.
        path: The path and query, as a portal sends them.
        visitor: What tells the visitor apart.

    Returns:
        The exit status: 0 when somebody would answer, 1 when it is switched off or nobody can say.

    Raises:
        typer.BadParameter: The path or method is none of an operation.
    """
    configure_logs("error", Redactor(settings.secrets), sys.stderr)
    try:
        found = asyncio.run(explain_now(settings, method, path, visitor))
    except ProxyError as error:
        raise typer.BadParameter(f"{error.kind.title}. {error.detail or error.kind.operator}") from None
    except ArchiveError as unusable:
        raise typer.BadParameter(str(unusable), param_hint="EVTMGMT_ARCHIVE__PATH") from None
    except StoreAwayError as away:
        raise typer.BadParameter(str(away), param_hint="EVTMGMT_STATE__PATH") from None
    show(found, Console(width=None if sys.stdout.isatty() else 1_000, highlight=False))
    return 0 if found.route.source is not None else 1


def show(found: Explanation, console: Console) -> None:
    """Print an explanation for people."""
    route = found.route
    version = f"version {found.version}" if found.version else "of the settings"
    lines = [
        ("Operation", found.operation),
        ("Answered by", "nobody" if route.source is None else route.source.value),
        ("Rule", route.rule.value),
        ("Because", route.why),
        ("State", f"stage {found.state.stage}, {version}"),
    ]
    if route.followers:
        lines.insert(2, ("Or by", f"{', then '.join(route.followers)}, when {route.source} does not know it"))
    lines += [("Not read", f"the list of {source.value}: what is said would hold without it") for source in found.unread]
    for name, words in lines:
        console.print(Text.assemble((f"{name:<12}", "dim"), words))
