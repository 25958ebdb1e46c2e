"""Writes the dashboard: python deploy/grafana/dashboard.py > deploy/grafana/dashboards/evtmgmt-proxy.json.

Panels are written once, here, as a title and its queries; Grafana's document repeats itself too much to be kept by hand.
"""

import json
import sys
from typing import Any, Final

ALL: Final = 'job=~"$job", instance=~"$instance", portal=~"$portal"'
"""What the reader has chosen. A portal's name is empty where there is only one."""
OPERATIONS: Final = f'{ALL}, operation!="unmatched"'
REGISTRATIONS: Final = f'{ALL}, operation=~"register|finalize_registration|register_user_for_session"'
PROCESSES: Final = 'job=~"$job", instance=~"$instance"'
FAILED: Final = 'status=~"5..", status!="501"'
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}

Query = tuple[str, str]
"""An expression and the legend of its lines."""


def rate(series: str, by: str, chosen: str = ALL) -> Query:
    """What a counter grows by in a second, for each value of some labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return f"sum by ({by}) (rate({series}{{{chosen}}}[$__rate_interval]))", legend


def total(series: str, legend: str, chosen: str = ALL) -> Query:
    """What a counter grows by in a second, all labels together."""
    return f"sum(rate({series}{{{chosen}}}[$__rate_interval]))", legend


def quantile(share: float, series: str, legend: str, chosen: str, by: str = "") -> Query:
    """A quantile of a histogram."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({series}_bucket{{{chosen}}}[$__rate_interval])))", legend


def ratio(part: str, whole: str) -> str:
    """A part of the whole; 0 where nothing of the part was ever counted."""
    return f"(sum(rate({part}[$__rate_interval])) or vector(0)) / sum(rate({whole}[$__rate_interval]))"


def stat(title: str, expression: str, unit: str, steps: list[tuple[float | None, str]], about: str) -> dict[str, Any]:
    """One number."""
    return _panel("stat", title, [(expression, title)], unit, about) | {
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "noValue": "-",
                "thresholds": {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]},
            },
            "overrides": [],
        },
    }


def graph(title: str, unit: str, *queries: Query, about: str = "", stacked: bool = False) -> dict[str, Any]:
    """Lines over time."""
    return _panel("timeseries", title, list(queries), unit, about) | {
        "options": {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": 0,
                "custom": {"fillOpacity": 20 if stacked else 5, "stacking": {"mode": "normal" if stacked else "none"}},
            },
            "overrides": [],
        },
    }


def _panel(kind: str, title: str, queries: list[Query], unit: str, about: str) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
        for number, (expression, legend) in enumerate(queries)
    ]
    return {"type": kind, "title": title, "description": about, "datasource": SOURCE, "targets": targets}


GOOD_AT_ZERO: Final[list[tuple[float | None, str]]] = [(None, "green"), (1, "red")]
NOW: Final = [
    stat("Ready", f"min(evtmgmt_ready{{{ALL}}})", "short", [(None, "red"), (1, "green")], "0: Dynamics refuses the token."),
    stat(
        "Requests", f"sum(rate(evtmgmt_requests_total{{{OPERATIONS}}}[$__rate_interval]))", "reqps", [(None, "blue")], "A second."
    ),
    stat(
        "Failed",
        ratio(f"evtmgmt_requests_total{{{OPERATIONS}, {FAILED}}}", f"evtmgmt_requests_total{{{OPERATIONS}}}"),
        "percentunit",
        [(None, "green"), (0.005, "yellow"), (0.05, "red")],
        "5xx, without what neither API can do (501).",
    ),
    stat(
        "95 % answered within",
        quantile(0.95, "evtmgmt_request_seconds", "", OPERATIONS)[0],
        "s",
        [(None, "green"), (1, "yellow"), (3, "red")],
        "What visitors wait for.",
    ),
    stat(
        "Served from the cache",
        ratio(f'evtmgmt_cache_total{{{ALL}, outcome=~"hit|stale"}}', f"evtmgmt_cache_total{{{ALL}}}"),
        "percentunit",
        [(None, "red"), (0.5, "yellow"), (0.8, "green")],
        "Of the reads whose answers are kept.",
    ),
    stat("In flight", f"sum(evtmgmt_in_flight{{{ALL}}})", "short", [(None, "blue")], "Requests being answered."),
    stat(
        "Worst breaker",
        f"max(evtmgmt_breaker_state{{{ALL}}})",
        "short",
        [(None, "green"), (1, "yellow"), (2, "red")],
        "0 closed, 1 tries, 2 open.",
    ),
    stat(
        "Alerts",
        'count(ALERTS{alertname=~"EvtMgmt.*", alertstate="firing"}) or vector(0)',
        "short",
        GOOD_AT_ZERO,
        "That fire now; docs/runbook.md says what to do.",
    ),
]
ROWS: Final[list[tuple[str, list[dict[str, Any]]]]] = [
    (
        "Visitors",
        [
            graph("Requests by operation", "reqps", rate("evtmgmt_requests_total", "operation", OPERATIONS), stacked=True),
            graph("Requests by status", "reqps", rate("evtmgmt_requests_total", "status", OPERATIONS), stacked=True),
            graph(
                "Errors by code", "reqps", rate("evtmgmt_errors_total", "code"), about="docs/errors.md has a section for each."
            ),
            graph(
                "Time of answers",
                "s",
                *(quantile(share, "evtmgmt_request_seconds", f"{share:.0%}", OPERATIONS) for share in (0.5, 0.95, 0.99)),
            ),
            graph("Registrations by status", "reqps", rate("evtmgmt_requests_total", "status", REGISTRATIONS)),
            graph(
                "Left and refused",
                "reqps",
                total("evtmgmt_client_disconnects_total", "clients that left"),
                rate("evtmgmt_shed_total", "what"),
                about="Refused at once: reads, registrations, connections, stopping.",
            ),
        ],
    ),
    (
        "Dynamics",
        [
            graph("Calls to Dynamics", "reqps", rate("evtmgmt_upstream_requests_total", "backend, outcome"), stacked=True),
            graph(
                "Time of calls to Dynamics",
                "s",
                *(
                    quantile(share, "evtmgmt_upstream_seconds", f"{{{{backend}}}} {share:.0%}", ALL, "backend")
                    for share in (0.5, 0.95)
                ),
            ),
            graph(
                "Budget",
                "short",
                (f"sum by (backend) (evtmgmt_budget_tokens{{{ALL}}})", "calls left: {{backend}}"),
                rate("evtmgmt_budget_refused_total", "need, reason"),
            ),
            graph(
                "Breakers",
                "short",
                (f"max by (backend, lane) (evtmgmt_breaker_state{{{ALL}}})", "{{backend}} {{lane}}"),
                (
                    f"sum by (backend, lane) (increase(evtmgmt_breaker_opened_total{{{ALL}}}[$__rate_interval]))",
                    "opened: {{lane}}",
                ),
                rate("evtmgmt_breaker_refused_total", "backend, lane"),
                about="0 closed, 1 tries, 2 open.",
            ),
            graph(
                "Calls made once more",
                "reqps",
                rate("evtmgmt_retries_total", "backend, lane"),
                rate("evtmgmt_retries_refused_total", "backend, reason"),
                about="And those that were not, by reason.",
            ),
            graph("Calls saved", "reqps", total("evtmgmt_shared_reads_total", "shared with an identical read")),
        ],
    ),
    (
        "Cache",
        [
            graph("Reads by what the cache did", "reqps", rate("evtmgmt_cache_total", "outcome"), stacked=True),
            graph("Refreshes", "reqps", rate("evtmgmt_refreshes_total", "outcome"), about="Reads that no visitor waited for."),
            graph("Bytes kept", "bytes", (f"sum by (instance) (evtmgmt_cache_bytes{{{ALL}}})", "{{instance}}")),
            graph(
                "Answers kept",
                "short",
                (f"sum by (instance) (evtmgmt_cache_entries{{{ALL}}})", "{{instance}}"),
                total("evtmgmt_cache_evictions_total", "forgotten for room, a second"),
            ),
        ],
    ),
    (
        "Cutover",
        [
            graph("Requests by organisation", "reqps", rate("evtmgmt_requests_total", "backend", OPERATIONS), stacked=True),
            graph("Shadow", "reqps", rate("evtmgmt_shadow_total", "outcome")),
            graph(
                "Watcher",
                "short",
                (f"max(evtmgmt_latched{{{ALL}}})", "latched"),
                (
                    f"sum by (operation) (increase(evtmgmt_rollbacks_total{{{ALL}}}[$__rate_interval]))",
                    "moved back: {{operation}}",
                ),
                (
                    f"sum by (reason) (increase(evtmgmt_rollbacks_refused_total{{{ALL}}}[$__rate_interval]))",
                    "could not: {{reason}}",
                ),
            ),
            graph(
                "State",
                "short",
                (f"max by (instance) (evtmgmt_cutover_version{{{ALL}}})", "version: {{instance}}"),
                (f"max by (instance) (evtmgmt_archive_events{{{ALL}}})", "archived events: {{instance}}"),
                rate("evtmgmt_partial_lists_total", "backend"),
                rate("evtmgmt_backend_overrides_total", "outcome"),
                about="Events in the archive, lists without one side's events, testers' choices of a side.",
            ),
        ],
    ),
    (
        "Outbox",
        [
            graph("Registrations in the outbox", "short", (f"max by (state) (evtmgmt_outbox_entries{{{ALL}}})", "{{state}}")),
            graph("The oldest has waited", "s", (f"max(evtmgmt_outbox_oldest_seconds{{{ALL}}})", "oldest")),
            graph("What became of them", "reqps", rate("evtmgmt_outbox_total", "outcome")),
            graph("Not stored", "reqps", rate("evtmgmt_outbox_refused_total", "reason")),
        ],
    ),
    (
        "Portals and abuse",
        [
            graph("Came too often", "reqps", rate("evtmgmt_limited_total", "scope")),
            graph("Challenge", "reqps", rate("evtmgmt_challenges_total", "outcome")),
            graph(
                "Other refusals",
                "reqps",
                total("evtmgmt_refused_origins_total", "pages of other origins"),
                total("evtmgmt_rates_alone_total", "counted without Redis"),
            ),
            graph(
                "Mended and left out",
                "reqps",
                rate("evtmgmt_repairs_total", "repair"),
                total("evtmgmt_dropped_query_parameters_total", "query parameters not sent on"),
            ),
        ],
    ),
    (
        "Configuration",
        [
            graph(
                "Settings serve for",
                "s",
                (f"time() - min by (instance) (evtmgmt_config_loaded_timestamp_seconds{{{PROCESSES}}})", "{{instance}}"),
            ),
            graph(
                "Reloads",
                "short",
                (f"min by (instance) (evtmgmt_config_last_reload_successful{{{PROCESSES}}})", "last one good: {{instance}}"),
                (f"sum by (outcome) (increase(evtmgmt_config_reloads_total{{{PROCESSES}}}[$__rate_interval]))", "{{outcome}}"),
                (f'count(count_values("hash", evtmgmt_config_hash{{{PROCESSES}}}))', "different settings"),
            ),
        ],
    ),
]


def variable(name: str, label: str, series: str) -> dict[str, Any]:
    """A choice at the top."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": f"label_values({series}, {name})", "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard() -> dict[str, Any]:
    """The whole document."""
    panels: list[dict[str, Any]] = []
    for number, panel in enumerate(NOW):
        panels.append(panel | {"gridPos": {"x": number * 3, "y": 0, "w": 3, "h": 4}})
    y = 4
    for title, graphs in ROWS:
        panels.append(
            {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}}
        )
        y += 1
        for number, panel in enumerate(graphs):
            panels.append(panel | {"gridPos": {"x": number % 2 * 12, "y": y + number // 2 * 8, "w": 12, "h": 8}})
        y += (len(graphs) + 1) // 2 * 8
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return {
        "uid": "evtmgmt-proxy",
        "title": "evtmgmt-proxy",
        "tags": ["evtmgmt-proxy"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus"},
                variable("job", "Job", "evtmgmt_ready"),
                variable("instance", "Replica", "evtmgmt_ready"),
                variable("portal", "Portal", "evtmgmt_ready"),
            ]
        },
        "panels": panels,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=1) + "\n")
