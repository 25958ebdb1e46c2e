"""What a process runs: one portal, or a table of them, each with complete settings of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from app.configuration_error import ConfigurationError
from app.hosting.merging import laid_over
from app.hosting.settings import PORTALS, Reload, Selectors, is_portal_name
from app.setting_groups import Limits, Scraping
from app.setting_types import Group
from app.settings import GivenSettings, Settings
from app.settings_sources import PREFIX, given_values, in_words, load_settings
from app.telemetry.environment import secrets as secrets_of_exporter
from app.telemetry.settings import TelemetrySettings

_OF_THE_PROCESS: Final[Mapping[str, frozenset[str]]] = {
    "log_level": frozenset(),
    "reload": frozenset(),
    "portals": frozenset(),
    "telemetry": frozenset(),
    "metrics": frozenset(),
    "limits": frozenset({"backlog", "connections", "drain_delay", "header_timeout", "keep_alive", "shutdown_timeout"}),
}
"""What a portal cannot have of its own: groups, and of some only these settings."""


class Process(Group):
    """The settings that all portals of a process share."""

    log_level: str = "info"
    limits: Limits = Limits()
    reload: Reload = Reload()
    telemetry: TelemetrySettings = TelemetrySettings()
    metrics: Scraping = Scraping()


@dataclass(frozen=True)
class Installation:
    """Settings that were found good, of all portals.

    Attributes:
        process: What all portals share.
        portals: The settings of each portal by name; of one portal without a table under the empty name.
        selectors: What selects each portal of the table; empty without a table.
    """

    process: Process
    portals: Mapping[str, Settings]
    selectors: Mapping[str, Selectors]

    @property
    def has_table(self) -> bool:
        """Whether there is a table of portals."""
        return bool(self.selectors)

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must never be seen: those of all portals, and what the exporter of traces sends."""
        tokens = [token.get_secret_value() for chosen in self.selectors.values() for token in chosen.client_tokens]
        of_portals = (secret for settings in self.portals.values() for secret in settings.secrets)
        return (*tokens, *of_portals, *secrets_of_exporter())


def alone(settings: Settings) -> Installation:
    """The installation of one portal."""
    process = Process(
        log_level=settings.log_level,
        limits=settings.limits,
        reload=settings.reload,
        telemetry=settings.telemetry,
        metrics=settings.metrics,
    )
    return Installation(process, {"": settings}, {})


def load_installation() -> Installation:
    """What this process runs, as environment and files say.

    Raises:
        ConfigurationError: With a sentence for each mistake that was found, in all portals.
    """
    values, problems = given_values(Settings)
    return read_table(values, problems) if values.get(PORTALS) else alone(load_settings())


def load_portal(name: str | None) -> Settings:
    """The settings of one portal, for commands that ask one.

    Args:
        name: Its name in the table; None where there is no table, or only one portal in it.

    Raises:
        ConfigurationError: They cannot be used, or the name does not tell which.
    """
    installation = load_installation()
    if name is None and len(installation.portals) == 1:
        return next(iter(installation.portals.values()))
    if name is None:
        raise ConfigurationError([f"there are several portals: say which one with --portal: {', '.join(installation.portals)}"])
    if not installation.has_table or name not in installation.portals:
        known = ", ".join(installation.selectors) or "there is no table of portals"
        raise ConfigurationError([f"--portal: there is no portal {name} ({known})"])
    return installation.portals[name]


def read_table(values: Mapping[str, Any], unknown: Sequence[str] = ()) -> Installation:
    """The installation of a table of portals.

    Args:
        values: What the sources say, not yet validated; ``portals`` is a table with an entry at least.
        unknown: Mistakes that were found already.

    Raises:
        ConfigurationError: With a sentence for each mistake.
    """
    problems = list(unknown)
    shared = {name: value for name, value in values.items() if name != PORTALS}
    process = _process(shared, problems)
    portals: dict[str, Settings] = {}
    selectors: dict[str, Selectors] = {}
    table = values[PORTALS]
    if not isinstance(table, Mapping):
        raise ConfigurationError([f"{PREFIX}PORTALS: must be a table with an entry for each portal"])
    for name, own in table.items():
        place = f"{PREFIX}PORTALS__{name.upper()}"
        if not is_portal_name(name):
            problems.append(f"{place}: {name!r} is no name of a portal: small letters, digits and single hyphens, a letter first")
        elif not isinstance(own, Mapping):
            problems.append(f"{place}: must be a table")
        else:
            chosen, settings = _portal(name, place, own, shared, problems)
            if chosen is not None:
                selectors[name] = chosen
            if settings is not None:
                portals[name] = settings
    problems += _overlaps(selectors)
    problems += _shared_places(portals)
    if problems or process is None:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return Installation(process, portals, selectors)


def _process(shared: Mapping[str, Any], problems: list[str]) -> Process | None:
    try:
        return Process.model_validate({name: shared[name] for name in Process.model_fields if name in shared})
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            problems += in_words(error, Settings)
        return None


def _portal(
    name: str, place: str, own: Mapping[str, Any], shared: Mapping[str, Any], problems: list[str]
) -> tuple[Selectors | None, Settings | None]:
    chosen: Selectors | None = None
    settings: Settings | None = None
    problems += _not_its_own(place, own)
    try:
        chosen = Selectors.model_validate({key: own[key] for key in Selectors.model_fields if key in own})
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            problems += in_words(error, Selectors, f"{place}__")
    else:
        if not chosen.places and not chosen.client_tokens:
            problems.append(f"{place}: nothing selects this portal: give it hosts, a path_prefix or client_tokens")
    overlay = {key: value for key, value in own.items() if key not in Selectors.model_fields and key not in ("portals",)}
    try:
        settings = GivenSettings.model_validate(laid_over(shared, overlay)).named(name)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            where = [part for part in error["loc"] if isinstance(part, str)]
            theirs = error["type"] != "missing" and _has(shared, where) and not _has(overlay, where)
            problems += in_words(error, Settings) if theirs else in_words(error, Settings, f"{place}__")
        return chosen, None
    path = settings.state.path
    if path is not None and not _has(overlay, ["state", "path"]):
        state = settings.state.model_copy(update={"path": path / PORTALS / name})
        settings = settings.model_copy(update={"state": state})
    return chosen, settings


def _not_its_own(place: str, own: Mapping[str, Any]) -> Iterator[str]:
    """What a portal's table may not name."""
    for group, names in _OF_THE_PROCESS.items():
        if group not in own:
            continue
        if not names:
            yield f"{place}__{group.upper()}: belongs to the process, not to a portal"
        elif isinstance(own[group], Mapping):
            for name in sorted(names & own[group].keys()):
                yield f"{place}__{group.upper()}__{name.upper()}: belongs to the process, not to a portal"


def _has(values: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return bool(path)


def _overlaps(selectors: Mapping[str, Selectors]) -> Iterator[str]:
    """Requests that two portals would be for."""
    places: dict[tuple[str | None, tuple[str, ...]], str] = {}
    tokens: dict[str, str] = {}
    for name, chosen in selectors.items():
        for host, prefix in chosen.places:
            other = places.setdefault((host, prefix), name)
            if other != name:
                where = f"{host or 'any host'} and the path /{'/'.join(prefix)}"
                yield f"{PREFIX}PORTALS__{name.upper()}: {where} select the portal {other} already"
        for token in chosen.client_tokens:
            other = tokens.setdefault(token.get_secret_value(), name)
            if other != name:
                yield f"{PREFIX}PORTALS__{name.upper()}__CLIENT_TOKENS: one of them selects the portal {other} already"


def _shared_places(portals: Mapping[str, Settings]) -> Iterator[str]:
    """What two portals cannot both have."""
    states: dict[Any, str] = {}
    budgets: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name, settings in portals.items():
        place = f"{PREFIX}PORTALS__{name.upper()}"
        if settings.state.path is not None:
            other = states.setdefault(settings.state.path.absolute(), name)
            if other != name:
                yield f"{place}__STATE__PATH: the portal {other} keeps its state there"
        for endpoint, limits in budgets_of(settings).values():
            other, theirs = budgets.setdefault(endpoint, (name, limits))
            if theirs != limits:
                yield f"{place}__UPSTREAM__BUDGET: the portal {other} has another budget for the same organisation"


def budgets_of(settings: Settings) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """For each organisation of a portal: its address, by which portals share a budget, and what the budget is made of."""
    upstream = settings.upstream
    limits = upstream.budget, upstream.budget_burst, upstream.budget_wait
    found = {"realtime": (settings.realtime.endpoint.lower(), limits)}
    if settings.outbound is not None:
        found["outbound"] = (settings.outbound.endpoint.lower(), limits)
    return found
