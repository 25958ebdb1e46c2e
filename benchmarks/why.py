"""Why calls reached Dynamics: the first for an answer, or once more, as it had aged or as a replica went on alone."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

from benchmarks.processes import HOST, FailedError
from translation.freshness import Freshness
from translation.operations import BY_NAME

_SAMPLE: Final = re.compile(r"^(evtmgmt_(?:second_level|refreshes|redis_alone)_total)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_TOLD_BY: Final = {
    "evtmgmt_second_level_total": "outcome",
    "evtmgmt_refreshes_total": "outcome",
    "evtmgmt_redis_alone_total": "part",
}


@dataclass(frozen=True, slots=True)
class Why:
    """The calls that reached Dynamics, told apart.

    Attributes:
        first: Answers that were asked for; of each the first call.
        counts: Calls for counts and passes that had been asked for before: they are fresh for seconds.
        again: The same of all other answers.
        told: What the replicas counted, all together, by metric and its label: ``second_level alone`` and the like.
    """

    first: int
    counts: int
    again: int
    told: Mapping[str, int]

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]], metrics: Iterable[str]) -> "Why":
        """Tell them apart.

        Args:
            records: What the sandbox received.
            metrics: What each replica shows at ``/metrics``.
        """
        asked = Counter((str(one["operation"]), str(one["target"])) for one in records)
        more = Counter[bool]()
        for (operation, _), times in asked.items():
            more[operation in BY_NAME and BY_NAME[operation].freshness is Freshness.COUNTS] += times - 1
        told = Counter[str]()
        for text in metrics:
            for metric, labels, value in _SAMPLE.findall(text):
                name = metric.removeprefix("evtmgmt_").removesuffix("_total")
                told[f"{name} {dict(_LABEL.findall(labels))[_TOLD_BY[metric]]}"] += int(float(value))
        return cls(len(asked), more[True], more[False], told)

    @property
    def total(self) -> int:
        """All of them."""
        return self.first + self.counts + self.again

    def part(self, metric: str) -> str:
        """What replicas counted, in words: ``alone 3, asked 61``."""
        found = {name.partition(" ")[2]: value for name, value in self.told.items() if name.startswith(f"{metric} ") and value}
        return ", ".join(f"{name} {value}" for name, value in sorted(found.items())) or "-"


def metrics_of(port: int) -> str:
    """What a replica shows.

    Raises:
        FailedError: It does not.
    """
    connection = HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        raise FailedError("a replica does not show its metrics")
    return text
