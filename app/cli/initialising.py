"""The ``init`` command: three questions or options, then files and what to do next."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import typer

from app.checkup.smells import token_smells
from app.initialising.answers import Answers, read_answer
from app.initialising.compose_file import IMAGE_USER, compose_file
from app.initialising.settings_file import settings_file
from app.whole_files import replace_file

SETTINGS: Final = "settings.toml"
SECRETS: Final = "secrets"
TOKEN: Final = "EVTMGMT_REALTIME__TOKEN"  # noqa: S105 - the name of a file
COMPOSE: Final = "compose.yaml"

_QUESTIONS: Final = (
    ("endpoint", "--endpoint", "Endpoint"),
    ("token", "--token-file", "Token (not shown)"),
    ("origin", "--origin", "Origin registered with the token"),
)


def run_init(folder: Path, endpoint: str | None, token_file: str | None, origin: str | None, *, force: bool) -> int:
    """Ask for what is not given, write the files, and say what to do next.

    Args:
        folder: Where the files go.
        endpoint: The endpoint, or None to ask.
        token_file: A file with the token, ``-`` for the standard input, or None to ask.
        origin: The registered origin, or None to ask.
        force: Whether files may be written over.

    Returns:
        The exit status: 0 all is written, 2 nothing is.

    Raises:
        typer.BadParameter: An answer cannot be used.
    """
    places = [folder / SETTINGS, folder / SECRETS / TOKEN, folder / COMPOSE]
    there = [str(place) for place in places if place.exists()]
    if there and not force:
        typer.echo(f"Nothing was written: {', '.join(there)} exists already. --force writes over it.", err=True)
        return 2
    token = None if token_file is None else _token(token_file)
    given = {"endpoint": endpoint, "token": token, "origin": origin}
    if None in given.values() and sys.stdin.isatty():
        typer.echo("Dynamics shows endpoint, token and origin under Settings > Event management > Web applications.")
    answers = Answers(**{name: _answer(name, option, question, given[name]) for name, option, question in _QUESTIONS})
    for smell in token_smells(answers.token):
        typer.echo(f"Note: {smell.text}", err=True)
    try:
        _write(folder, answers)
    except OSError as refused:
        typer.echo(f"{refused.filename or folder}: {refused.strerror}.", err=True)
        return 2
    typer.echo(_next_steps(folder))
    return 0


def _token(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8").rstrip("\r\n")
    except OSError as refused:
        raise typer.BadParameter(f"{file} cannot be read: {refused.strerror}", param_hint="--token-file") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8 text", param_hint="--token-file") from None


def _answer(name: str, option: str, question: str, given: str | None) -> str:
    """An answer, from its option or from a person, who is asked until it can be used."""
    if given is not None:
        try:
            return read_answer(name, given)
        except ValueError as mistake:
            raise typer.BadParameter(str(mistake), param_hint=option) from None
    if not sys.stdin.isatty():
        raise typer.BadParameter("is missing, and there is no terminal to ask at", param_hint=option)
    answer: str = typer.prompt(question, hide_input=name == "token", value_proc=partial(_or_again, name))
    return answer


def _or_again(name: str, value: str) -> str:
    try:
        return read_answer(name, value)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake)) from None  # typer says it, and asks again


def _write(folder: Path, answers: Answers) -> None:
    """Write all files; the secret for its owner only."""
    secrets = folder / SECRETS
    folder.mkdir(parents=True, exist_ok=True)
    secrets.mkdir(mode=0o700, exist_ok=True)
    root = os.getuid() == 0
    user, group = (IMAGE_USER, IMAGE_USER) if root else (os.getuid(), os.getgid())
    _put(secrets / TOKEN, answers.token, 0o600)
    if root:  # the container runs as nobody in particular, and has to read it
        for path in (secrets, secrets / TOKEN):
            os.chown(path, user, group)
    _put(secrets / ".gitignore", "# Secrets stay where they are.\n*\n", 0o644)
    _put(folder / SETTINGS, settings_file(answers), 0o644)
    _put(folder / COMPOSE, compose_file(SETTINGS, SECRETS, user, group), 0o644)


def _put(path: Path, text: str, mode: int) -> None:
    def write(file: BinaryIO) -> None:
        os.fchmod(file.fileno(), mode)  # before the first byte
        file.write(text.encode("utf-8"))

    path.unlink(missing_ok=True)  # so that its mode is not taken over
    replace_file(path, write)


def _next_steps(folder: Path) -> str:
    place = "" if folder == Path() else f"{folder}/"
    return f"""\
Written: {place}{SETTINGS}, {place}{SECRETS}/{TOKEN} (for you alone) and {place}{COMPOSE}.

1. See whether a portal would work:
     export EVTMGMT_CONFIG_FILE={place}{SETTINGS} EVTMGMT_SECRETS_DIR={place}{SECRETS}
     evtmgmt-proxy check
2. Start the proxy, behind https:
     evtmgmt-proxy serve          or: docker compose -f {place}{COMPOSE} up -d
3. Lead the portal to it: set its apiEndpoint to https://<your proxy>/EvtMgmt/api/v2.0/, or, when you have only the built one:
     evtmgmt-proxy repoint <folder or zip> --to https://<your proxy>"""
