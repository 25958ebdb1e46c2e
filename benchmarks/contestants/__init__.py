"""Everybody that takes part, in the order of the tables."""

from typing import Final

from benchmarks.contestants.case import OTHER_EVENTS, OTHER_LISTS, REGISTERING, Case, Kind, same_event, same_list
from benchmarks.contestants.nginx import caching, passing
from benchmarks.contestants.product import CACHE, evtmgmt_proxy
from benchmarks.contestants.programs import ceiling, library, naive, node
from benchmarks.contestants.servers import caddy, haproxy, varnish
from benchmarks.material import Bodies

HIT: Final = "evtmgmt-proxy, hit"
MISS: Final = "evtmgmt-proxy, miss"
LIST_HIT: Final = "evtmgmt-proxy, list of 500, hit"
LIST_CEILING: Final = "raw ASGI on uvicorn, list of 500 from memory"
CEILING: Final = "raw ASGI on uvicorn, bytes from memory"
NGINX: Final = "nginx, passing on"
CADDY: Final = "Caddy, passing on"
NODE: Final = "Node http by hand, passing on"

_ON: Final = {CACHE: "true"}
_OFF: Final = {CACHE: "false"}


def _event(bodies: Bodies) -> bytes:
    return bodies.event


def _event_old(bodies: Bodies) -> bytes:
    return bodies.event_old


def _events_old(bodies: Bodies) -> bytes:
    return bodies.events_old


def _registered(_: Bodies) -> bytes:
    """The upstream's answer brought into the old form (CONTRACT 1.2): portals need the status."""
    return b'{"status":"Success","errorMessage":null,"errorCode":null,"redirectUrl":null,"purchaseId":null}'


CASES: Final = (
    Case(HIT, Kind.PRODUCT, evtmgmt_proxy(**_ON), same_event(0), _event_old, mark="hit"),
    Case(MISS, Kind.PRODUCT, evtmgmt_proxy(**_OFF), OTHER_EVENTS, _event_old),
    Case("evtmgmt-proxy, miss, kept", Kind.PRODUCT, evtmgmt_proxy(**_ON), OTHER_EVENTS, _event_old, mark="hit"),
    Case(LIST_HIT, Kind.PRODUCT, evtmgmt_proxy(**_ON), same_list(0), _events_old, mark="hit"),
    Case("evtmgmt-proxy, list of 500, miss", Kind.PRODUCT, evtmgmt_proxy(**_OFF), OTHER_LISTS, _events_old),
    Case("evtmgmt-proxy, POST registration", Kind.PRODUCT, evtmgmt_proxy(**_ON), REGISTERING, _registered),
    Case(NGINX, Kind.PASSING, passing, OTHER_EVENTS, _event, ("nginx",)),
    Case("HAProxy, passing on", Kind.PASSING, haproxy, OTHER_EVENTS, _event, ("haproxy",)),
    Case(CADDY, Kind.PASSING, caddy, OTHER_EVENTS, _event, ("caddy",)),
    Case(NODE, Kind.PASSING, node, OTHER_EVENTS, _event, ("node",)),
    Case("FastAPI + httpx, as everyone writes it", Kind.PASSING, naive, OTHER_EVENTS, _event),
    Case("fastapi-proxy-lib", Kind.PASSING, library, OTHER_EVENTS, _event, module="fastapi_proxy_lib"),
    Case("nginx proxy_cache, hit", Kind.CACHE, caching, same_event(0), _event, ("nginx",)),
    Case("Varnish, hit", Kind.CACHE, varnish, same_event(0), _event, ("varnishd",)),
    Case(CEILING, Kind.CEILING, ceiling(_event_old), same_event(0), _event_old),
    Case(LIST_CEILING, Kind.CEILING, ceiling(_events_old), same_list(0), _events_old),
)
