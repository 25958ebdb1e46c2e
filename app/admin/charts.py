"""Charts as SVG, drawn here: colours come from the style sheet by class, words are in the title and in a table beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

WIDTH: Final = 720
HEIGHT: Final = 180
_STEPS: Final = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True, slots=True)
class Column:
    """One time of a chart: its label, and a value of each series."""

    label: str
    values: Mapping[str, int]


def scale(largest: int) -> int:
    """The top of a scale: the next of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 ..."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= largest:
                return step * power
        power *= 10


def stacked(name: str, title: str, description: str, columns: Sequence[Column], series: Sequence[str]) -> Markup:
    """Columns of values one upon the other.

    It may be stretched to any form: there are no words in it but the title, which screen readers tell.

    Args:
        name: The beginning of its ids.
        title: What it shows.
        description: What it tells, in a sentence.
        columns: From left to right.
        series: From the bottom up; each is drawn with the class ``series-<name>``.
    """
    top = scale(max((sum(column.values.values()) for column in columns), default=0))
    width = WIDTH / max(1, len(columns))
    gap = min(2.0, width / 4)
    drawn = Markup()
    for number, column in enumerate(columns):
        level = float(HEIGHT)
        for each in series:
            height = HEIGHT * column.values.get(each, 0) / top
            if not height:
                continue
            level -= height
            drawn += Markup('<rect class="series-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                each, number * width + gap / 2, level, width - gap, height
            )
    lines = Markup().join(
        Markup('<line class="grid" x1="0" x2="{}" y1="{}" y2="{}"/>').format(WIDTH, y, y) for y in (0.5, HEIGHT / 2, HEIGHT - 0.5)
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img"'
        ' aria-labelledby="{2}-title {2}-text"><title id="{2}-title">{3}</title><desc id="{2}-text">{4}</desc>{5}{6}</svg>'
    ).format(WIDTH, HEIGHT, name, title, description, lines, drawn)


def bar(parts: Sequence[tuple[str, float]]) -> Markup:
    """A bar parted into shares, beside the number that tells the same: screen readers leave it out.

    Args:
        parts: The class of each part after ``series-``, and its share of 0 to 100.
    """
    drawn = Markup()
    start = 0.0
    for name, percent in parts:
        drawn += Markup('<rect class="series-{}" x="{:.2f}" y="0" width="{:.2f}" height="8"/>').format(name, start, percent)
        start += percent
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="rest" x="0" y="0" width="100" height="8"/>{}</svg>'
    ).format(drawn)
