"""Makes a site of the pages as they are: those of docs/, the README in front, and what they link to elsewhere in the repository.

The pages are written for a code host. Two things differ in a site: where files lie, and how Markdown's lists are indented.
Only :func:`on_files` needs mkdocs, so that tests can read the rest without it.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FRONT = "README.md"

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:)([^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r" *(```|~~~)")
_ITEM = re.compile(r"( *)([-*+]|\d+\.) +(?=\S)")
_SECTION = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)


def sections(readme: str) -> dict[str, list[tuple[str, str]]]:
    """The names and files of the pages, by section, as the README's last list gives them."""
    more = readme.split("\n## More\n")[1]
    return {name: re.findall(r"\[([^\]]+)\]\(([^)#]+)\)", links) for name, links in _SECTION.findall(more)}


def place(path: str) -> str:
    """Where a file of the repository lies in the site.

    What is not in docs/ has a folder of its own, as SECURITY.md is not docs/security.md.
    """
    if path == FRONT:
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"project/{path}"


def linked(path: str, text: str) -> set[str]:
    """The files of the repository that a page links to."""
    return {_target(path, link) for _, part in _parts(text) for _, _, link, _ in _LINK.findall(part)}


def relinked(path: str, text: str) -> str:
    """A page whose links lead to where files lie in the site; folders, which no site shows, are named without a link."""

    def new(match: re.Match[str]) -> str:
        image, words, link, anchor = match.groups(default="")
        target = _target(path, link)
        if (ROOT / target).is_dir():
            return words
        return f"{image}[{words}]({posixpath.relpath(place(target), posixpath.dirname(place(path)) or '.')}{anchor})"

    return "".join(_LINK.sub(new, part) if prose else part for prose, part in _parts(text))


def indented(text: str) -> str:
    """A page whose lists python-markdown understands.

    It wants four columns per level, a blank line before the first item, and something between a list of numbers and one of dots.
    """
    lines: list[str] = []
    levels: list[tuple[int, int]] = []  # columns of the marker and of the content
    fenced, loose, last = False, False, ""
    for line in text.splitlines():
        column = len(line) - len(line.lstrip())
        item = None if fenced else _ITEM.match(line)
        if line.strip() and not fenced:
            while levels and (column < levels[-1][1] if not item else column <= levels[-1][0]):
                levels.pop()
        if item:
            kind = item[2][-1]
            if lines and lines[-1].strip() and (loose if levels or last else not _ITEM.match(lines[-1])):
                lines.append("")
            elif not levels and last not in ("", kind):
                lines.extend(("", "<!-- another list -->", ""))
            last = kind if not levels else last
            lines.append("    " * len(levels) + line[column:])
            levels.append((column, item.end()))
            loose = False
        else:
            loose = loose or not line.strip()
            last = "" if line.strip() and not levels else last
            kept = min(column, levels[-1][1]) if levels else 0
            lines.append(("    " * len(levels) + line[kept:]) if line.strip() else "")
        fenced ^= bool(_FENCE.match(line))
    return "\n".join(lines) + "\n"


def _target(path: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Prose and code of a page in turn."""
    for index, part in enumerate(re.split(r"(^ *```.*?^ *```|`[^`\n]+`(?!\]))", text, flags=re.DOTALL | re.MULTILINE)):
        yield index % 2 == 0, part


def on_config(config: Any) -> Any:
    """The README tells the order of the pages."""
    listed = sections((ROOT / FRONT).read_text("utf-8"))
    pages = [{name: [{title[0].upper() + title[1:]: place(file)} for title, file in files]} for name, files in listed.items()]
    config.nav = [{"Overview": "index.md"}, *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds what lies outside docs/ and is linked to."""
    from mkdocs.structure.files import File

    waiting = [FRONT, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if not path.startswith("docs/"):
            files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            new = {target for target in linked(path, (ROOT / path).read_text("utf-8")) if (ROOT / target).is_file()} - seen
            seen |= new
            waiting.extend(new)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Brings a page into the form of the site."""
    path = str(Path(page.file.abs_src_path).relative_to(ROOT))
    if path == FRONT:
        page.meta["hide"] = ["navigation"]
    return indented(relinked(path, markdown))
