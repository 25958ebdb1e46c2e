"""Work that nobody waits for: its mistakes are told all the same."""

import asyncio
from typing import Any

import structlog

from translation.errors import ProxyError

log = structlog.get_logger("evtmgmt.background")


def tell_defect(task: asyncio.Future[Any]) -> None:
    """Log what a task ended with, unless it is cancelled or a row of the closed list. For ``add_done_callback``."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ProxyError):
        log.error("defect", exc_info=error)
