"""The ``outbox`` commands and their options; what they do is in ``app/cli/posting.py``.

Exit status: 0 done, 1 nothing was done, 2 the command line or the settings cannot be used.
"""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.examples import examples
from app.cli.portal import Portal, portal_settings
from app.outbox.entries import State

outbox = typer.Typer(
    no_args_is_help=True,
    help="Look at registrations that wait to be delivered, and decide on those that cannot be; whether the proxy runs or not.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Why = Annotated[str, typer.Option(help="The reason, for the record.")]
Who = Annotated[str | None, typer.Option(help="Who does it, for the record. Default: the user of the system.")]
Ids = Annotated[list[int] | None, typer.Argument(min=1, metavar="ID...", help="Numbers as `list` shows them.")]
AllOf = Annotated[State | None, typer.Option("--all", help="All that stand there, instead of single ones.")]


@outbox.command("list", epilog=examples("outbox list"))
def list_(
    state: Annotated[State | None, typer.Option(help="Only those that stand there.")] = None,
    as_json: AsJson = False,
    portal: Portal = None,
) -> None:
    """Print what is in the outbox. Nothing personal is shown, and no key is needed."""
    from app.cli.posting import run_list

    raise typer.Exit(run_list(portal_settings(portal), state, as_json=as_json))


@outbox.command(epilog=examples("outbox show"))
def show(
    number: Annotated[int, typer.Argument(min=1, metavar="ID", help="The number as `list` shows it.")],
    why: Why,
    who: Who = None,
    portal: Portal = None,
) -> None:
    """Print one registration with its personal data. That it was read is recorded. Needs the key."""
    from app.cli.posting import run_show

    raise typer.Exit(run_show(portal_settings(portal), number, who, why))


@outbox.command(epilog=examples("outbox retry"))
def retry(why: Why, ids: Ids = None, all_of: AllOf = None, who: Who = None, portal: Portal = None) -> None:
    """Have dead or parked registrations sent again; their age counts from now.

    A parked one may have arrived: look in Dynamics first, or somebody is registered twice.
    """
    from app.cli.posting import run_decision

    raise typer.Exit(run_decision(portal_settings(portal), "retry", _chosen(ids, all_of), who, why))


@outbox.command(epilog=examples("outbox drop"))
def drop(why: Why, ids: Ids = None, all_of: AllOf = None, who: Who = None, portal: Portal = None) -> None:
    """Delete registrations that will not be delivered, or are known to have arrived. There is no way back."""
    from app.cli.posting import run_decision

    raise typer.Exit(run_decision(portal_settings(portal), "drop", _chosen(ids, all_of), who, why))


@outbox.command(epilog=examples("outbox export"))
def export(
    file: Annotated[Path, typer.Argument(help="The JSON file to write; it must not be there yet.")],
    why: Why,
    state: Annotated[State | None, typer.Option(help="Only those that stand there.")] = None,
    who: Who = None,
    portal: Portal = None,
) -> None:
    """Write registrations with their personal data into a file that only its owner can read. That is recorded. Needs the key."""
    from app.cli.posting import run_export

    raise typer.Exit(run_export(portal_settings(portal), file, state, who, why))


@outbox.command(epilog=examples("outbox history"))
def history(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines, the newest first.")] = 20,
    as_json: AsJson = False,
    portal: Portal = None,
) -> None:
    """Print who decided or looked at what, when and why."""
    from app.cli.posting import run_history

    raise typer.Exit(run_history(portal_settings(portal), limit, as_json=as_json))


@outbox.command(epilog=examples("outbox key"))
def key() -> None:
    """Print a new key for EVTMGMT_OUTBOX__KEY. It is kept nowhere: who loses it loses what is in the outbox."""
    from cryptography.fernet import Fernet

    typer.echo(Fernet.generate_key().decode())


def _chosen(ids: list[int] | None, all_of: State | None) -> list[int] | State:
    if ids and all_of is not None:
        raise typer.BadParameter("name numbers or --all, not both")
    if all_of is not None:
        return all_of
    if not ids:
        raise typer.BadParameter("nothing is named; see --help")
    return ids
