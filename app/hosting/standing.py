"""What is known of the settings that serve: for ``/readyz``, for the metrics, and for who compares two processes."""

import time
from collections.abc import Callable, Mapping
from hashlib import scrypt
from typing import Any, Final

import orjson
from pydantic import SecretStr

from app.hosting.installation import Installation
from app.metrics import Metrics
from app.readiness import Readiness

_SALT: Final = b"evtmgmt-proxy configuration 1"
_DIGITS: Final = 12


class Standing:
    """The settings that serve, and whether they could be read the last time.

    Args:
        metrics: Where it is shown.
        clock: Seconds since 1970.

    Attributes:
        readiness: Of each portal, by name.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._clock = clock
        self._hash: str | None = None
        self._loaded = 0.0
        self._good = True
        self.readiness: Mapping[str, Readiness] = {}
        metrics.config_successful.set(1)

    def loaded(self, fingerprint: str) -> None:
        """Settings were read, and serve from now on."""
        self._hash, self._loaded, self._good = fingerprint, self._clock(), True
        self._metrics.config_successful.set(1)
        self._metrics.config_loaded.set(self._loaded)
        self._metrics.config_hash.set(int(fingerprint, 16))

    def refused(self) -> None:
        """Settings were read that cannot be used: those of before serve on."""
        self._good = False
        self._metrics.config_successful.set(0)

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether the proxy is ready, and what ``/readyz`` says beside. Portals are named, nothing else of them is said.

        It is as long as one portal is: a balancer that takes it out takes out all of them, and one organisation's refused token
        is no reason to.
        """
        states = {name: readiness.ready for name, readiness in self.readiness.items()}
        ready = any(states.values())
        # The same sentence of two portals is said once.
        reasons = dict.fromkeys(reason for readiness in self.readiness.values() for reason in _reasons(readiness))
        said: dict[str, Any] = {"status": "ready" if ready and not reasons else "degraded" if ready else "not ready"}
        if reasons:
            said["reason"] = "; ".join(reasons)
        if "" not in states:
            said["portals"] = {name: "ready" if state else "not ready" for name, state in states.items()}
        if self._hash is not None:
            age = max(0, int(self._clock() - self._loaded))
            said["configuration"] = {"hash": self._hash, "age": age, "last_reload": "taken" if self._good else "refused"}
        return ready, said


def _reasons(readiness: Readiness) -> list[str]:
    refused = [] if readiness.tokens_accepted else ["Dynamics refused the token or the origin"]
    return [*refused, *readiness.reasons]


def fingerprint(installation: Installation) -> str:
    """Twelve hexadecimal digits that stand for all settings: the same settings have the same ones on all machines.

    Secrets are in it, so that a token that was changed can be seen to be taken. It is made slowly and cut short, so that it
    neither tells a secret nor helps to guess one.
    """
    settings = {name: _plain(portal.model_dump()) for name, portal in installation.portals.items()}
    chosen = {name: _plain(selectors.model_dump()) for name, selectors in installation.selectors.items()}
    text = orjson.dumps([_plain(installation.process.model_dump()), settings, chosen], option=orjson.OPT_SORT_KEYS)
    return scrypt(text, salt=_SALT, n=2**13, r=8, p=1, dklen=32).hex()[:_DIGITS]


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
