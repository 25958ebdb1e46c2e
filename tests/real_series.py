"""The series, labels and label values that the proxy really has: what rules, dashboard and documentation may ask for."""

import re
from functools import cache
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from app.metrics import UNMATCHED, Metrics
from tests.promql import Selector, groupings, selectors
from translation.errors import ERRORS
from translation.operations import BY_NAME

ROOT = Path(__file__).parent.parent
OUTER = {"job", "instance", "portal"}
"""Labels that Prometheus adds, and the one that all metrics have where there are several portals."""
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_STATUSES = {str(status) for status in (200, 204, 206, 302, 304, 400, 401, 403, 404, 409, 410, 429, 499, 500, 501, 502, 503, 504)}


@cache
def real_series() -> dict[str, frozenset[str]]:
    """Name of each series and its own labels."""
    found = {"up": frozenset[str]()}
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            for suffix in _SUFFIXES[metric._type]:
                more = {"le"} if suffix == "_bucket" else set()
                found[metric._name + suffix] = frozenset({*metric._labelnames, *more})
    return found


@cache
def _documented() -> dict[str, set[str]]:
    """The words of docs/metrics.md about each metric that stand as code."""
    parts = re.split(r"^## (\w+)\n", (ROOT / "docs" / "metrics.md").read_text("utf-8"), flags=re.MULTILINE)
    return {name: set(re.findall(r"`([^`\s]+)`", text)) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _values(series: str, label: str) -> set[str]:
    match label:
        case "operation":
            return {*BY_NAME, UNMATCHED, "*"}
        case "code":
            return set(ERRORS)
        case "status":
            return _STATUSES
    words = _documented()[series]
    return words | (_STATUSES | set(ERRORS) if label == "outcome" else set())


def mistakes(expression: str, recorded: dict[str, set[str]] | None = None) -> list[str]:
    """What an expression asks for that does not exist.

    Args:
        expression: In PromQL, without a dashboard's variables.
        recorded: Series of recording rules and their labels.
    """
    labels_of = {**real_series(), **(recorded or {})}
    told = []
    for selector in selectors(expression):
        if selector.series not in labels_of:
            told.append(f"no series {selector.series}")
        else:
            told += _wrong_matchers(selector, labels_of[selector.series] | OUTER)
    for grouping in groupings(expression):
        known = [labels_of[inner.series] | OUTER for inner in selectors(grouping.body) if inner.series in labels_of]
        if not known:
            continue  # their series were told of
        whole = set.intersection(*map(set, known)) if grouping.word == "by" else set().union(*known)
        told += [f"no label {label} in {grouping.body}" for label in grouping.labels if label not in whole]
    return told


def _wrong_matchers(selector: Selector, labels: frozenset[str] | set[str]) -> list[str]:
    told = []
    for label, sign, value in selector.matchers:
        if label not in labels:
            told.append(f"{selector.series} has no label {label}")
        elif label not in OUTER and ":" not in selector.series:
            known = _values(selector.series, label)
            for part in value.split("|") if "~" in sign else [value]:
                if not (any(re.fullmatch(part, one) for one in known) if "~" in sign else part in known):
                    told.append(f"{selector.series} has no {label}={part}")
    return told
