"""The script of the bridge, as it is served: one file with what this proxy's settings put into it, named after its content."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from translation.errors import REGISTRATION_OUTCOME_UNKNOWN, UPSTREAM_REJECTED, UPSTREAM_UNREACHABLE, ErrorKind, ProxyError
from translation.form_embed import Bridge, host_pattern
from translation.messages import Messages

ROOM: Final = "EvtMgmt/bridge"
"""Where it is served: beside the old API, as fronts often hand on nothing else."""
_SOURCE: Final = Path(__file__).with_name("bridge.js")
_SETTINGS: Final = "__SETTINGS__"
_SENTENCES: Final[dict[str, ErrorKind]] = {
    "unreachable": UPSTREAM_UNREACHABLE,
    "rejected": UPSTREAM_REJECTED,
    "unknown": REGISTRATION_OUTCOME_UNKNOWN,
}
"""What a visitor is told when the form does not come, is not accepted, or nobody knows."""


@dataclass(frozen=True)
class Script:
    """The script.

    Attributes:
        content: The file.
        bridge: What embeds are written anew with.
    """

    content: bytes
    bridge: Bridge

    @cached_property
    def name(self) -> str:
        """The last segment of its address."""
        return self.bridge.script.rpartition("/")[2]

    @cached_property
    def packed(self) -> bytes:
        """The same, compressed."""
        return gzip.compress(self.content, 9, mtime=0)


def build_script(public_url: str, loaders: Sequence[str], hosts: Sequence[str], messages: Messages) -> Script:
    """Make the script.

    Args:
        public_url: How browsers reach the proxy, without a slash at the end; empty where it serves the portal itself.
        loaders: Hosts of form loaders.
        hosts: Hosts of forms.
        messages: The visitors' sentences.
    """
    patterns = tuple(map(host_pattern, loaders)), tuple(map(host_pattern, hosts))
    settings = {
        "loaders": [pattern.pattern for pattern in patterns[0]],
        "hosts": [pattern.pattern for pattern in patterns[1]],
        "sentences": {
            name: {tag: messages.sentence(ProxyError(kind), tag)[1] for tag in messages.languages(kind.code)}
            for name, kind in _SENTENCES.items()
        },
    }
    written = orjson.dumps(settings, option=orjson.OPT_SORT_KEYS).decode()
    content = _SOURCE.read_text("utf-8").replace(_SETTINGS, written, 1).encode()
    name = f"{sha256(content).hexdigest()[:16]}.js"
    return Script(content, Bridge(f"{public_url}/{ROOM}/{name}", *patterns))
