"""A body of 200 MB through the proxy: how much memory does it take?"""

from dataclasses import dataclass
from http.client import HTTPConnection
from time import perf_counter
from typing import Final

from benchmarks.contestants.case import Site
from benchmarks.contestants.product import LARGEST_IMAGE, evtmgmt_proxy
from benchmarks.material import IMAGE_BYTES, OLD_BASE, SPEAKER, Bodies
from benchmarks.processes import HOST, Cores, FailedError, Fleet, free_ports
from benchmarks.upstream import Upstream

_PIECE: Final = 2**18


@dataclass(frozen=True, slots=True)
class Streamed:
    """What it took.

    Attributes:
        before: Bytes resident of the idle proxy, at most.
        peak: The same when the body was through.
        seconds: How long it took.
    """

    before: int
    peak: int
    seconds: float


def stream_image(fleet: Fleet, upstream: Upstream, bodies: Bodies, cores: Cores) -> Streamed:
    """Fetch one image of 200 MB, the cap raised for it.

    Raises:
        FailedError: It did not come whole.
    """
    (port,) = free_ports(1)
    launch = evtmgmt_proxy(**{LARGEST_IMAGE: str(2 * IMAGE_BYTES)})(Site(port, upstream.port, bodies))
    proxy = fleet.start("evtmgmt-proxy, an image of 200 MB", launch, cores.contestant)
    connection = HTTPConnection(HOST, port, timeout=60)
    try:
        proxy.wait_for_port(port)
        before = proxy.memory("VmHWM")
        started = perf_counter()
        connection.request("GET", f"{OLD_BASE}speakers/{SPEAKER}/image")
        answer = connection.getresponse()
        size = 0
        while piece := answer.read(_PIECE):
            size += len(piece)
        if answer.status != 200 or size != IMAGE_BYTES:
            raise FailedError(f"the image of 200 MB came with status {answer.status} and {size} bytes")
        return Streamed(before, proxy.memory("VmHWM"), perf_counter() - started)
    finally:
        connection.close()
        fleet.stop([proxy])
