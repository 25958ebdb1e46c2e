"""The fast upstream: nginx with the organisation's answers as files, which refuses what does not carry token and origin.

So a contestant that does not replace the token or set the origin fails loudly, under load as well. Its counter tells how many
calls really arrived: what is called a hit must make none, what is called a miss must make one each.
"""

import re
from http.client import HTTPConnection
from typing import Final

from benchmarks.contestants.nginx import nginx_launch
from benchmarks.material import ACCEPTED, IMAGE_BYTES, NEW_BASE, ORIGIN, PNG, SERVER_TOKEN, Bodies
from benchmarks.processes import HOST, FailedError, Fleet, Running, free_ports

_STATUS: Final = re.compile(r"^ *\d+ \d+ (\d+) *$", re.MULTILINE)


def upstream_config(port: int, counter_port: int) -> str:
    """The ``http`` block of the upstream's configuration.

    Args:
        port: Where it answers as the organisation.
        counter_port: Where it tells how many requests it had.
    """
    base = re.escape(NEW_BASE)
    return f"""
    default_type application/json;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    server {{
        listen {HOST}:{counter_port};
        location = /count {{ stub_status; }}
    }}
    server {{
        listen {HOST}:{port} backlog=4096;
        root answers;
        if ($arg_emApplicationtoken != "{SERVER_TOKEN}") {{ return 401; }}
        if ($http_origin != "{ORIGIN}") {{ return 403; }}
        location = {NEW_BASE}events/published {{ try_files /events.json =500; }}
        location ~ "^{base}events/[^/]+$" {{ try_files /event.json =500; }}
        location ~ "^{base}events/[^/]+/registrations$" {{ return 200 '{ACCEPTED.decode()}'; }}
        location ~ "^{base}speakers/[^/]+/image$" {{ default_type image/png; try_files /image.png =500; }}
        location / {{ return 404; }}
    }}
"""


class Upstream:
    """The running upstream.

    Attributes:
        port: Where it answers as the organisation.
    """

    def __init__(self, fleet: Fleet, bodies: Bodies, cores: frozenset[int] | None) -> None:
        """Start it.

        Raises:
            FailedError: It does not start, or does not refuse what it must.
        """
        self.port, self._counter_port = free_ports(2)
        answers = fleet.folder / "answers"
        answers.mkdir()
        (answers / "event.json").write_bytes(bodies.event)
        (answers / "events.json").write_bytes(bodies.events)
        with (answers / "image.png").open("wb") as image:
            image.write(PNG)
            image.truncate(IMAGE_BYTES)  # a file of holes: it takes no room on the disk
        launch = nginx_launch(upstream_config(self.port, self._counter_port).replace("root answers", f"root {answers}"))
        self.running: Running = fleet.start("the upstream", launch, cores)
        self.running.wait_for_port(self.port)
        self._must_refuse()

    def calls(self) -> int:
        """How many requests arrived so far, those of this counter not counted."""
        connection = HTTPConnection(HOST, self._counter_port, timeout=10)
        try:
            connection.request("GET", "/count")
            found = _STATUS.search(connection.getresponse().read().decode())
        finally:
            connection.close()
        self._asked += 1
        if found is None:
            raise FailedError("the upstream does not count")
        return int(found[1]) - self._asked

    _asked = 0

    def _must_refuse(self) -> None:
        for query, origin, status in (("", ORIGIN, 401), (f"?emApplicationtoken={SERVER_TOKEN}", "https://other.invalid", 403)):
            connection = HTTPConnection(HOST, self.port, timeout=10)
            try:
                connection.request("GET", f"{NEW_BASE}events/any{query}", headers={"Origin": origin})
                if connection.getresponse().status != status:
                    raise FailedError("the upstream takes calls without token or origin, so it would prove nothing")
            finally:
                connection.close()
