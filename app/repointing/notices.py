"""What in a portal's files is worth a word although nothing is replaced: sign-in, captcha, policies, names with a hash."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from app.repointing.places import excerpt, position
from app.repointing.target import Target

_QUOTE: Final = r"\\*[\"'`]"
_SIGN_IN: Final = re.compile(
    rf"isAuthenticationEnabled(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?(?:true|!0)\b", re.ASCII | re.IGNORECASE
)
_CAPTCHA: Final = re.compile(r"enableCaptcha|hipObject", re.ASCII)
_POLICY: Final = re.compile(r"(?:default|connect|script|style|img)-src\s[^\"\r\n<>]{1,4000}", re.ASCII)
_HASHED: Final = re.compile(r"[.-](?=[\w-]*(?:\d|[A-Z]))([0-9a-f]{8,}|[\w-]{8})\.\w+$", re.ASCII)

SIGN_IN_ON: Final = (
    "isAuthenticationEnabled is true: visitors are offered to sign in and then read that this is no longer available. Set it to "
    "false, unless outbound still serves sign-in."
)
CAPTCHA: Final = (
    "The portal can show a captcha. The proxy answers that no event wants one, so it never does; nothing has to be done."
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know.

    Attributes:
        name: A stable name.
        file: The file, or the first of several.
        text: What it is and what to do.
        line: Counted from 1; None where it is about the whole file.
        column: Counted from 1; None where it is about the whole file.
    """

    name: str
    file: str
    text: str
    line: int | None = None
    column: int | None = None


def notices(file: str, text: str, target: Target) -> Iterator[Notice]:
    """What a text is worth a word for."""
    if match := _SIGN_IN.search(text):
        yield Notice("sign_in", file, SIGN_IN_ON, *position(text, match.start()))
    if match := _CAPTCHA.search(text):
        yield Notice("captcha", file, CAPTCHA, *position(text, match.start()))
    for match in _POLICY.finditer(text):
        directive = _lacking(match[0], target)
        if directive is not None:
            shown = excerpt(text, match.start(), match.start() + len(directive), [])
            words = (
                f"A content security policy does not let browsers call {target.origin}: add it to connect-src, or nothing "
                f"works ({shown}). If the proxy has the portal's own origin, 'self' is enough."
            )
            yield Notice("policy", file, words, *position(text, match.start()))


def renamed_not(file: str) -> Notice | None:
    """A word on a changed file whose name has a hash of its content in it; None for others."""
    if not _HASHED.search(PurePosixPath(file).name):
        return None
    words = (
        "The name has a hash of the old content in it and stays, as other files call it so. Browsers and CDNs that keep the old "
        "file for ever go on with it: empty the CDN; returning visitors may need a reload without cache. A new build has no such "
        "trouble."
    )
    return Notice("hashed_name", file, words)


def _lacking(policy: str, target: Target) -> str | None:
    """The directive that forbids calls to the target; None when there is none."""
    directives = {name.lower(): rest for name, _, rest in (part.strip().partition(" ") for part in policy.split(";")) if name}
    name = next((name for name in ("connect-src", "default-src") if name in directives), None)
    if name is None or any(_allows(source, target) for source in directives[name].split()):
        return None
    return f"{name} {directives[name]}"


def _allows(source: str, target: Target) -> bool:
    """Whether a source of a policy matches the target (CSP 3, 6.7.2: scheme, host with a wildcard, port)."""
    wanted = urlsplit(target.origin)
    text = source.lower()
    if text in ("*", f"{wanted.scheme}:"):
        return True
    given = urlsplit(text if "://" in text else f"{wanted.scheme}://{text}")
    host, port = given.netloc.partition("/")[0], ""
    if re.search(r":(?:\d+|\*)$", host):
        host, _, port = host.rpartition(":")
    default = {"https": 443, "http": 80}[wanted.scheme]
    if given.scheme != wanted.scheme or (port != "*" and int(port or default) != (wanted.port or default)):
        return False
    name = wanted.netloc.rpartition(":")[0] if wanted.port is not None else wanted.netloc
    return name.endswith(host[1:]) if host.startswith("*.") else name == host
