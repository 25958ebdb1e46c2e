"""All that spans may hold: a closed list, as for metrics. What is not in it is left out before anything is sent.

The names without ``evtmgmt.`` are OpenTelemetry's semantic conventions for HTTP. Their addresses, queries, user agents and
clients are not here: they hold tokens and visitors' data.
"""

from typing import Final

METHOD: Final = "http.request.method"
ROUTE: Final = "http.route"
STATUS: Final = "http.response.status_code"
RESEND: Final = "http.request.resend_count"
TEMPLATE: Final = "url.template"
ERROR: Final = "error.type"

ATTRIBUTES: Final = frozenset(
    {
        *(METHOD, ROUTE, STATUS, RESEND, TEMPLATE, ERROR),
        "evtmgmt.backend",
        "evtmgmt.cache",
        "evtmgmt.error",
        "evtmgmt.gone",
        "evtmgmt.lane",
        "evtmgmt.need",
        "evtmgmt.operation",
        "evtmgmt.organisation",
        "evtmgmt.outcome",
        "evtmgmt.portal",
        "evtmgmt.reason",
        "evtmgmt.what",
    }
)
"""Attributes of spans and of events. docs/observability.md describes each; a test compares."""

BREAKER_OPEN: Final = "breaker open"
BREAKER_REFUSED: Final = "breaker refused"
BUDGET_REFUSED: Final = "budget refused"
NO_PLACE: Final = "no place"
RETRY: Final = "retry"
RETRY_REFUSED: Final = "retry refused"
SHARED: Final = "call shared"
SHED: Final = "shed"
EVENTS: Final = frozenset(
    {BREAKER_OPEN, BREAKER_REFUSED, BUDGET_REFUSED, NO_PLACE, RETRY, RETRY_REFUSED, SHARED, SHED},
)
"""Names of events. The same page describes them."""

METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Methods by name; any other is ``_OTHER``, as the conventions say: a caller can make up one of any kind."""
