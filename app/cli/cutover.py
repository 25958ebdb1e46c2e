"""The ``cutover`` commands and their options; what they do is in ``app/cli/changing.py``.

Exit status: 0 done, 1 nothing was changed, 2 the command line or the settings cannot be used.
"""

from typing import Annotated

import typer

from app.cli.examples import examples
from app.cli.portal import Portal, portal_settings
from app.cutover.stage import Stage

cutover = typer.Typer(
    no_args_is_help=True,
    help="Show and change what serves visitors, whether the proxy runs or not: stage, percentage, switches, latches.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Why = Annotated[str, typer.Option(help="The reason, for the audit.")]
Who = Annotated[str | None, typer.Option(help="Who changes it, for the audit. Default: the user of the system.")]
Expect = Annotated[int | None, typer.Option(min=1, help="Change nothing unless this version is kept.")]


@cutover.command(epilog=examples("cutover show"))
def show(as_json: AsJson = False, portal: Portal = None) -> None:
    """Print the state that is kept, and where the settings say something else."""
    from app.cli.changing import run_show

    raise typer.Exit(run_show(portal_settings(portal), as_json=as_json))


@cutover.command("set", epilog=examples("cutover set"))
def set_(
    why: Why,
    stage: Annotated[Stage | None, typer.Option(help="How far the migration is.")] = None,
    percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="Visitors whose reads real-time serves in the stage split.")
    ] = None,
    operation: Annotated[
        list[str] | None, typer.Option(metavar="NAME=WHERE", help="outbound, realtime or off; may be repeated.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN=WHERE", help="By readable event id, * and ? allowed; may be repeated.")
    ] = None,
    who: Who = None,
    expect: Expect = None,
    portal: Portal = None,
) -> None:
    """Change the state. All processes follow within two seconds."""
    from app.cli.changing import Setting, run_change, switches

    switched = switches(operation or [], "--operation"), switches(event or [], "--event")
    if stage is None and percent is None and not any(switched):
        raise typer.BadParameter("nothing is named that should be set; see --help")
    raise typer.Exit(run_change(portal_settings(portal), Setting(stage, percent, *switched), who, why, expect))


@cutover.command(epilog=examples("cutover clear"))
def clear(
    why: Why,
    latch: Annotated[list[str] | None, typer.Option(metavar="NAME", help="What the watcher moved back; * is the stage.")] = None,
    all_latches: Annotated[bool, typer.Option("--all-latches", help="All that the watcher moved back.")] = False,
    operation: Annotated[list[str] | None, typer.Option(metavar="NAME", help="The switch of an operation.")] = None,
    event: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="The switch of an event or pattern.")] = None,
    who: Who = None,
    expect: Expect = None,
    portal: Portal = None,
) -> None:
    """Take latches and switches away: the stage decides again. All processes follow within two seconds."""
    from app.cli.changing import Clearing, run_change

    edit = Clearing(latch or [], all_latches, operation or [], event or [])
    if not (latch or all_latches or operation or event):
        raise typer.BadParameter("nothing is named that should be cleared; see --help")
    raise typer.Exit(run_change(portal_settings(portal), edit, who, why, expect))


@cutover.command(epilog=examples("cutover audit"))
def audit(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many changes, the newest first.")] = 20,
    before: Annotated[int | None, typer.Option(min=1, help="Only changes older than this version.")] = None,
    as_json: AsJson = False,
    portal: Portal = None,
) -> None:
    """Print who changed what, when and why."""
    from app.cli.changing import run_audit

    raise typer.Exit(run_audit(portal_settings(portal), limit, before, as_json=as_json))
