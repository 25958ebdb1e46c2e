"""The commands and their options; what they do is in the modules beside."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.cutover import cutover
from app.cli.examples import examples
from app.cli.outbox import outbox
from app.cli.portal import Portal, portal_settings, whole_installation
from app.configuration_error import ConfigurationError
from app.version import VERSION

if TYPE_CHECKING:
    from rich.table import Table

_FIRST: Final = "First steps"
_MOVING: Final = "Moving"
_RUNNING: Final = "Running it"

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold tokens
    epilog="Each command has examples: evtmgmt-proxy COMMAND --help.",
)
cli.add_typer(cutover, name="cutover", rich_help_panel=_MOVING)
cli.add_typer(outbox, name="outbox", rich_help_panel=_RUNNING)


_MISSING: Final = (
    "Dynamics shows endpoint, token and origin under Settings > Event management > Web applications. "
    "evtmgmt-proxy init asks for them and writes them down."
)


def main() -> None:
    """Run the command line. Exit status 2 means that the settings cannot be used."""
    try:
        cli()
    except ConfigurationError as error:
        from rich.console import Console

        console = Console(stderr=True)
        console.print("The settings cannot be used:", style="bold red")
        for problem in error.problems:
            console.print(f"  - {problem}", markup=False, highlight=False, soft_wrap=True)
        if any(problem.endswith(": is missing") for problem in error.problems):
            console.print(_MISSING, markup=False, highlight=False, soft_wrap=True)
        console.print("Names and examples: docs/settings.md")
        raise SystemExit(2) from None
    finally:
        _flush_output()


def _flush_output() -> None:
    """Write what is left; on a full disk, drop it, or Python would turn the exit status into 120."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@cli.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Serve the old Dynamics 365 Events API from a real-time journeys organisation."""


@cli.command(epilog=examples("demo"), rich_help_panel=_FIRST)
def demo(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The portal's port; the others follow. 0: free ones.")] = 4200,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    story: Annotated[bool, typer.Option("--story", help="Play a whole migration with simulated visitors, then end.")] = False,
) -> None:
    """Run a simulated organisation, the proxy and an old-style portal; needs no network and no settings."""
    if story:
        from rich.console import Console

        from app.cli.story import StoryError, run_story

        try:
            run_story(Console(highlight=False))
        except StoryError as failed:
            typer.echo(f"The story ended badly: {failed}.", err=True)
            raise typer.Exit(1) from None
        return
    from app.cli.demo import run_demo

    run_demo(host, port)


@cli.command("init", epilog=examples("init"), rich_help_panel=_FIRST)
def init_(
    folder: Annotated[Path, typer.Argument(help="Where the files go; here by default.", show_default=False)] = Path(),
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="The endpoint, as Dynamics shows it.")] = None,
    token_file: Annotated[str | None, typer.Option(metavar="FILE", help="A file with the token; - reads it.")] = None,
    origin: Annotated[str | None, typer.Option(metavar="URL", help="The origin registered with the token.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
) -> None:
    """Write a settings file with every setting explained, a compose file, and the token into a file of its own.

    Asks for what is not given as an option. Dynamics shows all three under Settings > Event management > Web applications.
    """
    from app.cli.initialising import run_init

    raise typer.Exit(run_init(folder, endpoint, token_file, origin, force=force))


@cli.command(epilog=examples("check"), rich_help_panel=_FIRST)
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    event: Annotated[str | None, typer.Option(help="Readable id of the event to look at; the first listed by default.")] = None,
    portal: Portal = None,
) -> None:
    """Validate the settings, then call the organisation and tell whether a portal would work.

    Reads only: nothing is registered. Exit status 1 when a portal would break, 2 when the settings cannot be used.
    """
    from app.cli.checking import run_check

    raise typer.Exit(run_check(portal_settings(portal), as_json=as_json, event=event))


@cli.command(epilog=examples("serve"), rich_help_panel=_FIRST)
def serve(
    host: Annotated[str, typer.Option(envvar="EVTMGMT_SERVE_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="EVTMGMT_SERVE_PORT", min=0, max=65_535, help="Port; 0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(envvar="EVTMGMT_SERVE_WORKERS", min=1, max=64, help="Processes; one per core.")] = 1,
) -> None:
    """Run the proxy."""
    from app.cli.serving import run_server

    run_server(whole_installation(), host, port, workers)


@cli.command(epilog=examples("compare"), rich_help_panel=_MOVING)
def compare(
    rate: Annotated[float, typer.Option(min=0.1, max=1_000, help="Calls per second to each organisation.")] = 5,
    threshold: Annotated[
        float, typer.Option(min=0, max=100, help="Percent of fields equal that each operation must reach.")
    ] = 100,
    event: Annotated[str | None, typer.Option(help="Readable id of one event; all that are published by default.")] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Field not to compare, such as list_events:[].description. May be repeated.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the whole report as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the whole report as a page.")] = None,
    portal: Portal = None,
) -> None:
    """Compare what outbound and real-time answer for all published events: the rehearsal of the cutover.

    Reads only: nothing is registered.

    Exit status 1 when the threshold does not hold, 2 when the settings cannot be used, 3 when an organisation could not be read.
    """
    from app.cli.comparing import run_compare

    status = run_compare(
        portal_settings(portal),
        rate=rate,
        threshold=threshold,
        event=event,
        ignore=ignore or (),
        json_file=json_file,
        html_file=html_file,
    )
    raise typer.Exit(status)


@cli.command("record", epilog=examples("record"), rich_help_panel=_MOVING)
def record_(
    file: Annotated[
        Path | None, typer.Argument(help="Where the archive goes; EVTMGMT_ARCHIVE__PATH by default.", show_default=False)
    ] = None,
    saved: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="PATH", help="A HAR file or a folder with saved answers. Repeatable."),
    ] = None,
    event: Annotated[list[str] | None, typer.Option(help="Readable id of an event; all that are listed by default.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="A field that is not kept, such as speakers.email. Repeatable.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=1_000, help="Calls per second to outbound.")] = 5,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Whether pictures and logos are read.")] = True,
    finish: Annotated[
        bool, typer.Option("--finish", help="Ask for nothing: make the archive of what a run that was cut off has read.")
    ] = False,
    forget: Annotated[
        list[str] | None, typer.Option(metavar="EVENT", help="Ask for nothing: take this event out of the archive. Repeatable.")
    ] = None,
    portal: Portal = None,
) -> None:
    """Record all events of the outbound organisation into an archive, from which their pages live on.

    Reads only: nothing is registered. A run that was cut off goes on where it was; a later one refreshes what is there.

    Exit status 1 when something could not be read, 2 when settings or files cannot be used, 3 when outbound could not be read.
    """
    from app.cli.recording import run_forget, run_import, run_record

    if sum(map(bool, (saved, event, finish, forget))) > 1:
        raise typer.BadParameter("only one of --from, --event, --finish and --forget can be done at a time")
    if saved and file is not None:
        raise typer.Exit(run_import(file, saved, without=without or ()))
    if forget and file is not None:
        raise typer.Exit(run_forget(file, forget))
    settings = portal_settings(portal)
    target = file or settings.archive.path
    if target is None:
        raise typer.BadParameter("is missing: name it, or set EVTMGMT_ARCHIVE__PATH", param_hint="FILE")
    if saved:
        raise typer.Exit(run_import(target, saved, without=without or ()))
    if forget:
        raise typer.Exit(run_forget(target, forget))
    status = run_record(settings, target, rate=rate, events=event or (), without=without or (), pictures=pictures, finish=finish)
    raise typer.Exit(status)


@cli.command("repoint", epilog=examples("repoint"), rich_help_panel=_MOVING)
def repoint_(
    path: Annotated[Path, typer.Argument(help="The built portal: a folder, a zip or one file.", show_default=False)],
    to: Annotated[
        str | None, typer.Option(metavar="URL", help="The proxy, such as https://proxy.example.com/EvtMgmt/api/v2.0/")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Replace. Without it, places are only shown.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Put the originals back that --write kept.")] = False,
    backup: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the originals are kept; PATH.before-repoint by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With --restore: also over files that were changed since.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Lead a built portal to the proxy: find the old endpoint and token in its files, and replace them.

    Needs no settings and no network.

    Exit status 0 when nothing is left, 1 when something would be replaced or is left for your hand, 2 when it cannot be done.
    """
    from app.cli.repointing import run_repoint, run_restore

    if restore:
        if write or to is not None or as_json:
            raise typer.BadParameter("goes with --backup and --force only", param_hint="--restore")
        raise typer.Exit(run_restore(path, backup=backup, force=force))
    if to is None:
        raise typer.BadParameter("is missing: name your proxy, such as https://proxy.example.com", param_hint="--to")
    if force:
        raise typer.BadParameter("goes with --restore only", param_hint="--force")
    raise typer.Exit(run_repoint(path, to, write=write, backup=backup, as_json=as_json))


@cli.command(epilog=examples("explain"), rich_help_panel=_MOVING)
def explain(
    method: Annotated[str, typer.Argument(help="GET or POST.")],
    path: Annotated[str, typer.Argument(help="Path and query as a portal sends them; the old base may be left out.")],
    visitor: Annotated[str, typer.Option(help="What tells the visitor apart: the address, or the sticky header's value.")] = "",
    portal: Portal = None,
) -> None:
    """Tell which organisation would answer a request, by which rule of the cutover, and why."""
    from app.cli.explaining import run_explain

    raise typer.Exit(run_explain(portal_settings(portal), method, path, visitor))


@cli.command(epilog=examples("operations"), rich_help_panel=_RUNNING)
def operations() -> None:
    """Print the table of operations and what becomes of each."""
    from rich.table import Table

    from translation.operations import OPERATIONS

    table = Table(title="Operations under /EvtMgmt/api/v2.0/ (and v1.0)")
    for title in ("#", "Operation", "Method", "Path", "Becomes"):
        table.add_column(title, overflow="fold")
    for operation in OPERATIONS:
        refusal = f" ({operation.refusal.status} {operation.refusal.code})" if operation.refusal else ""
        table.add_row(
            str(operation.row or "new"), operation.name, operation.method, operation.path, f"{operation.serving}{refusal}"
        )
    _print(table)


@cli.command(epilog=examples("config"), rich_help_panel=_RUNNING)
def config() -> None:
    """Print the effective settings, secrets masked, and where each came from."""
    from app.cli.showing import portals_table, settings_table

    installation = whole_installation()
    if installation.has_table:
        _print(portals_table(installation))
        for name, settings in installation.portals.items():
            _print(settings_table(settings, name))
    else:
        _print(settings_table(installation.portals[""]))


@cli.command(epilog=examples("version"), rich_help_panel=_RUNNING)
def version() -> None:
    """Print the version."""
    typer.echo(VERSION)


@cli.command(epilog=examples("health"), rich_help_panel=_RUNNING)
def health(
    url: Annotated[str, typer.Option(envvar="EVTMGMT_HEALTH_URL", help="What to ask.")] = "http://127.0.0.1:8080/livez",
) -> None:
    """Ask a running proxy whether it lives; for health checks in images without a shell. Exit status 1 when it does not."""
    from app.cli.health import is_alive

    if not is_alive(url):
        typer.echo(
            f"{url} does not answer 200 within three seconds. Does the proxy run, at this port? --url names another.", err=True
        )
        raise typer.Exit(1)


def _print(table: "Table") -> None:
    from rich.console import Console

    # Into a pipe or file nothing is folded, so that it can be searched.
    Console(width=None if sys.stdout.isatty() else 1_000).print(table)
