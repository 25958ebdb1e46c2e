"""The rehearsal's report as one HTML page: no script, nothing fetched, everything escaped, readable on a telephone."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, Final

from app.comparing.report import counted, percent

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--line:#d0d7de;--soft:#f3f5f7;--good:#116329;--bad:#a40e26}
@media (prefers-color-scheme:dark){
:root{--ink:#e6edf3;--dim:#9aa6b2;--paper:#0f141a;--line:#39424c;--soft:#181f27;--good:#57c270;--bad:#ff8b84}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem}
p,td,th,summary,li{overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.verdict{padding:.75rem 1rem;border-left:.4rem solid;background:var(--soft);font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%}
caption{text-align:left;color:var(--dim)}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
.number{text-align:right;font-variant-numeric:tabular-nums}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
summary:focus-visible{outline:2px solid;outline-offset:4px}
details table{margin-top:.5rem}
@media (min-width:40.01rem){td:first-child,th:first-child{min-width:11rem}}
@media (max-width:40rem){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}
th,td,.number{display:block;border:0;padding:.1rem 0;text-align:left}
td:empty{display:none}
td[data-name]::before{content:attr(data-name) ": ";color:var(--dim)}}
"""
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
_MOST_ROWS: Final = 1_000


def page(document: Mapping[str, Any]) -> str:
    """The page.

    Args:
        document: What ``Report.document`` gives.
    """
    holds = document["holds"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
        '<meta name="robots" content="noindex">',
        f"<title>Rehearsal: {'holds' if holds else 'does not hold'}</title>",
        f"<style>{_STYLE}</style></head><body>",
        "<header><h1>Outbound and real-time compared</h1>",
        f'<p class="verdict {"good" if holds else "bad"}">{escape(document["summary"])}</p></header>',
        "<main>",
        *_facts(document),
        *_operations(document),
        *_differences(document),
        *_events(document),
        *_failures(document["failures"]),
        *_not_compared(document),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _facts(document: Mapping[str, Any]) -> Iterable[str]:
    rows = [
        ("Began", f"{document['began']}, took {document['seconds']} s"),
        ("Events", "all that are published" if document["event"] is None else f"only {document['event']}"),
    ]
    for side in ("outbound", "realtime"):
        found = document[side]
        rows.append((side.capitalize(), f"{found['endpoint']} - {counted(found['total'], 'read')}, {found['failed']} failed"))
    rows.append(("Version", document["version"]))
    yield "<table><tbody>"
    yield from (f'<tr><th scope="row">{escape(name)}</th><td>{escape(words)}</td></tr>' for name, words in rows)
    yield "</tbody></table>"


def _operations(document: Mapping[str, Any]) -> Iterable[str]:
    rows = []
    different = [row["operation"] for row in document["differences"]]
    for name, found in document["operations"].items():
        share = found["percent"]
        total = sum(sum(field["seen"].values()) for field in found["fields"].values())
        good = share is not None and share >= document["threshold"]
        words = "-" if share is None else percent(share)
        rows.append(
            (
                f"<code>{escape(name)}</code>",
                f'<span class="{"good" if good else "bad"}">{words}</span>',
                total,
                different.count(name),
            )
        )
    yield from _table(
        "Operations",
        ("Operation", "Equal", "Fields compared", "Paths that differ"),
        rows,
        "Nothing was compared.",
        numbers=(1, 2, 3),
    )


def _differences(document: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>What differs</h2>"
    if not document["differences"]:
        yield "<p>Nothing beyond noise.</p>"
    for row in document["differences"]:
        field = document["operations"][row["operation"]]["fields"][row["path"]]
        counts = ", ".join(
            f"{row[name]} {words}"
            for name, words in (
                ("differs", "differ"),
                ("missing_right", "missing in real-time"),
                ("missing_left", "missing in outbound"),
                ("equal", "equal"),
            )
            if row[name]
        )
        noise = f"; noise {row['noise']} %" if row["noise"] else ""
        yield f"<details><summary><code>{escape(row['operation'])}</code> <strong><code>{escape(row['path'])}</code></strong> "
        yield f'<span class="dim">{escape(counts + noise)}</span></summary>'
        yield from _rows(("Where", "Outbound", "Real-time"), [_sample(sample) for sample in field["samples"]], ())
        yield "</details>"


def _sample(sample: Mapping[str, Any]) -> tuple[str, str, str]:
    def value(text: str | None, missing: bool) -> str:
        if missing:
            return '<span class="dim">missing</span>'
        if sample["personal"]:
            return '<span class="dim">personal, not shown</span>'
        return '<span class="dim">there</span>' if text is None else f"<pre>{escape(text)}</pre>"

    verdict = sample["verdict"]
    left, right = value(sample["left"], verdict == "missing left"), value(sample["right"], verdict == "missing right")
    return escape(sample["item"]), left, right


def _events(document: Mapping[str, Any]) -> Iterable[str]:
    unequal = sorted((event for event in document["events"] if event["unequal"]), key=lambda event: -event["unequal"])
    rows = [
        (escape(event["event"]), escape(event["realtime"]), event["compared"], event["unequal"]) for event in unequal[:_MOST_ROWS]
    ]
    yield from _table(
        "Events that are not equal", ("Event", "In real-time", "Fields compared", "Not equal"), rows, "None.", numbers=(2, 3)
    )
    for side, title in (("only_outbound", "Listed only in outbound"), ("only_realtime", "Listed only in real-time")):
        lonely = [
            (escape(event["event"]), escape(event["name"]), escape(event["start"]), _hint(event["namesake"]))
            for event in document[side][:_MOST_ROWS]
        ]
        yield from _table(title, ("Event", "Name", "Start", "Hint"), lonely, "None.")


def _hint(namesake: str) -> str:
    return f"{escape(namesake)} has the same name: an alias would join them." if namesake else ""


def _failures(failures: Sequence[Mapping[str, str]]) -> Iterable[str]:
    rows = [tuple(escape(failure[name]) for name in ("side", "operation", "event", "code", "cause")) for failure in failures]
    yield from _table("Reads that failed", ("Organisation", "Operation", "Event", "Error", "Cause"), rows, "None.")


def _not_compared(document: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Not compared</h2><details><summary>By design</summary>"
    yield from _rows(("Field", "Why"), [(escape(name), escape(why)) for name, why in document["not_compared"].items()], ())
    yield "</details>"
    if document["ignored"]:
        yield "<p>By ignore rules:</p><ul>"
        yield from (f"<li><code>{escape(rule)}</code></li>" for rule in document["ignored"])
        yield "</ul>"


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str, *, numbers: Sequence[int] = ()
) -> Iterable[str]:
    yield f"<h2>{title}</h2>"
    if rows:
        yield from _rows(head, rows, numbers)
    else:
        yield f"<p>{nothing}</p>"


def _rows(head: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]) -> Iterable[str]:
    """A table; cells are HTML already."""
    kinds = [' class="number"' if number in numbers else "" for number in range(len(head))]
    yield "<table><thead><tr>"
    yield from (f'<th scope="col"{kind}>{name}</th>' for name, kind in zip(head, kinds, strict=True))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = zip(head, row, kinds, strict=True)
        yield "<tr>" + "".join(f'<td data-name="{name}"{kind}>{cell}</td>' for name, cell, kind in cells) + "</tr>"
    yield "</tbody></table>"
