"""Examples of every command: shown by ``--help``, in docs/commands.md and in the manual page. Tests parse each of them."""

from typing import Final

PROGRAM: Final = "evtmgmt-proxy"

EXAMPLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "demo": (
        ("a portal at port 4200 to look at in a browser", "demo"),
        ("a whole migration in half a minute, told while it happens", "demo --story"),
    ),
    "init": (
        ("asks three questions", "init"),
        (
            "asks nothing; the token comes from the standard input",
            "init deploy --endpoint https://public-eur.mkt.dynamics.com/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/"
            "eventmanagement/ --origin https://events.example.com --token-file -",
        ),
    ),
    "check": (
        ("tables and a verdict", "check"),
        ("look at one event", "check --event Contoso_Open_Day"),
        ("for machines", "check --json"),
    ),
    "serve": (
        ("on this machine alone", "serve"),
        ("on all addresses, with a process for each of two cores", "serve --host 0.0.0.0 --port 8080 --workers 2"),
    ),
    "compare": (
        ("all events, five calls a second", "compare"),
        ("a report to hand on, and a threshold for a script", "compare --threshold 99.5 --html report.html --json report.json"),
        ("one event, one field left out", "compare --event Contoso_Open_Day --ignore 'get_event:description'"),
    ),
    "record": (
        ("everything, while outbound still answers", "record archive.sqlite3"),
        ("without the speakers' e-mail addresses and pictures", "record --without speakers.email --without speakers.image"),
        ("from what a browser exported, and from a copy of the site", "record archive.sqlite3 --from visit.har --from site-copy"),
        ("of a run that was cut off", "record archive.sqlite3 --finish"),
    ),
    "repoint": (
        ("show what would be replaced", "repoint dist --to https://proxy.example.com"),
        ("replace it; the originals go to dist.before-repoint", "repoint dist --to https://proxy.example.com --write"),
        ("a zip as it is uploaded to a host", "repoint portal.zip --to https://proxy.example.com --write"),
        ("put everything back", "repoint dist --restore"),
    ),
    "explain": (
        ("who answers this visitor", "explain GET events/Contoso_Open_Day --visitor 203.0.113.7"),
        ("where a registration would go", "explain POST events/Contoso_Open_Day/registrations"),
    ),
    "operations": (("the table", "operations"),),
    "config": (("every setting and where it came from", "config"),),
    "version": (("the version", "version"),),
    "health": (
        ("the proxy on this machine", "health"),
        ("another port", "health --url http://127.0.0.1:8081/livez"),
    ),
    "cutover show": (
        ("for people", "cutover show"),
        ("for machines", "cutover show --json"),
    ),
    "cutover set": (
        (
            "a quarter of the visitors, and some events for all",
            "cutover set --stage split --percent 25 --event 'Contoso_*=realtime' --why 'first quarter'",
        ),
        ("one operation back to outbound", "cutover set --operation list_speakers=outbound --why 'pictures are missing'"),
    ),
    "cutover clear": (
        ("what the watcher moved back", "cutover clear --latch list_events --why mended"),
        ("the switch of an event", "cutover clear --event 'Contoso_*' --why 'the stage decides again'"),
    ),
    "cutover audit": (
        ("the last twenty changes", "cutover audit"),
        ("more of them, for machines", "cutover audit --limit 200 --json"),
    ),
    "outbox list": (
        ("everything that is in it", "outbox list"),
        ("what waits for a person, for machines", "outbox list --state parked --json"),
    ),
    "outbox show": (("one registration, to look for it in Dynamics", "outbox show 17 --why 'looking for it in Dynamics'"),),
    "outbox retry": (
        ("two that are not in Dynamics", "outbox retry 17 18 --why 'not in Dynamics, looked by e-mail'"),
        ("all that were given up", "outbox retry --all dead --why 'Dynamics is back'"),
    ),
    "outbox drop": (("one that arrived", "outbox drop 17 --why 'is registered in Dynamics'"),),
    "outbox export": (("what was given up, for a colleague", "outbox export dead.json --state dead --why 'entered by hand'"),),
    "outbox history": (("who decided what", "outbox history"),),
    "outbox key": (("a key for the settings", "outbox key"),),
}
"""By command: what each example is for, and what is written behind the program's name."""


def examples(command: str) -> str:
    """The block of examples at the end of a command's help."""
    lines = [line for what, words in EXAMPLES[command] for line in (f"# {what}", f"{PROGRAM} {words}")]
    return "\n\n".join(("Examples:", *lines))  # Typer joins lines that are not parted by an empty one
