"""Whether anything has changed that settings are read from: told by what the files hold, whatever their dates say.

Secrets that Kubernetes mounts change by a link that is put in the place of another: files are opened by name here, links and all.
"""

from collections.abc import Iterator
from hashlib import blake2b
from os import environ
from pathlib import Path
from secrets import token_bytes
from typing import Final

from app.settings_sources import CONFIG_FILE, DOTENV, PREFIX, secrets_directory

_KEY: Final = token_bytes(32)
"""A hash of secrets is good for this process only."""


def files_hash() -> bytes:
    """A hash of .env, the settings file and the secret files: names and contents, or why they cannot be read."""
    digest = blake2b(key=_KEY, digest_size=16)
    for file in _files():
        try:
            content = b"holds " + file.read_bytes()
        except OSError as refused:
            content = f"refused {refused.errno}".encode()
        for part in (str(file).encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _files() -> Iterator[Path]:
    yield Path(DOTENV)
    if path := environ.get(CONFIG_FILE):
        yield Path(path)
    folder = secrets_directory()
    try:
        yield from sorted(file for file in folder.iterdir() if file.name.upper().startswith(PREFIX))
    except OSError:
        yield folder
