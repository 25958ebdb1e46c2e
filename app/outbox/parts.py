"""The outbox as the settings describe it."""

from collections.abc import Callable, Mapping
from typing import Any

from app.backend import Backend
from app.calls import Call
from app.configuration_error import ConfigurationError
from app.cutover.settings import StateSettings
from app.metrics import Metrics
from app.outbox.lock import Lock
from app.outbox.outbox import Outbox
from app.outbox.sealing import Letter
from app.outbox.store import Store
from app.readiness import Readiness
from app.settings import Settings
from app.sqlite_files import StoreAwayError
from app.telemetry.traces import Traces
from translation.operations import BY_NAME


def open_outbox(state: StateSettings) -> Store:
    """The file of an outbox.

    Args:
        state: Where it is.

    Raises:
        ConfigurationError: It cannot be used.
    """
    assert state.path is not None  # noqa: S101 - the settings were checked
    store = Store(state.path)
    try:
        store.check()
    except StoreAwayError as away:
        raise ConfigurationError([f"EVTMGMT_STATE__PATH: {away}"]) from None
    return store


def build_outbox(
    settings: Settings,
    backend: Backend,
    registered: Callable[[str], None],
    metrics: Metrics,
    readiness: Readiness,
    traces: Traces | None = None,
) -> Outbox:
    """The outbox of a portal that has one.

    Args:
        settings: The settings.
        backend: The real-time organisation.
        registered: Is told of the event of each registration that was delivered.
        metrics: Where things are counted.
        readiness: Is told when something waits for too long.
        traces: Which deliveries are traced; None where none are.

    Raises:
        ConfigurationError: Its file cannot be used.
    """
    store = open_outbox(settings.state)

    async def send(letter: Letter) -> Mapping[str, Any]:
        parameters = {"event": letter.event}
        trace = (("x-request-id", letter.request_id),) if letter.request_id else ()
        return await backend.send(Call(BY_NAME["register"], parameters, parameters, trace=trace), letter.body)

    return Outbox(settings.outbox, store, Lock(store.directory), send, registered, metrics, readiness, traces)
