"""What was found in a portal, and the JSON document that says so. docs/repoint.md describes the document; a test compares."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from app.repointing.notices import Notice
from app.repointing.places import Kind, Place

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found.

    Attributes:
        path: What was looked at.
        to: The address that the portal is led to.
        files: How many files were there.
        looked_into: How many of them are text.
        places: Old endpoints and tokens, in order.
        changed: Names of all files that change: those with places, those with hashes of changed files, packed siblings.
        notices: What has to be known.
        backup: Where the originals are or would be.
        written: Whether the changes were made.
        before: Whether originals of an earlier run are kept.
    """

    path: str
    to: str
    files: int
    looked_into: int
    places: tuple[Place, ...]
    changed: tuple[str, ...]
    notices: tuple[Notice, ...]
    backup: str
    written: bool
    before: bool = False

    @property
    def by_hand(self) -> tuple[Place, ...]:
        """The places that a person has to change."""
        return tuple(place for place in self.places if not place.replaced)

    @property
    def clean(self) -> bool:
        """Whether nothing is left to do."""
        return not self.by_hand and (self.written or not self.changed)

    @property
    def summary(self) -> str:
        """All in one sentence or two."""
        if not self.places:
            text = f"No old endpoint and no old token in {counted(self.looked_into, 'text file')}."
            if self.before:
                text += f" It was repointed before; the originals are in {self.backup}. To lead it elsewhere, --restore first."
            return text
        done = [place for place in self.places if place.replaced]
        kinds = " and ".join(counted(sum(place.kind is kind for place in done), kind.value) for kind in Kind)
        text = f"{kinds} {'replaced' if self.written else 'would be replaced'} in {counted(len(self.changed), 'file')}."
        if not self.changed:
            text = "Nothing that could be replaced."
        if self.by_hand:
            text += f" {counted(len(self.by_hand), 'place')} left for your hand."
        if self.written and self.changed:
            text += f" The originals are in {self.backup}; --restore puts them back."
        elif self.changed:
            text += " Nothing was written: --write does it."
        return text

    def document(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "schema": SCHEMA,
            "path": self.path,
            "to": self.to,
            "files": self.files,
            "looked_into": self.looked_into,
            "written": self.written,
            "clean": self.clean,
            "summary": self.summary,
            "backup": self.backup,
            "places": [asdict(place) for place in self.places],
            "changed": list(self.changed),
            "notices": [asdict(notice) for notice in self.notices],
        }


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where it has to be."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
