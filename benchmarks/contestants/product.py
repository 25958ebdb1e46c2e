"""This product through its real command line: one worker, settings by environment, full logs into a file, metrics on."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.contestants.case import Site
from benchmarks.material import NEW_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.processes import HOST, Launch

PROGRAM: Final = Path(sys.executable).with_name("evtmgmt-proxy")
UNDISTURBED: Final = {
    "EVTMGMT_UPSTREAM__BUDGET": "off",
    "EVTMGMT_CACHE__WARM": "false",
    "EVTMGMT_RATES__READS_PER_CLIENT": "1000000/s",
    "EVTMGMT_RATES__REGISTRATIONS_PER_CLIENT": "1000000/s",
    "EVTMGMT_RATES__REGISTRATIONS_PER_EVENT": "1000000/s",
}
"""With the budget misses would be measured at its 15 calls a second, and the calls of a warm start would count as misses. All
load comes from one address: it is counted as anybody's, but may ask as often as it can."""
CACHE: Final = "EVTMGMT_CACHE__ENABLED"
LARGEST_IMAGE: Final = "EVTMGMT_UPSTREAM__MAX_IMAGE_BYTES"


def serving(port: int, endpoint: str, token: str, origin: str, settings: dict[str, str]) -> Launch:
    """The product in front of any organisation.

    Args:
        port: Where it listens.
        endpoint: The organisation's endpoint.
        token: The server's token.
        origin: The registered origin.
        settings: Further environment variables.
    """
    environment = {
        "EVTMGMT_REALTIME__ENDPOINT": endpoint,
        "EVTMGMT_REALTIME__TOKEN": token,
        "EVTMGMT_REALTIME__ORIGIN": origin,
        "EVTMGMT_SECRETS_DIR": ".",  # its own folder, in which there are none
        **settings,
    }
    return Launch((str(PROGRAM), "serve", "--host", HOST, "--port", str(port), "--workers", "1"), environment=environment)


def evtmgmt_proxy(**settings: str) -> Callable[[Site], Launch]:
    """The product in front of the fast upstream, with further settings."""

    def launch(site: Site) -> Launch:
        endpoint = f"http://{HOST}:{site.upstream}{NEW_BASE}"
        return serving(site.port, endpoint, SERVER_TOKEN, ORIGIN, {**UNDISTURBED, **settings})

    return launch
