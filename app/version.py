"""The product's version, as installed."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("evtmgmt-proxy")
    except PackageNotFoundError:
        return "0.0.0"  # run from a source tree that is not installed


VERSION: Final = _installed()
