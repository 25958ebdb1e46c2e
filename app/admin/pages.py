"""The pages of the console: templates, and the files that they need, served under names that change with their content."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.admin import charts, words
from app.admin.highlighting import highlighted

_HERE: Final = Path(__file__).parent
_MEDIA: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing but what is served from here; ``connect-src`` is for the live part of the overview."""
PAGE_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` browsers call the origin of their forms `null`, which no check could tell from a foreign one.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ASSET_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages need."""

    name: str
    media_type: str
    content: bytes


class Pages:
    """Renders templates. What is put into them is text, whatever it looks like."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for filter_ in (
            words.moment,
            words.machine_moment,
            words.span,
            words.number,
            words.percent,
            words.share,
            words.duration,
            words.size,
        ):
            self._environment.filters[filter_.__name__] = filter_
        self._environment.globals |= {"bar": charts.bar, "highlighted": highlighted}
        self._environment.globals["asset"] = {path.name: asset.name for path, asset in self._files.items()}

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """A page.

        Args:
            template: The file's name.
            context: What it is made of.
        """
        return self._environment.get_template(template).render(context)

    def asset(self, name: str) -> Asset | None:
        """The file of a name as pages call it."""
        return next((asset for asset in self._files.values() if asset.name == name), None)

    @cached_property
    def _files(self) -> dict[Path, Asset]:
        found = {}
        for path in sorted((_HERE / "static").iterdir()):
            content = path.read_bytes()
            name = f"{path.stem}.{sha256(content).hexdigest()[:12]}{path.suffix}"
            found[path] = Asset(name, _MEDIA[path.suffix], content)
        return found
