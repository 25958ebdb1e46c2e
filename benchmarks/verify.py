"""Before anything is measured: each contestant answers a real request rightly. Who is fast because it is wrong does not count.

That the token is replaced and the origin set, the upstream sees to: it refuses everything else.
"""

from http.client import HTTPConnection, HTTPException, HTTPResponse

import orjson

from benchmarks.contestants.case import REGISTERING, Case
from benchmarks.material import ORIGIN, REGISTRATION, Bodies
from benchmarks.processes import HOST, FailedError


def verify(case: Case, port: int, bodies: Bodies) -> None:
    """Ask twice, as the second answer may come from a cache.

    Raises:
        FailedError: An answer is wrong.
    """
    for first in (True, False):
        try:
            answer, body = _ask(case, port)
        except (OSError, HTTPException) as failure:
            raise FailedError(f"{case.name}: {type(failure).__name__}") from failure
        wrong = _wrong(case, answer, body, bodies)
        if wrong is None and case.mark is not None and not first and answer.getheader("x-evtmgmt-cache") != case.mark:
            wrong = f"X-EvtMgmt-Cache is {answer.getheader('x-evtmgmt-cache')}, not {case.mark}"
        if wrong is not None:
            raise FailedError(f"{case.name}: {wrong}")


def _ask(case: Case, port: int) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(HOST, port, timeout=20)
    try:
        posting = case.job == REGISTERING
        headers = {"Origin": ORIGIN} | ({"Content-Type": "application/json"} if posting else {})
        connection.request("POST" if posting else "GET", case.job.example, REGISTRATION if posting else None, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def _wrong(case: Case, answer: HTTPResponse, body: bytes, bodies: Bodies) -> str | None:
    if answer.status != 200:
        return f"status {answer.status}: {body[:200]!r}"
    if answer.getheader("access-control-allow-origin") != ORIGIN:
        return "no CORS header for the portal"
    try:
        same = orjson.loads(body) == orjson.loads(case.right(bodies))
    except orjson.JSONDecodeError:
        return f"no JSON: {body[:200]!r}"
    return None if same else f"another answer than is right: {body[:200]!r}"
